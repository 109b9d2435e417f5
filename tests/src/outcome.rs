//! How a program of this crate ends: what was wrong, the report in a file, the exit code.

use std::{path::Path, process::ExitCode};

use anyhow::Context;
use serde::Serialize;

/// Success only if everything was right; an error is said in one line.
pub fn exit_code(right: anyhow::Result<bool>) -> ExitCode {
    match right {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Says what was wrong, and writes the report to `file`, if one is wanted, as JSON.
///
/// # Errors
/// The file cannot be written.
pub fn tell(
    problems: &[String],
    report: &impl Serialize,
    file: Option<&Path>,
) -> anyhow::Result<()> {
    for problem in problems {
        eprintln!("wrong: {problem}");
    }
    if let Some(file) = file {
        let json = serde_json::to_string_pretty(report)?;
        std::fs::write(file, json + "\n")
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
