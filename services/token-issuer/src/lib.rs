//! The token issuer: signs the tokens that let an entitled viewer's player play a private channel.
//!
//! It owns no table. It reads the table `entitlements` through [`store`], and nothing else of it.
//!
//! - [`rules`]: whether a viewer gets a token, and what the token says;
//! - [`playback_key`]: the private key, read once, and signing with it;
//! - [`viewer_limit`]: how often one viewer may ask;
//! - [`desk`]: from a request to its answer, without the calls to AWS;
//! - [`token_api`]: the function, with them;
//! - [`store`], [`secrets`]: the table and Secrets Manager, one adapter each.

pub mod desk;
pub mod playback_key;
pub mod rules;
pub mod secrets;
pub mod store;
pub mod token_api;
pub mod viewer_limit;
