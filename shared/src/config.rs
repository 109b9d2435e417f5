//! What a function reads from its environment when it starts.

use std::num::{NonZeroU32, ParseIntError};

/// A setting is missing or unusable, so the function must not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The variable is not set or empty.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// The variable is not a whole number, or not one that makes sense here.
    #[error("environment variable {name} is not a usable number: {source}")]
    NotANumber {
        /// Which variable.
        name: &'static str,
        /// Why it could not be read.
        source: ParseIntError,
    },
    /// The variable holds something else than it should.
    #[error("environment variable {name}: {reason}")]
    Invalid {
        /// Which variable.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// The value of a variable that must be there.
///
/// # Errors
/// [`ConfigError::Missing`] when it is not set or empty.
pub fn required(name: &'static str) -> Result<String, ConfigError> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value),
        _ => Err(ConfigError::Missing(name)),
    }
}

/// The value of a variable that need not be there; none when it is not set or empty.
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A number that must be there.
///
/// # Errors
/// [`ConfigError`] when it is not set, empty or not a whole number.
pub fn required_number(name: &'static str) -> Result<u32, ConfigError> {
    required(name)?
        .parse()
        .map_err(|source| ConfigError::NotANumber { name, source })
}

/// A number of seconds, `default` when the variable is not set.
///
/// # Errors
/// [`ConfigError::NotANumber`] when it is set to anything but a whole number.
pub fn seconds_or(name: &'static str, default: u32) -> Result<u32, ConfigError> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => value
            .parse()
            .map_err(|source| ConfigError::NotANumber { name, source }),
        _ => Ok(default),
    }
}

/// A whole number from 1 on, `default` when the variable is not set.
///
/// # Errors
/// [`ConfigError::NotANumber`] when it is set to anything else.
pub fn count_or(name: &'static str, default: NonZeroU32) -> Result<NonZeroU32, ConfigError> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => value
            .parse()
            .map_err(|source| ConfigError::NotANumber { name, source }),
        _ => Ok(default),
    }
}
