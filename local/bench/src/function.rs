//! A function's process, with the environment that Lambda gives it.
//!
//! It is killed when its [`Function`] is dropped, whatever it is doing.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tempfile::NamedTempFile;
use tokio::process::{Child, Command};

use crate::{
    aws_stub::AwsStub,
    cpus,
    runtime_api::{Invocation, RuntimeApi},
};

/// A start or an invocation that takes longer has failed: far more than any takes that works.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many of the last lines that a function printed are shown when it fails.
const SHOWN_LINES: usize = 12;

/// The region that functions are told to run in.
pub const REGION: &str = "eu-west-1";

/// The memory that functions are told to have, in MB: that at which Lambda gives one whole CPU.
const MEMORY_MB: u32 = 1_769;

/// What is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// What it is called in tables and messages.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Where it is deployed: its working folder and `LAMBDA_TASK_ROOT`.
    pub task_root: PathBuf,
    /// What `_HANDLER` says.
    pub handler: String,
    /// Where its AWS calls go.
    pub endpoint_url: String,
    /// Its own environment variables.
    pub variables: BTreeMap<String, String>,
    /// The CPU that it stays on; none: any.
    pub cpu: Option<usize>,
}

/// Why a function did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum FunctionError {
    /// It could not be started.
    #[error("cannot start the function {name}: {source}")]
    Start {
        /// Which.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// It has ended by itself.
    #[error("the function {name} has ended by itself ({status})\n{said}")]
    Ended {
        /// Which.
        name: String,
        /// How.
        status: ExitStatus,
        /// The last that it printed, and what it reported about its start.
        said: String,
    },
    /// It neither answers nor ends.
    #[error("the function {name} has not answered for {seconds} s\n{said}")]
    Silent {
        /// Which.
        name: String,
        /// How long it was waited for.
        seconds: u64,
        /// The last that it printed.
        said: String,
    },
}

/// The memory of a process, in MB of 1,048,576 bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Memory {
    /// The most that was ever resident (`VmHWM`).
    pub peak_mb: f64,
    /// What is resident (`VmRSS`).
    pub now_mb: f64,
}

impl Memory {
    /// That of the calling process.
    ///
    /// # Errors
    /// When `/proc` does not say, because the system is not Linux.
    pub fn own() -> io::Result<Self> {
        Self::of("self")
    }

    fn of(process: &str) -> io::Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let field = |name: &str| megabytes(&status, name).ok_or(io::ErrorKind::InvalidData);
        Ok(Self {
            peak_mb: field("VmHWM")?,
            now_mb: field("VmRSS")?,
        })
    }
}

/// A running function that has polled at least once.
#[derive(Debug)]
pub struct Function {
    name: String,
    api: RuntimeApi,
    child: Child,
    output: NamedTempFile,
    cold_start: Duration,
}

impl Function {
    /// Starts a function and waits for its first poll.
    ///
    /// # Errors
    /// [`FunctionError`] when it cannot be started, ends before it polls or never polls.
    pub async fn start(launch: &Launch) -> Result<Self, FunctionError> {
        let failed = |source| FunctionError::Start {
            name: launch.name.clone(),
            source,
        };
        let api = RuntimeApi::serve().await.map_err(failed)?;
        let output = NamedTempFile::new().map_err(failed)?;
        let mut command = launch.command(&api, &output).map_err(failed)?;
        let started = Instant::now();
        let child = match launch.cpu {
            Some(cpu) => cpus::on(&[cpu], || command.spawn()).and_then(|child| child),
            None => command.spawn(),
        };
        let mut function = Self {
            name: launch.name.clone(),
            api,
            child: child.map_err(failed)?,
            output,
            cold_start: Duration::ZERO,
        };
        let Self { api, child, .. } = &mut function;
        let polled = tokio::select! {
            // A function that ends at once may have polled before: its end counts.
            biased;
            status = child.wait() => Err(Some(status.map_err(failed)?)),
            at = api.first_poll() => Ok(at),
            () = tokio::time::sleep(PATIENCE) => Err(None),
        };
        match polled {
            Ok(at) => function.cold_start = at.duration_since(started),
            Err(status) => return Err(function.failure(status)),
        }
        Ok(function)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From just before the process was started to its first poll.
    pub fn cold_start(&self) -> Duration {
        self.cold_start
    }

    /// Hands it an event and waits for what becomes of it.
    ///
    /// # Errors
    /// [`FunctionError`] when it ends or does not answer.
    pub async fn invoke(
        &mut self,
        request_id: &str,
        event: Bytes,
    ) -> Result<Invocation, FunctionError> {
        let Self { api, child, .. } = self;
        let handled = tokio::select! {
            biased;
            invocation = api.invoke(request_id, event) => Ok(invocation),
            status = child.wait() => Err(status.ok()),
            () = tokio::time::sleep(PATIENCE) => Err(None),
        };
        handled.map_err(|status| self.failure(status))
    }

    /// Its memory.
    ///
    /// # Errors
    /// When `/proc` does not say, because it has ended or the system is not Linux.
    pub fn memory(&self) -> io::Result<Memory> {
        let id = self.child.id().ok_or(io::ErrorKind::NotFound)?;
        Memory::of(&id.to_string())
    }

    /// The time that all its threads have had a CPU, as fine as the system counts it: 10 ms.
    ///
    /// # Errors
    /// When `/proc` does not say, because it has ended or the system is not Linux.
    pub fn cpu_time(&self) -> io::Result<Duration> {
        let id = self.child.id().ok_or(io::ErrorKind::NotFound)?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
        let ticks = ticks(&stat).ok_or(io::ErrorKind::InvalidData)?;
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
    }

    /// Kills it, as Lambda may at any moment, and waits until it is gone.
    ///
    /// # Errors
    /// When the system does not let it.
    pub async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// All that it printed.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn printed(&self) -> io::Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(self.output.path())?).into_owned())
    }

    fn failure(&self, status: Option<ExitStatus>) -> FunctionError {
        let printed = self.printed().unwrap_or_default();
        let lines: Vec<&str> = printed.lines().collect();
        let mut said = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        if let Some(reported) = self.api.init_error() {
            said.push('\n');
            said.push_str(&reported);
        }
        let name = self.name.clone();
        match status {
            Some(status) => FunctionError::Ended { name, status, said },
            None => FunctionError::Silent {
                name,
                seconds: PATIENCE.as_secs(),
                said,
            },
        }
    }
}

impl Launch {
    /// A program that is a whole function, whose AWS calls go to the stub.
    pub fn of_program(
        name: &str,
        program: &Path,
        task_root: &Path,
        stub: &AwsStub,
        variables: &[(&str, &str)],
    ) -> Self {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            arguments: Vec::new(),
            task_root: task_root.to_owned(),
            handler: "bootstrap".to_owned(),
            endpoint_url: stub.endpoint_url(),
            variables: variables.iter().map(text).collect(),
            cpu: None,
        }
    }

    fn command(&self, api: &RuntimeApi, output: &NamedTempFile) -> io::Result<Command> {
        // A path is the caller's, who is in another folder; a bare name is looked up.
        let program = match self.program.components().count() {
            1 => self.program.clone(),
            _ => std::path::absolute(&self.program)?,
        };
        let mut command = Command::new(program);
        let printed = output.reopen()?;
        command
            .args(&self.arguments)
            .current_dir(&self.task_root)
            .env_clear()
            .envs(self.environment(api))
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stderr(printed.try_clone()?)
            .stdout(printed)
            .kill_on_drop(true);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        Ok(command)
    }

    /// What Lambda sets ("Defined runtime environment variables"). The home folder is the
    /// function's own, so that no settings of this machine's user reach it.
    fn environment(&self, api: &RuntimeApi) -> Vec<(&'static str, OsString)> {
        let task_root = self.task_root.clone().into_os_string();
        let text = |text: &str| OsString::from(text);
        vec![
            ("AWS_LAMBDA_RUNTIME_API", api.address().to_string().into()),
            ("AWS_LAMBDA_FUNCTION_NAME", text(&self.name)),
            ("AWS_LAMBDA_FUNCTION_VERSION", text("$LATEST")),
            (
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                MEMORY_MB.to_string().into(),
            ),
            (
                "AWS_LAMBDA_LOG_GROUP_NAME",
                format!("/aws/lambda/{}", self.name).into(),
            ),
            (
                "AWS_LAMBDA_LOG_STREAM_NAME",
                text("2026/01/01/[$LATEST]0000"),
            ),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", text("on-demand")),
            ("AWS_REGION", text(REGION)),
            ("AWS_DEFAULT_REGION", text(REGION)),
            ("AWS_ACCESS_KEY_ID", text("test")),
            ("AWS_SECRET_ACCESS_KEY", text("test")),
            ("AWS_ENDPOINT_URL", text(&self.endpoint_url)),
            ("_HANDLER", text(&self.handler)),
            ("LAMBDA_TASK_ROOT", task_root.clone()),
            ("HOME", task_root),
            ("LANG", text("en_US.UTF-8")),
            ("TZ", text(":UTC")),
        ]
    }
}

/// Reads a field of `/proc/<pid>/status`, which says it in KiB.
fn megabytes(status: &str, field: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// Reads from `/proc/<pid>/stat` how long a process has run, itself and in the kernel: fields 14 and
/// 15, counted behind the name, which may hold spaces and brackets.
fn ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_read_by_its_name() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(megabytes(status, "VmHWM"), Some(2.0));
        assert_eq!(megabytes(status, "VmRSS"), Some(1.0));
        assert_eq!(megabytes(status, "VmR"), None);
    }

    #[test]
    fn the_time_is_counted_behind_the_name() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194304 100 0 0 0 30 12 0 0 20 0 1 0 99";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("42 (a) S 1"), None);
    }
}
