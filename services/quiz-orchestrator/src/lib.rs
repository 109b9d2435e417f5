//! Quizzes: written and scheduled by producers, run by the saga, shown in the video.
//!
//! This service owns the table `quizzes`: what a quiz asks, each of its runs, and which run has a
//! channel. It is the only one that puts cues into the video.
//!
//! - rules: [`quiz`] (what a producer may write, and that its cues fit), [`run`] (the life of a
//!   run), [`capacity`] (how many shards its answers need);
//! - adapters: [`store`] (DynamoDB), [`video`] (Amazon IVS);
//! - functions: [`quiz_api`] (HTTP, producers only), [`quiz_outbox`] (the table's stream to the
//!   event bus), [`quiz_saga`] (the tasks of the state machine `quiz-show`).

pub mod capacity;
pub mod quiz;
pub mod quiz_api;
pub mod quiz_outbox;
pub mod quiz_saga;
pub mod run;
pub mod store;
pub mod task;
pub mod video;
