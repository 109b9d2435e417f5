//! Which function makes a call, and how that is killed.
//!
//! The adapter for the processes of this machine. The local cloud runs every function environment as
//! a process, which knows by its environment whose it is. What connects it with a call is the
//! socket: the port it calls from is in the system's table, and the socket among its open files.

use std::{
    ffi::OsStr,
    io,
    net::SocketAddr,
    os::fd::{AsFd, OwnedFd},
};

use procfs::process::{FDTarget, Process, all_processes};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The variable that names a function to its own process.
pub const FUNCTION: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// A function's process.
#[derive(Debug)]
pub struct Caller {
    /// The function, by its full name.
    pub function: String,
    process: OwnedFd,
}

impl Caller {
    /// Who is at the other end of a connection from `peer` to `own`; none when that is not the
    /// process of a function.
    pub fn of_connection(peer: SocketAddr, own: SocketAddr) -> Option<Self> {
        let socket = procfs::net::tcp()
            .ok()?
            .into_iter()
            .find(|socket| socket.local_address == peer && socket.remote_address == own)?
            .inode;
        all_processes()
            .ok()?
            .filter_map(Result::ok)
            .find_map(|process| Self::with_socket(&process, socket))
    }

    fn with_socket(process: &Process, socket: u64) -> Option<Self> {
        function(process)?;
        let mut open = process.fd().ok()?.filter_map(Result::ok);
        open.find(|file| matches!(file.target, FDTarget::Socket(inode) if inode == socket))?;
        let pid = pidfd_open(Pid::from_raw(process.pid())?, PidfdFlags::empty()).ok()?;
        // Asked again behind the opening: it still runs, so no other process has its number.
        Some(Self {
            function: function(process)?,
            process: pid,
        })
    }

    /// Kills it, whatever it is doing.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn kill(&self) -> io::Result<()> {
        Ok(pidfd_send_signal(self.process.as_fd(), Signal::KILL)?)
    }
}

/// Kills every process of this machine that has all of these variables, whatever it is doing. Returns
/// how many there were.
///
/// # Errors
/// When the processes cannot be listed.
pub fn kill_all(variables: &[(&str, &str)]) -> io::Result<usize> {
    let processes = all_processes().map_err(io::Error::other)?;
    let meant = processes
        .filter_map(Result::ok)
        .filter_map(|process| find(&process, variables));
    Ok(meant
        .filter(|process| pidfd_send_signal(process, Signal::KILL).is_ok())
        .count())
}

/// The process, if it has all of these variables; none also when it has ended or is someone else's.
fn find(process: &Process, variables: &[(&str, &str)]) -> Option<OwnedFd> {
    // Opened before it is looked at, so that no other process of the same number is meant.
    let opened = pidfd_open(Pid::from_raw(process.pid())?, PidfdFlags::empty()).ok()?;
    let environment = process.environ().ok()?;
    let has = |(name, value): &(&str, &str)| {
        environment
            .get(OsStr::new(name))
            .is_some_and(|is| is == value)
    };
    variables.iter().all(has).then_some(opened)
}

/// The function that a process is of. The environment of another user's process cannot be read.
fn function(process: &Process) -> Option<String> {
    let mut environment = process.environ().ok()?;
    let name = environment.remove(OsStr::new(FUNCTION))?;
    name.into_string().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn only_processes_with_all_of_the_variables_are_killed() {
        let mine = std::process::id().to_string();
        let child = |other: &str| {
            let mut command = Command::new("sleep");
            command.arg("60").env("CUEPOINT_TEST_MARK", &mine);
            command.env("CUEPOINT_TEST_OTHER", other);
            command.stdin(Stdio::null()).spawn().unwrap()
        };
        let (mut meant, mut spared) = (child("a"), child("ab"));
        let variables = [("CUEPOINT_TEST_MARK", &*mine), ("CUEPOINT_TEST_OTHER", "a")];
        // Until a child has become `sleep` its environment is the test's.
        let killed = (0..200).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            kill_all(&variables).unwrap() == 1
        });
        assert!(killed);
        assert!(!meant.wait().unwrap().success());
        assert_eq!(spared.try_wait().unwrap(), None);
        spared.kill().unwrap();
        spared.wait().unwrap();
        assert_eq!(kill_all(&variables).unwrap(), 0);
    }
}
