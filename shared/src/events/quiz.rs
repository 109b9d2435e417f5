//! The life of one run of a quiz.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EventData, Text};
use crate::ids::{ChannelId, QuizId, RunId};

macro_rules! run_event {
    ($(#[$doc:meta])* $name:ident, $detail_type:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase")]
        pub struct $name {
            /// The quiz.
            pub quiz_id: QuizId,
            /// The run of it.
            pub run_id: RunId,
            /// Where it runs.
            pub channel_id: ChannelId,
            /// When it starts, or was to start.
            pub starts_at: Timestamp,
        }

        impl EventData for $name {
            const DETAIL_TYPE: &'static str = $detail_type;
            const SOURCE: &'static str = "cuepoint.quiz-orchestrator";
        }
    };
}

run_event!(
    /// A producer scheduled a quiz, or moved it to another time; this starts the saga.
    QuizScheduled,
    "quiz-scheduled"
);
run_event!(
    /// The quiz is on air.
    QuizStarted,
    "quiz-started"
);
run_event!(
    /// All its questions were asked and tallied.
    QuizCompleted,
    "quiz-completed"
);
run_event!(
    /// A producer wants it cancelled while it is on air; this starts the compensation.
    QuizCancelRequested,
    "quiz-cancel-requested"
);
run_event!(
    /// A producer cancelled it.
    QuizCancelled,
    "quiz-cancelled"
);

/// It failed and was undone: an open question does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuizAborted {
    /// The quiz.
    pub quiz_id: QuizId,
    /// The run of it.
    pub run_id: RunId,
    /// Where it ran.
    pub channel_id: ChannelId,
    /// When it started, or was to start.
    pub starts_at: Timestamp,
    /// Why it failed.
    pub reason: Text<2048>,
    /// The step of the saga that failed.
    pub failed_step: Text<80>,
}

impl EventData for QuizAborted {
    const DETAIL_TYPE: &'static str = "quiz-aborted";
    const SOURCE: &'static str = "cuepoint.quiz-orchestrator";
}
