//! What the reader has in front of them: a shell, and terminals with a program in each.
//!
//! Everything stays in the process group of the tests, so that whoever ends them ends it too.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver},
    },
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::document;

/// How long the commands of a block may take: it is about hanging, not about speed.
const PATIENCE: Duration = Duration::from_secs(180);

/// How long a program that goes on may take until it prints what it is said to print. The first of
/// them deploys everything.
const START: Duration = Duration::from_secs(900);

/// How long a program may take to end after Ctrl-C.
const GRACE: Duration = Duration::from_secs(60);

/// A bash in the checkout, as after a fresh login: nothing that cargo or the tests have set.
fn bash(root: &Path) -> Command {
    let mut command = Command::new("bash");
    command.current_dir(root).stderr(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let inherited = ["CARGO_HOME", "CARGO_TARGET_DIR"].contains(&&*name);
        let ours = ["CARGO", "CUEPOINT_", "AWS_"]
            .iter()
            .any(|own| name.starts_with(own));
        if ours && !inherited {
            command.env_remove(&*name);
        }
    }
    command
}

/// The reader's shell: what one block sets, the next one knows.
pub(crate) struct Shell {
    process: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    scripts: tempfile::TempDir,
    ran: usize,
}

impl Shell {
    pub(crate) fn open(root: &Path) -> Self {
        let mut process = bash(root)
            .args(["--noprofile", "--norc"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = process.stdin.take().unwrap();
        input.write_all(b"exec 2>&1\n").unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            let lines = output.lines().map_while(Result::ok);
            lines
                .take_while(|line| sender.send(line.clone()).is_ok())
                .for_each(drop);
        });
        Self {
            process,
            input,
            lines,
            scripts: tempfile::tempdir().unwrap(),
            ran: 0,
        }
    }

    /// Runs a block. Returns the status of its last command, and what it printed.
    pub(crate) fn run(&mut self, text: &str) -> (i32, String) {
        self.ran += 1;
        let end = format!("--- end of block {} ---", self.ran);
        // From a file, so that a command that reads its input does not eat the rest.
        let script = self.scripts.path().join(format!("{}.sh", self.ran));
        std::fs::write(&script, text).unwrap();
        writeln!(
            self.input,
            ". '{}' </dev/null; printf '\\n%s%s\\n' '{end}' \"$?\"",
            script.display()
        )
        .unwrap();
        let asked = Instant::now();
        let mut printed = String::new();
        loop {
            let left = PATIENCE.saturating_sub(asked.elapsed());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("the block does not end:\n{text}\nso far:\n{printed}");
            };
            if let Some(status) = line.strip_prefix(&end) {
                return (status.parse().unwrap(), printed);
            }
            printed.push_str(&line);
            printed.push('\n');
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        end(&mut self.process, Signal::TERM);
    }
}

/// A program that runs in a terminal of its own.
pub(crate) struct Program {
    process: Child,
    line: usize,
    printed: Arc<Mutex<String>>,
}

impl Program {
    /// Starts the one command of a block.
    pub(crate) fn start(root: &Path, text: &str, line: usize) -> Self {
        // With `exec` the signal of Ctrl-C reaches the program itself.
        let mut process = bash(root)
            .args(["-c", &format!("exec 2>&1; exec {text}")])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = process.stdout.take().unwrap();
        let printed = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&printed);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut bytes) {
                let text = String::from_utf8_lossy(&bytes[..read]).replace('\r', "\n");
                seen.lock().unwrap().push_str(&text);
            }
        });
        Self {
            process,
            line,
            printed,
        }
    }

    fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }

    /// Waits until it has printed these lines, in order.
    pub(crate) fn await_lines(&mut self, expected: &[String]) {
        let started = Instant::now();
        while let Some(missing) = document::missing(expected, &self.printed()) {
            self.must_run();
            let (line, printed) = (self.line, self.printed());
            assert!(
                started.elapsed() < START,
                "line {line}: {missing:?} does not come:\n{printed}"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Fails the test if it has ended.
    pub(crate) fn must_run(&mut self) {
        let ended = self.process.try_wait().unwrap();
        let (line, printed) = (self.line, self.printed());
        assert_eq!(ended, None, "line {line}: it has ended:\n{printed}");
    }

    /// The host and port behind a word that it has printed at a line's start.
    pub(crate) fn printed_address(&self, name: &str) -> String {
        let printed = self.printed();
        let mut lines = printed.lines().map(str::split_whitespace);
        let address = lines
            .find_map(|mut words| (words.next() == Some(name)).then(|| words.next()).flatten());
        address.unwrap().strip_prefix("http://").unwrap().to_owned()
    }

    /// Ctrl-C: it must end.
    pub(crate) fn interrupt(mut self) {
        assert!(
            end(&mut self.process, Signal::INT),
            "line {}: Ctrl-C does not end it",
            self.line
        );
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        end(&mut self.process, Signal::INT);
    }
}

/// Asks a program to end, and kills it if it does not. Whether it did as it was asked.
fn end(process: &mut Child, signal: Signal) -> bool {
    if !matches!(process.try_wait(), Ok(None)) {
        return true;
    }
    let _ = kill_process(Pid::from_child(process), signal);
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        if !matches!(process.try_wait(), Ok(None)) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    let _ = process.kill();
    let _ = process.wait();
    false
}
