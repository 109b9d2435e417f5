//! Logs: JSON lines on standard output, which Lambda hands to CloudWatch Logs.
//!
//! A function prints one line per invocation, at its boundary, with the ids needed to act and
//! never a secret, a token or a viewer id.

use std::{error::Error, process::ExitCode};

use tracing_subscriber::{filter::LevelFilter, fmt};

/// Starts logging, at the level of the variable `LOG_LEVEL`; `info` when it is not set or no level.
/// `debug` is the most: below it, the SDK of AWS tells what it sends.
pub fn init() {
    let level = std::env::var("LOG_LEVEL")
        .ok()
        .and_then(|level| level.parse().ok())
        .map(|level: LevelFilter| level.min(LevelFilter::DEBUG));
    fmt()
        .json()
        .flatten_event(true)
        .with_max_level(level.unwrap_or(LevelFilter::INFO))
        .with_current_span(false)
        .init();
}

/// How the process of a function ends. A function serves as long as its process is let live, so an
/// error is the reason why it cannot start: it is logged in one line.
pub fn outcome(served: Result<(), Box<dyn Error + Send + Sync>>) -> ExitCode {
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "cannot start");
            ExitCode::FAILURE
        }
    }
}

/// Where JSON is broken, without the error's own words: those may repeat what is in it.
pub fn where_broken(error: &serde_json::Error) -> String {
    format!(
        "{:?} error at line {}, column {}",
        error.classify(),
        error.line(),
        error.column()
    )
}
