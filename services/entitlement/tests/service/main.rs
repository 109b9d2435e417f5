//! The service against the local cloud: the handlers themselves with the deployed table and bus,
//! and the deployed functions from outside.
//!
//! Every test has its own viewer, so that they share one cloud without meeting.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cloud;
mod deployed;
mod intake;
mod killed;
mod orders;
mod outage;
mod outbox;
mod store;
mod stream;
