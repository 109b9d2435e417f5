//! The service against the local cloud: the handler itself with the deployed table and bus, and a
//! key that the test made and put into Secrets Manager.
//!
//! Every test has its own viewer, so that they share one cloud without meeting.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cloud;
mod played;
mod secret;
mod start;
mod token;
