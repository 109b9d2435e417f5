//! What is measured in a process of its own: with the environment of a function, on CPUs of its
//! choice, and with memory that nothing else has used.

use std::{
    io,
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use serde::{Serialize, de::DeserializeOwned};
use tempfile::{NamedTempFile, TempDir};

use crate::{cpus, function::REGION};

/// Where the process leaves its figures.
#[derive(Debug, Clone, clap::Args)]
pub struct Figures {
    /// The file that the figures are written into.
    #[arg(long, value_name = "FILE")]
    figures: std::path::PathBuf,
}

impl Figures {
    /// Leaves them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn leave<T: Serialize>(&self, figures: &T) -> anyhow::Result<()> {
        std::fs::write(&self.figures, serde_json::to_vec(figures)?)
            .with_context(|| format!("cannot write {}", self.figures.display()))
    }
}

/// Runs this program as `bench part ARGUMENTS --figures FILE` on these CPUs, and reads the figures
/// that it leaves. What it prints, as a function prints its log, goes nowhere: what a platform takes
/// to keep it is the platform's.
///
/// # Errors
/// When it cannot be started, fails or leaves nothing; with the last that it said.
pub async fn measure<T: DeserializeOwned>(arguments: &[&str], cpus: &[usize]) -> anyhow::Result<T> {
    let home = TempDir::new().context("cannot make a folder")?;
    let (figures, printed) = (NamedTempFile::new()?, NamedTempFile::new()?);
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("part")
        .args(arguments)
        .arg("--figures")
        .arg(figures.path())
        .env_clear()
        .envs(environment())
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(printed.reopen()?);
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true);
    let started = cpus::on(cpus, || command.spawn()).and_then(|child| child);
    let mut child = started.context("cannot start a part of the benchmark")?;
    let status = child.wait().await?;
    ensure!(
        status.success(),
        "the part `{}` of the benchmark failed ({status})\n{}",
        arguments.join(" "),
        last_line(&printed)?
    );
    let figures = std::fs::read(figures.path())?;
    serde_json::from_slice(&figures).context("a part of the benchmark left no figures")
}

/// What of a function's environment the SDK reads.
fn environment() -> [(&'static str, &'static str); 4] {
    [
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("TZ", ":UTC"),
    ]
}

fn last_line(printed: &NamedTempFile) -> io::Result<String> {
    let text = String::from_utf8_lossy(&std::fs::read(printed.path())?).into_owned();
    Ok(text.lines().last().unwrap_or_default().to_owned())
}
