//! Logs: JSON lines on standard output, which Lambda hands to CloudWatch Logs.
//!
//! A function prints one line per invocation, at its boundary, with the ids needed to act and
//! never a secret, a token or a viewer id.

use tracing_subscriber::{EnvFilter, fmt};

/// Starts logging, at the level of the variable `LOG_LEVEL` (default `info`).
pub fn init() {
    let filter = EnvFilter::try_from_env("LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("info"));
    fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_current_span(false)
        .init();
}
