//! Faults of the cloud on one machine: what a test does to the deployed functions.
//!
//! The local cloud runs every function environment as a process of this machine, which knows by its
//! environment whose it is. Other stacks may run here too: only processes of the given one are
//! touched.

use std::{ffi::OsStr, fs, io, os::fd::OwnedFd};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::stack::Stack;

/// Kills every process of a function, e.g. `entitlement-outbox`, whatever it is doing. Returns how
/// many there were; there may be none, since the local cloud starts them when they are needed.
///
/// # Errors
/// When the processes of this machine cannot be listed.
pub fn kill(stack: &Stack, function: &str) -> io::Result<usize> {
    let variables = [
        // The stack's bus is named like the stack.
        format!(
            "AWS_LAMBDA_FUNCTION_NAME={}-{function}",
            stack.outputs.event_bus_name
        ),
        format!("AWS_ENDPOINT_URL={}", stack.endpoint_url),
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
