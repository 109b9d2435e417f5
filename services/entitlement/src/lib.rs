//! The entitlement service: who may watch which channel.
//!
//! It owns the table `entitlements`. Upstream apps say what they sold or took back; the service
//! keeps the outcome per viewer and channel, tells others about it, and ends what a revoked viewer
//! is playing.
//!
//! - [`rules`]: what an event does to an entitlement, and which change others must hear of;
//! - [`entitlement_intake`]: events from the bus, through a queue, into the table;
//! - [`entitlement_outbox`]: changes of the table, from its stream, to the bus and to IVS;
//! - [`delivery`], [`announcement`]: what comes in from the bus, and what goes out to it;
//! - [`store`], [`viewer_sessions`]: the table and IVS, one adapter each.

pub mod announcement;
pub mod delivery;
pub mod entitlement_intake;
pub mod entitlement_outbox;
pub mod rules;
pub mod store;
pub mod viewer_sessions;
