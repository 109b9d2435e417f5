//! What an operator does to a deployed stack, on AWS and on one machine alike.
//!
//! - [`target`]: which stack, and how to reach it;
//! - [`rotation`]: a new playback key without a refusal in between; [`keys`] makes and reads keys;
//! - [`redrive`]: dead letters back to where they came from;
//! - [`export`]: what happened, off the analysts' queue and into files;
//! - [`secret`], [`ivs`], [`function`], [`queue`], [`stream`], [`saga`]: one adapter per service of
//!   AWS;
//! - [`failure`]: an error as the operator reads it.
//!
//! Nothing here prints or logs a key, a token or the body of a message.

pub mod export;
pub mod failure;
pub mod function;
pub mod ivs;
pub mod keys;
pub mod queue;
pub mod redrive;
pub mod rotation;
pub mod saga;
pub mod secret;
mod settling;
pub mod stream;
pub mod target;
