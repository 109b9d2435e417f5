//! Drives a deployed Cuepoint from outside only, as its users do.
//!
//! It knows the HTTP API, the event contracts as text, the video and the saga's history, and none of
//! the services' types: what it reads here is what anyone outside would read.
//!
//! - [`api`]: the HTTP API, as a phone or the producer's page calls it;
//! - [`player`] and [`cues`]: plays HLS and finds the cues inside the video;
//! - [`viewer`]: one person of the audience, from sign-in to the last cue;
//! - [`show`]: a whole show; [`comparison`] holds what everyone saw against what they should have
//!   seen, and [`report`] judges;
//! - [`revocation`]: how long a revocation takes to the last piece of video;
//! - [`chaos`]: answers while everything fails that may;
//! - [`soak`]: many players on ivs-local for a long time;
//! - [`operator`]: the program that an operator runs;
//! - [`outcome`]: how a program ends;
//! - [`backstage`]: what an operator can look at: the saga's history, the dead-letter queues.

pub mod api;
pub mod audience;
pub mod backstage;
pub mod chaos;
pub mod comparison;
pub mod cues;
pub mod operator;
pub mod outcome;
pub mod player;
pub mod points;
pub mod publisher;
pub mod questions;
pub mod report;
pub mod revocation;
pub mod show;
pub mod soak;
pub mod viewer;
