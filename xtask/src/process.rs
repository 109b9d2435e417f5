//! The processes that a command starts: each in a group of its own, none left behind.
//!
//! A group is ended when its [`Process`] is dropped, which every way out of a command does. If this
//! program itself is killed, nothing here runs any more: so the groups are also written to a file,
//! and the next command on the same folder ends those that it finds still there and recognises as
//! the same processes by their start time.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use serde_json::{Value, json};

use crate::{
    failure::{self, Failure},
    interrupt,
    progress::{Progress, Step},
};

/// How long a process may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(10);

/// The groups that are running.
static LIVE: Mutex<Live> = Mutex::new(Live {
    groups: BTreeMap::new(),
    file: None,
});

struct Live {
    /// Group id (the id of its first process) to what it is.
    groups: BTreeMap<u32, String>,
    /// Where they are written down.
    file: Option<PathBuf>,
}

impl Live {
    fn with<T>(change: impl FnOnce(&mut Self) -> T) -> T {
        let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut live);
        live.write_down();
        result
    }

    /// A failure to write costs only the clean-up after a kill: it stops nothing.
    fn write_down(&self) {
        let Some(file) = &self.file else { return };
        let groups: Vec<_> = self
            .groups
            .iter()
            .map(|(id, name)| json!({"id": id, "name": name, "started": start_time(*id)}))
            .collect();
        let _ = std::fs::write(file, Value::from(groups).to_string());
    }
}

/// Ends what an earlier command left behind, and writes down in `file` what is started from now on.
pub(crate) fn keep_record(file: &Path) {
    let left: Vec<Value> = std::fs::read(file)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    // The newest first: what was started last uses what was started before it.
    for group in left.into_iter().rev() {
        let Some(id) = group["id"].as_u64().and_then(|id| u32::try_from(id).ok()) else {
            continue;
        };
        let started = start_time(id);
        if started.is_some() && started.as_deref() == group["started"].as_str() {
            eprintln!(
                "  ending what an earlier run left behind: {}",
                group["name"]
            );
            end_group(id, || start_time(id) != started);
        }
    }
    Live::with(|live| live.file = Some(file.to_owned()));
}

/// Kills every running group at once.
pub(crate) fn kill_all() {
    Live::with(|live| {
        for id in std::mem::take(&mut live.groups).into_keys() {
            signal(id, Signal::KILL);
        }
    });
}

/// A running process and what it has started itself.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
    log: Option<PathBuf>,
}

impl Process {
    /// Starts a command whose output is added to a log.
    pub(crate) fn start(mut command: Command, name: &str, log: &Path) -> anyhow::Result<Self> {
        let file = open_log(log)?;
        let clone = file
            .try_clone()
            .with_context(|| format!("cannot use {}", log.display()))?;
        command.stdout(file).stderr(clone);
        Self::spawn(command, name, Some(log.to_owned()))
    }

    /// Starts a command whose results are written to a file anew, and what else it says to a log.
    pub(crate) fn start_into(
        mut command: Command,
        name: &str,
        output: &Path,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let file =
            File::create(output).with_context(|| format!("cannot write {}", output.display()))?;
        command.stdout(file).stderr(open_log(log)?);
        Self::spawn(command, name, Some(log.to_owned()))
    }

    /// Starts a command that writes to where this program writes.
    pub(crate) fn start_in_view(command: Command, name: &str) -> anyhow::Result<Self> {
        Self::spawn(command, name, None)
    }

    fn spawn(mut command: Command, name: &str, log: Option<PathBuf>) -> anyhow::Result<Self> {
        let program = command.get_program().display().to_string();
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {name}: {program}"))?;
        Live::with(|live| live.groups.insert(child.id(), name.to_owned()));
        Ok(Self {
            child,
            name: name.to_owned(),
            log,
        })
    }

    /// The status it has ended with, if it has.
    pub(crate) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .with_context(|| format!("cannot watch {}", self.name))
    }

    /// Fails if it has ended, which a server must not.
    pub(crate) fn must_run(&mut self) -> anyhow::Result<()> {
        let Some(status) = self.ended()? else {
            return Ok(());
        };
        let failure = Failure::new(format!("{} has ended by itself ({status})", self.name));
        Err(self.with_log(failure).into())
    }

    /// Waits for its end; an interrupt ends it.
    pub(crate) fn wait(
        &mut self,
        mut meanwhile: impl FnMut() -> anyhow::Result<()>,
    ) -> anyhow::Result<ExitStatus> {
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            meanwhile()?;
            interrupt::pause()?;
        }
    }

    /// What it is, for messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Adds the log, if there is one, to a failure.
    pub(crate) fn with_log(&self, failure: Failure) -> Failure {
        match &self.log {
            Some(log) => failure.log(log),
            None => failure,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let id = self.child.id();
        let child = &mut self.child;
        end_group(id, || matches!(child.try_wait(), Ok(Some(_)) | Err(_)));
        Live::with(|live| live.groups.remove(&id));
    }
}

/// Runs a command to its end, showing the last line of its log beside the step.
///
/// Fails with what is in the log when the command does.
pub(crate) fn run(command: Command, name: &str, log: &Path, step: &Step) -> anyhow::Result<()> {
    finish(Process::start(command, name, log)?, log, step)
}

/// Runs a command as a step of its own; when it fails, `next` says what to do about it.
pub(crate) fn run_as_step(
    command: Command,
    title: &str,
    log: &Path,
    next: &str,
    progress: &Progress,
) -> anyhow::Result<()> {
    let step = progress.step(title);
    run(command, title, log, &step).map_err(|error| failure::advise(error, next))?;
    step.done("");
    Ok(())
}

/// Like [`run`], for a command whose standard output is its result: returns it. It is kept in the
/// file `output`.
pub(crate) fn run_into(
    command: Command,
    name: &str,
    output: &Path,
    log: &Path,
    step: &Step,
) -> anyhow::Result<String> {
    finish(Process::start_into(command, name, output, log)?, log, step)?;
    std::fs::read_to_string(output).with_context(|| format!("cannot read {}", output.display()))
}

fn finish(mut process: Process, log: &Path, step: &Step) -> anyhow::Result<()> {
    let mut looked = Instant::now();
    let status = process.wait(|| {
        if looked.elapsed() > Duration::from_millis(400) {
            looked = Instant::now();
            step.follow(log);
        }
        Ok(())
    })?;
    if status.success() {
        return Ok(());
    }
    let what = format!("{} failed ({status})", process.name);
    Err(process.with_log(Failure::new(what)).into())
}

fn open_log(log: &Path) -> anyhow::Result<File> {
    if let Some(folder) = log.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write to {}", log.display()))
}

/// Asks a group to end, and kills what of it is left after a while.
fn end_group(id: u32, mut first_has_ended: impl FnMut() -> bool) {
    if !first_has_ended() {
        signal(id, Signal::TERM);
        let asked = Instant::now();
        // For the others too: one of them may have started groups of its own, as the test does that
        // runs `up`, and has to end those.
        while !(first_has_ended() && is_gone(id)) && asked.elapsed() < GRACE {
            std::thread::sleep(interrupt::POLL);
        }
    }
    // What the first process has started and not ended itself.
    signal(id, Signal::KILL);
    let killed = Instant::now();
    while !first_has_ended() && killed.elapsed() < GRACE {
        std::thread::sleep(interrupt::POLL);
    }
}

/// Signals a whole group. A group that is gone needs no signal, and nothing else can go wrong.
fn signal(id: u32, signal: Signal) {
    if let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, signal);
    }
}

/// Whether nothing is left of a group.
fn is_gone(id: u32) -> bool {
    i32::try_from(id)
        .ok()
        .and_then(Pid::from_raw)
        .is_none_or(|group| test_kill_process_group(group).is_err())
}

/// When a process was started, in words that no other process with the same id shares.
fn start_time(id: u32) -> Option<String> {
    match std::fs::read_to_string(format!("/proc/{id}/stat")) {
        // Field 22, counted behind the name, which may hold spaces and brackets.
        Ok(stat) => stat
            .rsplit_once(')')?
            .1
            .split_whitespace()
            .nth(19)
            .map(str::to_owned),
        Err(_) if Path::new("/proc/self/stat").exists() => None,
        Err(_) => {
            let id = id.to_string();
            let output = Command::new("ps")
                .args(["-o", "lstart=", "-p", &id])
                .output()
                .ok()?;
            let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            (!text.is_empty()).then_some(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_dropped_process_takes_its_children_along() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("logs/a.log");
        // The child ignores the request to end, as a careless server would.
        let script = "sh -c 'trap \"\" TERM; while :; do sleep 1; done' & echo $!; wait";
        let process = Process::start(shell(script), "a test", &log).unwrap();
        let child = loop {
            match std::fs::read_to_string(&log).unwrap().trim().parse::<u32>() {
                Ok(id) => break id,
                Err(_) => std::thread::sleep(interrupt::POLL),
            }
        };
        assert!(start_time(child).is_some());
        drop(process);
        let ended = |id| {
            // A killed orphan may stay a zombie for a moment, until its new parent looks.
            std::fs::read_to_string(format!("/proc/{id}/stat"))
                .map_or(true, |stat| stat.contains(") Z "))
        };
        let dropped = Instant::now();
        while !ended(child) {
            assert!(dropped.elapsed() < GRACE, "the child is still running");
            std::thread::sleep(interrupt::POLL);
        }
    }

    #[test]
    fn who_is_not_the_first_gets_time_to_tidy_up() {
        let folder = tempfile::tempdir().unwrap();
        let (log, tidy) = (folder.path().join("a.log"), folder.path().join("tidy"));
        let child = format!("sleep 1; touch {}; exit", tidy.display());
        let script = format!(
            "sh -c 'trap \"{child}\" TERM; echo ready; while :; do sleep 0.1; done' & wait"
        );
        let process = Process::start(shell(&script), "a test", &log).unwrap();
        while !std::fs::read_to_string(&log).unwrap().contains("ready") {
            std::thread::sleep(interrupt::POLL);
        }
        drop(process);
        assert!(tidy.exists(), "it was killed at once");
    }

    #[test]
    fn a_server_that_ends_is_a_failure_with_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("a.log");
        let mut process =
            Process::start(shell("echo no disk left; exit 3"), "the server", &log).unwrap();
        let status = process.wait(|| Ok(())).unwrap();
        assert_eq!(status.code(), Some(3));
        let text = process.must_run().unwrap_err().to_string();
        assert!(
            text.starts_with("the server has ended by itself (exit status: 3)"),
            "{text}"
        );
        assert!(text.contains("| no disk left"), "{text}");
    }

    #[test]
    fn a_process_is_told_apart_from_a_later_one_with_its_id() {
        let mut child = Command::new("sleep").arg("30").spawn().unwrap();
        let started = start_time(child.id());
        assert!(started.is_some());
        assert_eq!(start_time(child.id()), started);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(start_time(child.id()), None);
    }
}
