//! Quizzes: written and scheduled by producers, run by the saga, shown in the video.
//!
//! This service owns the table `quizzes`: what a quiz asks, each of its runs, and the schedule of
//! each channel. It is the only one that puts cues into the video.
//!
//! - rules: [`quiz`] (what a producer may write, and that its cues fit), [`run`] (the life of a
//!   run), [`settings`] (what may be settled about it), [`timing`] (how long it takes),
//!   [`capacity`] (how many shards its answers need), [`channel_schedule`] (who has a channel when),
//!   [`order`] (what an execution is to run), [`compensation`] (what is to be undone);
//! - adapters: [`store`] (DynamoDB), [`video`] (Amazon IVS), [`executions`] (Step Functions);
//! - functions: [`quiz_api`] (HTTP, producers only), [`quiz_outbox`] (the table's stream to the
//!   event bus), [`quiz_saga`] (the tasks of the state machines
//!   `quiz-show` and `quiz-show-compensation`), [`quiz_sweep`] (what an execution left that ended
//!   unheard).

pub mod capacity;
pub mod channel_schedule;
pub mod compensation;
pub mod executions;
pub mod order;
pub mod quiz;
pub mod quiz_api;
pub mod quiz_outbox;
pub mod quiz_saga;
pub mod quiz_sweep;
pub mod run;
pub mod settings;
pub mod store;
pub mod task;
pub mod timing;
pub mod video;
