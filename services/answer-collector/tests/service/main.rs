//! The service against the local cloud: the handlers themselves with the deployed tables and bus,
//! and the deployed functions behind them.
//!
//! Every test has its own quiz, so that they share one cloud without meeting.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod cloud;
mod live;
mod paging;
mod recorder;
mod saga;
