//! The service against the local cloud: the handlers themselves with tables of their own, and the
//! deployed functions from outside.
//!
//! Every test has its own quizzes and channels, so that they share one cloud without meeting.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod channel;
mod claim;
mod cloud;
mod deployed;
mod ivs;
mod outbox;
mod saga;
mod sweep;
mod undoing;
