//! Faults of the cloud on one machine: what a test does to the deployed functions.
//!
//! [`Faults`] makes their calls to AWS fail, or kills them at a chosen call; [`kill`] ends whatever
//! runs of a function. The local cloud runs every function environment as a process of this machine,
//! which knows by its environment whose it is. Other stacks may run here too: only functions of the
//! given one are touched.

use std::{
    ffi::OsStr,
    fs, io,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::OwnedFd,
    time::Duration,
};

pub use fault_proxy::{Action, Chance, Count, Rule};
use reqwest::{Client, Method, Response};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::Value;

use crate::stack::{Stack, StackError};

/// How long a fault may take to be taken back when it is dropped.
const TAKEN_BACK_WITHIN: Duration = Duration::from_secs(2);

/// No fault could be made, or asked about.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// The functions call the cloud directly.
    #[error("this cloud has no fault proxy: `cargo xtask test` and `cargo xtask chaos` start one")]
    NoProxy,
    /// Its address is not one.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// The proxy did not do it.
    #[error("the fault proxy: {0}")]
    Proxy(#[from] reqwest::Error),
    /// The proxy's answer was not understood.
    #[error("the fault proxy said: {0}")]
    Answer(Value),
}

/// Makes calls of the deployed functions fail. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Faults {
    http: Client,
    control_url: String,
    /// What the names of the stack's functions begin with.
    prefix: String,
}

impl Faults {
    /// Those of this stack.
    ///
    /// # Errors
    /// [`FaultError::NoProxy`] when it was brought up without; [`FaultError::Stack`].
    pub fn new(stack: &Stack) -> Result<Self, FaultError> {
        let proxy = stack.fault_proxy.as_ref().ok_or(FaultError::NoProxy)?;
        // The stack's bus is named like the stack.
        let prefix = format!("{}-", stack.outputs.event_bus_name);
        Ok(Self::at(
            stack.http_client()?,
            proxy.control_url.clone(),
            prefix,
        ))
    }

    /// Those of functions whose names begin with `prefix`, by the proxy with this control address.
    pub fn at(http: Client, control_url: String, prefix: String) -> Self {
        Self {
            http,
            control_url,
            prefix,
        }
    }

    /// Puts a rule into force until the fault is dropped. Its function is named as in the template's
    /// services, e.g. `answer-api`.
    ///
    /// # Errors
    /// [`FaultError`]
    pub async fn add(&self, mut rule: Rule) -> Result<Fault, FaultError> {
        rule.function = rule.function.map(|name| format!("{}{name}", self.prefix));
        let request = self.http.post(format!("{}/rules", self.control_url));
        let said: Value = answer(request.json(&rule)).await?.json().await?;
        let id = said["id"].as_u64().ok_or(FaultError::Answer(said))?;
        Ok(Fault {
            faults: self.clone(),
            id,
        })
    }

    /// Takes all rules back, those of other tests too.
    ///
    /// # Errors
    /// [`FaultError::Proxy`]
    pub async fn clear(&self) -> Result<(), FaultError> {
        let url = format!("{}/rules", self.control_url);
        answer(self.http.request(Method::DELETE, url)).await?;
        Ok(())
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Response, reqwest::Error> {
    request.send().await?.error_for_status()
}

/// A rule that is in force until this is dropped.
#[derive(Debug)]
#[must_use = "a fault that is dropped is taken back"]
pub struct Fault {
    faults: Faults,
    id: u64,
}

impl Fault {
    /// What it has hit so far.
    ///
    /// # Errors
    /// [`FaultError::Proxy`], also when all rules were taken back.
    pub async fn count(&self) -> Result<Count, FaultError> {
        let request = self.faults.http.get(self.url());
        Ok(answer(request).await?.json().await?)
    }

    /// How many calls it has hit so far.
    ///
    /// # Errors
    /// As [`Fault::count`].
    pub async fn hits(&self) -> Result<u64, FaultError> {
        Ok(self.count().await?.hits)
    }

    fn url(&self) -> String {
        format!("{}/rules/{}", self.faults.control_url, self.id)
    }

    /// Takes it back without waiting for a runtime, which a test that fails may not have any more.
    fn take_back(&self) -> io::Result<()> {
        let url = self.url();
        let rest = url.strip_prefix("http://").unwrap_or(&url);
        let (host, path) = rest.split_once('/').ok_or(io::ErrorKind::InvalidInput)?;
        let address: SocketAddr = host.parse().map_err(io::Error::other)?;
        let mut stream = TcpStream::connect_timeout(&address, TAKEN_BACK_WITHIN)?;
        stream.set_read_timeout(Some(TAKEN_BACK_WITHIN))?;
        write!(
            stream,
            "DELETE /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
        )?;
        stream.read_to_end(&mut Vec::new())?;
        Ok(())
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        // The proxy has ended when this fails, and with it all faults.
        let _ = self.take_back();
    }
}

/// Kills every process of a function, e.g. `entitlement-outbox`, whatever it is doing. Returns how
/// many there were; there may be none, since the local cloud starts them when they are needed.
///
/// # Errors
/// When the processes of this machine cannot be listed.
pub fn kill(stack: &Stack, function: &str) -> io::Result<usize> {
    let proxy = stack.fault_proxy.as_ref();
    let endpoint_url = proxy.map_or(&stack.endpoint_url, |proxy| &proxy.endpoint_url);
    let variables = [
        // The stack's bus is named like the stack.
        format!(
            "AWS_LAMBDA_FUNCTION_NAME={}-{function}",
            stack.outputs.event_bus_name
        ),
        format!("AWS_ENDPOINT_URL={endpoint_url}"),
    ];
    let mut killed = 0;
    for process in fs::read_dir("/proc")? {
        let Some(pid) = pid(&process?.file_name()) else {
            continue;
        };
        if let Some(process) = find(pid, &variables)
            && pidfd_send_signal(process, Signal::KILL).is_ok()
        {
            killed += 1;
        }
    }
    Ok(killed)
}

fn pid(name: &OsStr) -> Option<Pid> {
    Pid::from_raw(name.to_str()?.parse().ok()?)
}

/// The process, if it has all of these variables; none also when it has ended or is someone else's.
fn find(pid: Pid, variables: &[String]) -> Option<OwnedFd> {
    // Opened before it is looked at, so that no other process of the same number is meant.
    let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).ok()?;
    has_all(&environment, variables).then_some(process)
}

fn has_all(environment: &[u8], variables: &[String]) -> bool {
    let has = |variable: &String| {
        let mut there = environment.split(|byte| *byte == 0);
        there.any(|entry| entry == variable.as_bytes())
    };
    variables.iter().all(has)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_known_by_all_of_its_variables() {
        let environment = b"A=1\0AB=2\0C=3\0";
        let has = |variables: &[&str]| {
            let variables: Vec<_> = variables.iter().map(ToString::to_string).collect();
            has_all(environment, &variables)
        };
        assert!(has(&["AB=2", "C=3"]));
        assert!(!has(&["AB=2", "C=4"]));
        assert!(!has(&["B=2"]), "only the end of a name");
        assert!(!has(&["A="]), "only the start of a value");
    }

    #[test]
    fn only_the_process_meant_is_found() {
        let mark = format!("CUEPOINT_TEST_MARK={}", std::process::id());
        let (name, value) = mark.split_once('=').unwrap();
        let mut child = Command::new("sleep")
            .arg("60")
            .env(name, value)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
        let other = Pid::from_raw(std::process::id().try_into().unwrap()).unwrap();
        let variables = [mark.clone()];
        assert!(find(other, &variables).is_none());
        // Until the child has become `sleep` its environment is the test's.
        let process = (0..200).find_map(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            find(pid, &variables)
        });
        pidfd_send_signal(process.unwrap(), Signal::KILL).unwrap();
        assert!(!child.wait().unwrap().success());
        assert!(find(pid, &variables).is_none());
    }
}
