//! The cloud on one machine, as the programs that use it see it.
//!
//! - [`stack`]: where everything is, as written to `stack.json` after a deployment;
//! - [`people`]: users of the show in Cognito, and their sign-in;
//! - [`channel`]: the private IVS channels and their playback key, made before the deployment;
//! - [`upstream`]: what an upstream app says about a person's entitlement.
//!
//! The deployed services never depend on this crate.

pub mod channel;
pub mod people;
pub mod stack;
pub mod upstream;

pub use people::{People, PeopleError, Person};
pub use stack::{Channel, Outputs, Stack, StackError};
