//! The program `operator`, as an operator runs it: with its lines as they come, and its end.

use std::{
    path::PathBuf,
    process::{ExitStatus, Stdio},
};

use anyhow::Context;
use stage::{Stack, stack::STACK_VARIABLE};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// A run of it. It is killed when dropped.
#[derive(Debug)]
pub struct Operator {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What it has said so far, line by line.
    pub said: Vec<String>,
}

impl Operator {
    /// Starts it on the deployed stack.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut child = Command::new(program()?)
            .args(arguments)
            .env(STACK_VARIABLE, Stack::path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start operator")?;
        let stdout = child.stdout.take().context("its output is not piped")?;
        Ok(Self {
            child,
            lines: BufReader::new(stdout).lines(),
            said: Vec::new(),
        })
    }

    /// The next line that it says; none at its end.
    ///
    /// # Errors
    /// When its output cannot be read.
    pub async fn line(&mut self) -> anyhow::Result<Option<String>> {
        let line = self.lines.next_line().await?;
        self.said.extend(line.clone());
        Ok(line)
    }

    /// Kills it, as `kill -9` does.
    ///
    /// # Errors
    /// When the system does not.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Waits for its end. Returns its status and all that it has said.
    ///
    /// # Errors
    /// When its output cannot be read.
    pub async fn end(mut self) -> anyhow::Result<(ExitStatus, Vec<String>)> {
        while self.line().await?.is_some() {}
        Ok((self.child.wait().await?, self.said))
    }
}

/// Tests are built into a folder beside the programs.
fn program() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test
        .ancestors()
        .nth(2)
        .context("the test is in no folder")?;
    Ok(folder.join("operator"))
}
