//! Time and randomness, passed in where they are used so that a test can choose them.

use jiff::Timestamp;

/// Reads the current time. Production passes `Timestamp::now`.
pub type Clock = fn() -> Timestamp;
