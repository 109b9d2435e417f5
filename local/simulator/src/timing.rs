//! How long things take, in milliseconds, and how that is known.

/// From a viewer's device to the API, and back again, each.
pub const NETWORK_MS: u32 = 40;
/// What `answer-api` does itself with an answer, at its share of a CPU.
pub const HANDLER_MS: u32 = 1;
/// One write of DynamoDB.
pub const WRITE_MS: u32 = 6;
/// One read of DynamoDB.
pub const READ_MS: u32 = 4;
/// A new execution environment, until it takes its first request.
pub const COLD_START_MS: u32 = 150;
/// From a write until the stream has it.
pub const STREAM_MS: u32 = 200;
/// How often Lambda looks whether a stream shard has something new.
pub const POLL_MS: u32 = 250;
/// An invocation of `live-tally` without its calls.
pub const LIVE_MS: u32 = 10;
/// A page of a query, 1 MB of answers.
pub const PAGE_MS: u32 = 40;
/// What `answer-saga` needs of a whole CPU for each answer that it counts, in nanoseconds.
pub const COUNT_NS: u64 = 2_000;
/// What `answer-saga` needs of a whole CPU for each answer of the leaderboard, in nanoseconds.
pub const RANK_NS: u64 = 3_000;
/// What `answer-recorder` needs of a whole CPU for each answer, in nanoseconds.
pub const RECORD_NS: u64 = 3_000;
/// A PutEvents call of 256 KB.
pub const PUT_EVENTS_MS: u32 = 40;
/// A step of the state machine, its function's call included.
pub const STEP_MS: u32 = 100;

/// How a duration is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Published by AWS.
    Published(&'static str),
    /// Measured by a command of this repository.
    Measured(&'static str),
    /// Assumed.
    Assumed(&'static str),
}

/// A duration, as the page lists it.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Of what.
    pub what: &'static str,
    /// How long.
    pub value: &'static str,
    /// How it is known.
    pub origin: Origin,
}
