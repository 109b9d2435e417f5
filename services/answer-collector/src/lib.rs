//! Answers: taken from the audience inside their window, counted live and in the end.
//!
//! This service owns the tables `windows` (when a question may be answered, and its final tally),
//! `answers` (one per viewer and question, spread over shards) and `tallies` (the live counts).
//!
//! - rules: [`window`] (when an answer counts), [`sharding`], [`display_name`], [`live`] (each
//!   answer counted once, however the stream delivers it), [`packing`] (answers into events),
//!   [`leaderboard`] with its [`histogram`], [`merging`] (the answers of a shard, viewer by viewer);
//!   [`keys`] names what they speak of;
//! - adapters: [`store`] (DynamoDB), with [`window_cache`], [`results_cache`] and
//!   [`leaderboard_cache`] before it, which keep what is [`recent`], and [`recording`] (the queue of
//!   what is to be recorded); [`counting`] reads all answers, in bounded memory;
//! - functions: [`answer_api`] (HTTP), [`live_tally`] (the stream of `answers`),
//!   [`answer_saga`] (the tasks of the state machine `quiz-show`), [`answer_recorder`] (settled
//!   answers to the bus).

pub mod answer_api;
pub mod answer_recorder;
pub mod answer_saga;
pub mod counting;
pub mod display_name;
pub mod histogram;
#[cfg(test)]
mod invariants;
pub mod keys;
pub mod leaderboard;
pub mod leaderboard_cache;
pub mod live;
pub mod live_tally;
pub mod merging;
pub mod packing;
pub mod recent;
pub mod recording;
pub mod results_cache;
pub mod sharding;
pub mod store;
pub mod task;
pub mod window;
pub mod window_cache;
