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
const FUNCTION: &str = "AWS_LAMBDA_FUNCTION_NAME";

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

/// The function that a process is of. The environment of another user's process cannot be read.
fn function(process: &Process) -> Option<String> {
    let mut environment = process.environ().ok()?;
    let name = environment.remove(OsStr::new(FUNCTION))?;
    name.into_string().ok()
}
