//! What the user is told about a failed step: what failed, which log to read, what to do next.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// How many of a log's last lines are shown.
const SHOWN_LINES: usize = 25;

/// How much of a log's end is read for them, in bytes.
const READ_BYTES: usize = 16 * 1024;

/// A failed step.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    log: Option<PathBuf>,
    next: Option<String>,
}

impl Failure {
    /// `what` is one line that says what failed.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            log: None,
            next: None,
        }
    }

    /// The log that tells more.
    pub(crate) fn log(mut self, log: &Path) -> Self {
        self.log = Some(log.to_owned());
        self
    }

    /// What the user can do about it.
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}

/// Tells the user of a failed step what to do about it; any other error stays as it is.
pub(crate) fn advise(error: anyhow::Error, next: impl Into<String>) -> anyhow::Error {
    match error.downcast::<Failure>() {
        Ok(failure) => failure.next(next).into(),
        Err(other) => other,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(log) = &self.log {
            for line in last_lines(log, SHOWN_LINES) {
                write!(f, "\n  | {line}")?;
            }
            write!(f, "\n  log: {}", log.display())?;
        }
        if let Some(next) = &self.next {
            write!(f, "\n  next: {next}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// The last lines of a file; none when it cannot be read.
pub(crate) fn last_lines(path: &Path, count: usize) -> Vec<String> {
    use std::io::{Read, Seek, SeekFrom};

    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(READ_BYTES as u64)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(count)..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_shows_the_end_of_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("deploy.log");
        let lines: Vec<_> = (1..=4_000).map(|n| format!("line {n}\n\n")).collect();
        std::fs::write(&log, lines.concat()).unwrap();
        let text = Failure::new("the deployment failed")
            .log(&log)
            .next("try again")
            .to_string();
        assert!(
            text.starts_with("the deployment failed\n  | line 3976\n"),
            "{text}"
        );
        assert!(text.contains("| line 4000\n  log: "), "{text}");
        assert!(text.ends_with("next: try again"), "{text}");
    }

    #[test]
    fn a_missing_log_is_named_all_the_same() {
        let text = Failure::new("it failed")
            .log(Path::new("/nowhere/at/all.log"))
            .to_string();
        assert_eq!(text, "it failed\n  log: /nowhere/at/all.log");
    }
}
