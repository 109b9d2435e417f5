//! The tasks that the saga gives this service, and what they answer.

use cuepoint_shared::ids::{ChannelId, CorrelationId, QuestionId, QuizId, RunId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::settings::OnStreamLoss;

mod error;

pub use error::TaskError;

/// A task, told by its `op`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[expect(
    missing_docs,
    reason = "the ids say what they are, and each task says the rest"
)]
pub enum Task {
    /// Make this execution the only one of the run; `order` is what it was started with. A direct
    /// start makes the run.
    ClaimRun { execution_id: String, order: Value },
    /// The run takes its channel and goes on air.
    StartRun {
        quiz_id: QuizId,
        run_id: RunId,
        execution_id: String,
    },
    /// Go on only if nobody has cancelled the run meanwhile.
    CheckRun { quiz_id: QuizId, run_id: RunId },
    /// Whether there is a stream now, and has been since then, in milliseconds of the epoch.
    CheckStream {
        quiz_id: QuizId,
        run_id: RunId,
        #[serde(default)]
        since: Option<i64>,
    },
    /// Show a question.
    PushQuestion {
        quiz_id: QuizId,
        run_id: RunId,
        question_id: QuestionId,
    },
    /// Show how many chose each option of a question.
    PushResults {
        quiz_id: QuizId,
        run_id: RunId,
        question_id: QuestionId,
        counts: Vec<u64>,
    },
    /// Show the best, best first: name and points.
    PushLeaderboard {
        quiz_id: QuizId,
        run_id: RunId,
        top: Vec<(String, u64)>,
    },
    /// Show that the quiz ends early, while the run has the channel.
    PushCancelled { quiz_id: QuizId, run_id: RunId },
    /// All questions were asked: end the run, free the channel.
    CompleteRun { quiz_id: QuizId, run_id: RunId },
    /// Find out what the compensation is to undo; `trigger` is what it was started with.
    BeginCompensation { trigger: Value },
    /// End the run early, and free its channel and its time. A run that another execution has is
    /// left alone.
    AbortRun {
        quiz_id: QuizId,
        run_id: RunId,
        #[serde(default)]
        execution_id: Option<String>,
        /// When the run was to start as it was found; it is left alone if it was moved since.
        #[serde(default)]
        starts_at: Option<Timestamp>,
        failed_step: String,
        reason: String,
    },
}

impl Task {
    /// Its `op`.
    pub fn op(&self) -> &'static str {
        match self {
            Self::ClaimRun { .. } => "claim-run",
            Self::StartRun { .. } => "start-run",
            Self::CheckRun { .. } => "check-run",
            Self::CheckStream { .. } => "check-stream",
            Self::PushQuestion { .. } => "push-question",
            Self::PushResults { .. } => "push-results",
            Self::PushLeaderboard { .. } => "push-leaderboard",
            Self::PushCancelled { .. } => "push-cancelled",
            Self::CompleteRun { .. } => "complete-run",
            Self::BeginCompensation { .. } => "begin-compensation",
            Self::AbortRun { .. } => "abort-run",
        }
    }

    /// The run it is about, if it names one.
    pub fn run_id(&self) -> Option<&RunId> {
        match self {
            Self::ClaimRun { .. } | Self::BeginCompensation { .. } => None,
            Self::StartRun { run_id, .. }
            | Self::CheckRun { run_id, .. }
            | Self::CheckStream { run_id, .. }
            | Self::PushQuestion { run_id, .. }
            | Self::PushResults { run_id, .. }
            | Self::PushLeaderboard { run_id, .. }
            | Self::PushCancelled { run_id, .. }
            | Self::CompleteRun { run_id, .. }
            | Self::AbortRun { run_id, .. } => Some(run_id),
        }
    }
}

/// What a task answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Answer {
    /// The run is this execution's.
    Claimed {
        /// Always true.
        claimed: bool,
        /// The quiz.
        quiz_id: QuizId,
        /// The run of it.
        run_id: RunId,
        /// Where it runs.
        channel_id: ChannelId,
        /// Ties together all that follows from its scheduling.
        correlation_id: CorrelationId,
        /// When it starts.
        starts_at: Timestamp,
        /// Shards of its answers.
        shards: u32,
        /// Seconds between a result and the next question.
        pause_seconds: u32,
        /// Seconds between the openings of two questions, at the least; 0 where it does not matter.
        every_seconds: u32,
        /// What to do when the stream is lost.
        on_stream_loss: OnStreamLoss,
        /// How long to wait for a lost stream, in seconds.
        stream_loss_seconds: u32,
        /// Whether there will be points to rank.
        ranked: bool,
        /// What it asks, in order.
        questions: Vec<QuestionOutline>,
    },
    /// The run is not this execution's.
    NotClaimed {
        /// Always false.
        claimed: bool,
        /// Why.
        reason: String,
    },
    /// The run is on air.
    Started {
        /// Since when.
        started_at: Timestamp,
    },
    /// The run goes on.
    OnAir {
        /// How it stands.
        status: &'static str,
    },
    /// What is known of the stream.
    Stream {
        /// Whether there is one.
        live: bool,
        /// Whether it is the one that there was at the moment asked for.
        held: bool,
    },
    /// A cue is in the video.
    Pushed {
        /// The moment just before the call to IVS, in milliseconds of the epoch.
        pushed_at: i64,
        /// Its size in bytes.
        bytes: usize,
    },
    /// The run has ended.
    Ended {
        /// How.
        status: &'static str,
    },
    /// The run is to be undone.
    Undo {
        /// Always true.
        compensate: bool,
        /// The quiz.
        quiz_id: QuizId,
        /// The run of it.
        run_id: RunId,
        /// Where it runs.
        channel_id: ChannelId,
        /// Ties together all that follows from its scheduling.
        correlation_id: CorrelationId,
        /// When it starts.
        starts_at: Timestamp,
        /// The execution on whose behalf it is undone, if it is one.
        execution_id: Option<String>,
        /// The step that failed.
        failed_step: String,
        /// Why.
        reason: String,
        /// Whether the audience has seen something of it, and is to see its end.
        on_air: bool,
        /// How many seconds until no task of the execution can be at work any more; 0: none is.
        settle_seconds: u32,
    },
    /// There is nothing to undo.
    Nothing {
        /// Always false.
        compensate: bool,
        /// Why.
        reason: String,
        /// How many seconds until it is certain; 0: it is.
        settle_seconds: u32,
    },
}

/// What the saga needs to know of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct QuestionOutline {
    /// The question.
    pub question_id: QuestionId,
    /// How many options it has.
    pub options: usize,
    /// The index of the correct one; null in a poll.
    pub correct: Option<u32>,
    /// How long viewers have, in seconds.
    pub seconds: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_read_as_the_state_machine_gives_them() {
        let task: Task = serde_json::from_str(
            r#"{"op":"push-leaderboard","quizId":"a","runId":"b","top":[["name",2870]]}"#,
        )
        .unwrap();
        assert_eq!(task.op(), "push-leaderboard");
        assert_eq!(task.run_id().unwrap().as_str(), "b");
        let claim = r#"{"op":"claim-run","executionId":"e","order":{"any":"input"}}"#;
        let task: Task = serde_json::from_str(claim).unwrap();
        assert_eq!((task.op(), task.run_id()), ("claim-run", None));
        let abort = r#"{"op":"abort-run","quizId":"a","runId":"b","failedStep":"c","reason":"d"}"#;
        assert!(
            serde_json::from_str::<Task>(abort).is_ok(),
            "an execution id is not asked for"
        );
    }
}
