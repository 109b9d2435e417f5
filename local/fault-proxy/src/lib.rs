//! Stands between the functions and the local cloud, and makes their calls fail as a test asks.
//!
//! The functions are told the proxy's address in place of the cloud's. A call that no rule is about
//! goes through unchanged, headers and all, so that its signature stays valid.
//!
//! - [`rule`]: which calls, how often, and what happens to them;
//! - [`rules`]: all rules that are in force, and what they have hit;
//! - [`watches`]: what is called, counted for whoever asks;
//! - [`call`]: what is known of a call;
//! - [`caller`]: which function makes it, and how that is killed;
//! - [`refusal`]: how AWS says no;
//! - [`proxy`]: takes calls and hands them on;
//! - [`control`]: how rules are made, over HTTP.

pub mod call;
pub mod caller;
pub mod control;
pub mod proxy;
pub mod refusal;
pub mod rule;
pub mod rules;
pub mod watches;

pub use rule::{Action, Chance, Rule};
pub use rules::{Count, Rules};
pub use watches::{Seen, Watch, Watches};
