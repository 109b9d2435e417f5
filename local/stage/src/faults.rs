//! Faults of the cloud on one machine: what a test does to the deployed functions.
//!
//! [`Faults`] makes their calls to AWS fail, or kills them at a chosen call; [`kill`] ends whatever
//! runs of a function. The local cloud runs every function environment as a process of this machine,
//! which knows by its environment whose it is. Other stacks may run here too: only functions of the
//! given one are touched.

use std::{
    io,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use fault_proxy::caller;
pub use fault_proxy::{Action, Count, Rule, Seen, Watch};
use reqwest::{Client, Response};
use serde_json::Value;

use crate::stack::{Stack, StackError};

/// How long a fault may take to be taken back when it is dropped.
const TAKEN_BACK_WITHIN: Duration = Duration::from_secs(2);

/// No fault could be made, or asked about.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// The functions call the cloud directly.
    #[error(
        "this cloud has no fault proxy: `cargo xtask test`, `cargo xtask chaos` and `cargo xtask up --faults` start one"
    )]
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

    /// Counts the calls with all of these in their body until the watch is dropped, e.g. a table's
    /// name and the id of a run.
    ///
    /// # Errors
    /// [`FaultError`]
    pub async fn watch(&self, contains: &[&str]) -> Result<Watched, FaultError> {
        let contains = contains.iter().map(|text| (*text).to_owned()).collect();
        let request = self.http.post(format!("{}/watches", self.control_url));
        let said = answer(request.json(&Watch { contains })).await?;
        let said: Value = said.json().await?;
        let id = said["id"].as_u64().ok_or(FaultError::Answer(said))?;
        Ok(Watched {
            faults: self.clone(),
            id,
        })
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
    /// [`FaultError::Proxy`]
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
}

impl Drop for Fault {
    fn drop(&mut self) {
        // The proxy has ended when this fails, and with it all faults.
        let _ = take_back(&self.url());
    }
}

/// Calls that are counted until this is dropped.
#[derive(Debug)]
#[must_use = "a watch that is dropped counts no more"]
pub struct Watched {
    faults: Faults,
    id: u64,
}

impl Watched {
    /// What was called so far. Functions are named as in the template's services.
    ///
    /// # Errors
    /// [`FaultError::Proxy`]
    pub async fn seen(&self) -> Result<Vec<Seen>, FaultError> {
        let request = self.faults.http.get(self.url());
        let mut seen: Vec<Seen> = answer(request).await?.json().await?;
        for Seen { function, .. } in &mut seen {
            if let Some(name) = function
                && let Some(short) = name.strip_prefix(&self.faults.prefix)
            {
                *name = short.to_owned();
            }
        }
        Ok(seen)
    }

    fn url(&self) -> String {
        format!("{}/watches/{}", self.faults.control_url, self.id)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // The proxy has ended when this fails, and with it what it counted.
        let _ = take_back(&self.url());
    }
}

/// Takes something back without waiting for a runtime, which a test that fails may not have any
/// more.
fn take_back(url: &str) -> io::Result<()> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
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

/// Kills every process of a function, e.g. `entitlement-outbox`, whatever it is doing. Returns how
/// many there were; there may be none, since the local cloud starts them when they are needed.
///
/// # Errors
/// When the processes of this machine cannot be listed.
pub fn kill(stack: &Stack, function: &str) -> io::Result<usize> {
    let proxy = stack.fault_proxy.as_ref();
    let endpoint_url = proxy.map_or(&stack.endpoint_url, |proxy| &proxy.endpoint_url);
    // The stack's bus is named like the stack.
    let function = format!("{}-{function}", stack.outputs.event_bus_name);
    let variables = [
        (caller::FUNCTION, function.as_str()),
        ("AWS_ENDPOINT_URL", endpoint_url.as_str()),
    ];
    caller::kill_all(&variables)
}
