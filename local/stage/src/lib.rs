//! The cloud on one machine, as the programs that use it see it.
//!
//! - [`stack`]: where everything is, as written to `stack.json` after a deployment;
//! - [`people`]: users of the show in Cognito, and their sign-in;
//! - [`channel`]: the private IVS channels and their playback key, made before the deployment;
//! - [`upstream`]: what an upstream app says about a person's entitlement;
//! - [`entitlements`]: what the services have made of it, for an operator's eye;
//! - [`cue`]: the tutorial's plain question, put into the video by hand;
//! - [`producer`]: a quiz, through the HTTP API;
//! - [`failure`]: an error as the user of a command reads it;
//! - [`json_service`]: calls of services whose generated client would be too much.
//!
//! And what the services' tests share:
//! - [`logs`]: what the functions log;
//! - [`probe`]: queues of a test's own, and the events on the bus;
//! - [`ivs_stub`]: an IVS that fails when it is told to;
//! - [`faults`]: what a test does to the deployed functions;
//! - [`http_event`]: a request as the HTTP API hands it on.
//!
//! The deployed services never depend on this crate.

pub mod channel;
pub mod cue;
pub mod entitlements;
pub mod failure;
pub mod faults;
pub mod followed;
pub mod http_event;
pub mod ivs_stub;
pub mod json_service;
pub mod logs;
pub mod people;
pub mod probe;
pub mod producer;
pub mod stack;
pub mod upstream;

pub use failure::in_one_line;
pub use faults::{Fault, Faults, Watched};
pub use http_event::http_event;
pub use ivs_stub::IvsStub;
pub use json_service::{CallError, JsonService};
pub use logs::Logs;
pub use people::{People, Person, Tokens};
pub use probe::Probe;
pub use stack::{Channel, FaultProxy, Outputs, Stack, StackError};
