//! The saga, and every way it can fail: a test for each row of `docs/saga.md`, on the deployed state
//! machines; and what else there is to a run: schedules, streams that are lost, cancels, polls.
//!
//! Each test has a channel of its own, with a small stream that it starts and stops.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

#[path = "saga/cancel.rs"]
mod cancel;
#[path = "saga/cases.rs"]
mod cases;
#[path = "saga/channels.rs"]
mod channels;
#[path = "saga/document.rs"]
mod document;
#[path = "saga/events.rs"]
mod events;
#[path = "saga/failing.rs"]
mod failing;
#[path = "saga/machine.rs"]
mod machine;
#[path = "saga/passing.rs"]
mod passing;
#[path = "saga/poll.rs"]
mod poll;
#[path = "saga/rehearsal.rs"]
mod rehearsal;
#[path = "saga/schedule.rs"]
mod schedule;
#[path = "saga/single.rs"]
mod single;
#[path = "saga/stopped.rs"]
mod stopped;
#[path = "saga/stream.rs"]
mod stream;
#[path = "saga/sweep.rs"]
mod sweep;
#[path = "saga/twice.rs"]
mod twice;
#[path = "saga/undoing.rs"]
mod undoing;
#[path = "saga/watcher.rs"]
mod watcher;
