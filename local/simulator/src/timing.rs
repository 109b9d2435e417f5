//! How long things take, in milliseconds, and how that is known.

use std::sync::LazyLock;

use crate::{
    house::{Function, House},
    measured::Measured,
};

/// From a viewer's device to the API, and back again, each.
pub const NETWORK_MS: u32 = 40;
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
/// A page of a query, 1 MB of answers.
pub const PAGE_MS: u32 = 40;
/// What an answer takes of a whole CPU.
pub static MEASURED: LazyLock<Measured> = LazyLock::new(Measured::read);
/// The memory at which a function has a whole CPU (Lambda, "Configure Lambda function memory").
pub const WHOLE_CPU_MB: u64 = 1_769;
/// A PutEvents call of 256 KB.
pub const PUT_EVENTS_MS: u32 = 20;
/// A step of the state machine, its function's call included.
pub const STEP_MS: u32 = 100;

/// How long a function does something itself that takes so many nanoseconds of a whole CPU.
pub fn own_ms(nanos: u64, function: Function) -> u32 {
    let share = nanos * WHOLE_CPU_MB / u64::from(function.memory_mb);
    u32::try_from(share.div_ceil(1_000_000)).unwrap_or(u32::MAX)
}

/// How long `answer-api` has a request, without its calls.
pub fn handler_ms(function: Function) -> u32 {
    own_ms(MEASURED.take, function)
}

/// How long `live-tally` has a batch of so many records, without its calls.
pub fn live_ms(records: u64, function: Function) -> u32 {
    own_ms(records * MEASURED.add, function)
}

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
pub fn timings(house: &House) -> Vec<Timing> {
    let bench = Origin::Measured("`cargo xtask bench answers`, [here](benchmarks.md)");
    vec![
        millis(
            "the network, each way",
            NETWORK_MS,
            Origin::Assumed("phones, on one continent"),
        ),
        millis(
            "`answer-api` by itself, with its share of a CPU",
            handler_ms(house.answer_api),
            bench,
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
            "`live-tally` without its calls, a thousand records",
            live_ms(1_000, house.live_tally),
            bench,
        ),
        millis(
            "a page of a query, 1 MB",
            PAGE_MS,
            Origin::Assumed("not published"),
        ),
        nanos("counting an answer", MEASURED.count, bench),
        nanos("ranking an answer", MEASURED.rank, bench),
        nanos("recording an answer", MEASURED.record, bench),
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
    ]
}
