//! What two services or more agree on, and nothing else.
//!
//! - the contract: [`ids`], [`events`], [`cues`], [`channels`], [`key_pair`];
//! - the edges every function has: [`config`], [`http`], [`aws`], [`event_bus`],
//!   [`dead_letters`], [`streams`], [`telemetry`], [`clock`].
//!
//! No business rule lives here: what an event *means* belongs to the service that consumes it.

pub mod aws;
pub mod channels;
pub mod clock;
pub mod config;
pub mod cues;
pub mod dead_letters;
pub mod event_bus;
pub mod events;
pub mod http;
pub mod ids;
pub mod key_pair;
pub mod streams;
pub mod telemetry;
