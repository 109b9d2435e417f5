//! Plays the answers of an audience against the limits that AWS publishes.
//!
//! What the services decide is decided by their own code: how many shards there are and which a
//! viewer has, when a window is open and how long a write may take, how often a call is made again,
//! what a batch of the stream counts as, and how answers are packed into events. The rest is told
//! here: the limits, how long things take, and how an audience answers.
//!
//! - [`plan`]: what is played; [`audience`]: when who answers; [`house`]: what this repository's
//!   template and state machine say, [`page`]: what its page does; [`timing`]: how long things take, as far
//!   as it was [`measured`];
//! - [`limits`]: every limit, with its source; [`bucket`], [`front`], [`pool`], [`table`]: how they limit;
//! - [`play`]: one question, event by event; [`after`]: what comes when its window has closed; [`ending`]:
//!   how everyone asks for their place;
//! - [`meter`]: what is counted meanwhile; [`usage`]: what will be on the bill, and [`cost`]: the bill;
//! - [`advice`]: what has to be raised; [`report`], [`plot`] and [`capacity`], the page: how it is told.

pub mod advice;
pub mod after;
pub mod audience;
pub mod bucket;
pub mod capacity;
pub mod cost;
pub mod ending;
pub mod front;
pub mod house;
pub mod limits;
pub mod measured;
pub mod meter;
pub mod page;
pub mod plan;
pub mod play;
pub mod plot;
pub mod pool;
pub mod report;
pub mod table;
pub mod timing;
pub mod usage;
mod wheel;
