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
pub const COUNT_NS: u64 = 200;
/// What `answer-saga` needs of a whole CPU for each answer of the leaderboard, in nanoseconds.
pub const RANK_NS: u64 = 1_300;
/// What `answer-recorder` needs of a whole CPU for each answer, in nanoseconds.
pub const RECORD_NS: u64 = 2_000;
/// A PutEvents call of 256 KB.
pub const PUT_EVENTS_MS: u32 = 20;
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
    /// How long, and its unit.
    pub value: (u64, &'static str),
    /// How it is known.
    pub origin: Origin,
}

const fn millis(what: &'static str, value: u32, origin: Origin) -> Timing {
    Timing {
        what,
        value: (value as u64, "ms"),
        origin,
    }
}

const fn nanos(what: &'static str, value: u64, origin: Origin) -> Timing {
    Timing {
        what,
        value: (value, "ns of a CPU"),
        origin,
    }
}

/// All of them.
pub const TIMINGS: [Timing; 14] = [
    millis(
        "the network, each way",
        NETWORK_MS,
        Origin::Assumed("phones, on one continent"),
    ),
    millis(
        "`answer-api` by itself, with its share of a CPU",
        HANDLER_MS,
        Origin::Assumed("some 0.1 ms of a whole CPU"),
    ),
    millis(
        "a write of DynamoDB",
        WRITE_MS,
        Origin::Assumed("AWS says single-digit milliseconds"),
    ),
    millis(
        "a read of DynamoDB",
        READ_MS,
        Origin::Assumed("AWS says single-digit milliseconds"),
    ),
    millis(
        "a cold start",
        COLD_START_MS,
        Origin::Assumed("the program itself needs some ten; AWS's part is not published"),
    ),
    millis(
        "from a write to the stream",
        STREAM_MS,
        Origin::Assumed("AWS says near real time"),
    ),
    millis(
        "between two looks at a stream shard",
        POLL_MS,
        Origin::Published("Lambda looks four times a second"),
    ),
    millis(
        "`live-tally` without its calls",
        LIVE_MS,
        Origin::Assumed("a batch of a thousand records to read"),
    ),
    millis(
        "a page of a query, 1 MB",
        PAGE_MS,
        Origin::Assumed("not published"),
    ),
    nanos(
        "counting an answer",
        COUNT_NS,
        Origin::Measured("[here](architecture.md#numbers)"),
    ),
    nanos(
        "ranking an answer",
        RANK_NS,
        Origin::Measured("[here](architecture.md#numbers)"),
    ),
    nanos(
        "recording an answer",
        RECORD_NS,
        Origin::Measured("[here](architecture.md#numbers)"),
    ),
    millis(
        "a PutEvents call of 256 KB",
        PUT_EVENTS_MS,
        Origin::Assumed("not published"),
    ),
    millis(
        "a step of the state machine, its call included",
        STEP_MS,
        Origin::Assumed("not published"),
    ),
];
