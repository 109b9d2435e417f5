//! The tasks that the saga gives this service, and how they fail.

use cuepoint_shared::{
    aws::{AwsError, Failure},
    ids::{QuestionId, QuizId, RunId},
    telemetry,
};
use jiff::Timestamp;
use lambda_runtime::Diagnostic;
use serde::{Deserialize, Serialize};

use crate::{
    keys::QuestionKey,
    store::StoreError,
    window::{InvalidRules, Refusal, Rules, Window},
};

/// A task, told by its `op`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[expect(
    missing_docs,
    reason = "the ids say what they are, and each task says the rest"
)]
pub enum Task {
    /// From now on answers to a question count.
    OpenWindow {
        quiz_id: QuizId,
        run_id: RunId,
        question_id: QuestionId,
        options: u32,
        #[serde(default)]
        correct: Option<u32>,
        seconds: u32,
        shards: u32,
    },
    /// No more answers.
    CloseWindow {
        quiz_id: QuizId,
        run_id: RunId,
        question_id: QuestionId,
    },
    /// Count the answers of a closed window.
    Tally {
        quiz_id: QuizId,
        run_id: RunId,
        question_id: QuestionId,
    },
    /// Add up the points of all tallied questions.
    Leaderboard { quiz_id: QuizId, run_id: RunId },
    /// No question of the run that is not tallied yet ever counts.
    VoidRun { quiz_id: QuizId, run_id: RunId },
}

/// What is to be done, and with which question or run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Something with a question's window.
    Window(WindowWork, QuestionKey),
    /// The leaderboard of a run.
    Leaderboard(QuizId, RunId),
    /// All windows of a run that were not tallied are voided.
    VoidRun(QuizId, RunId),
}

/// What is to be done with a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowWork {
    /// Open it.
    Open(Rules),
    /// Close it.
    Close,
    /// Count its answers.
    Tally,
}

impl Task {
    /// Its `op`.
    pub fn op(&self) -> &'static str {
        match self {
            Self::OpenWindow { .. } => "open-window",
            Self::CloseWindow { .. } => "close-window",
            Self::Tally { .. } => "tally",
            Self::Leaderboard { .. } => "leaderboard",
            Self::VoidRun { .. } => "void-run",
        }
    }

    /// What it asks for.
    pub fn work(self) -> Work {
        let window = |work, quiz_id, run_id, question_id| {
            Work::Window(
                work,
                QuestionKey {
                    quiz_id,
                    run_id,
                    question_id,
                },
            )
        };
        match self {
            Self::OpenWindow {
                quiz_id,
                run_id,
                question_id,
                options,
                correct,
                seconds,
                shards,
            } => {
                let rules = Rules {
                    options,
                    correct,
                    seconds,
                    shards,
                };
                window(WindowWork::Open(rules), quiz_id, run_id, question_id)
            }
            Self::CloseWindow {
                quiz_id,
                run_id,
                question_id,
            } => window(WindowWork::Close, quiz_id, run_id, question_id),
            Self::Tally {
                quiz_id,
                run_id,
                question_id,
            } => window(WindowWork::Tally, quiz_id, run_id, question_id),
            Self::Leaderboard { quiz_id, run_id } => Work::Leaderboard(quiz_id, run_id),
            Self::VoidRun { quiz_id, run_id } => Work::VoidRun(quiz_id, run_id),
        }
    }
}

/// What a task answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Answer {
    /// The window is open.
    Opened {
        /// Since when.
        opened_at: Timestamp,
        /// Until when answers are taken.
        closes_at: Timestamp,
        /// When it may be closed and tallied.
        tally_at: Timestamp,
    },
    /// The window is closed.
    Closed {
        /// Always `closed`.
        status: &'static str,
    },
    /// The answers are counted.
    Tallied {
        /// How many chose each option.
        counts: Vec<u64>,
        /// How many answers there are: the sum of the counts.
        accepted: u64,
        /// The index of the correct option; null in a poll.
        correct: Option<u32>,
        /// The live counts at this moment.
        live: Vec<u64>,
        /// Whether the live counts are the final ones; false while the stream lags behind.
        live_agrees: bool,
    },
    /// The best of the run.
    Leaderboard {
        /// Name and points, best first.
        top: Vec<(String, u32)>,
    },
    /// What of the run does not count.
    Voided {
        /// Every question whose window is voided, whoever voided it, in the order they were opened.
        voided: Vec<QuestionId>,
        /// The last one that counts, if any does: the only one whose tally the bus may not have been
        /// told of.
        last_tallied: Option<LastTallied>,
    },
}

/// What the bus is told of a question that was tallied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastTallied {
    /// The question.
    pub question_id: QuestionId,
    /// How many chose each option.
    pub counts: Vec<u64>,
    /// How many answers there are: the sum of the counts.
    pub accepted: u64,
    /// The index of the correct option; null in a poll.
    pub correct: Option<u32>,
}

impl LastTallied {
    /// Of a window that was tallied.
    pub fn of(window: Window) -> Self {
        let counts = window.counts.unwrap_or_default();
        Self {
            question_id: window.question_id,
            accepted: counts.iter().sum(),
            counts,
            correct: window.rules.correct,
        }
    }
}

/// Why a task failed. The state machine tells the kinds apart by their error type.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A limit was met.
    #[error("throttled: {0}")]
    Throttled(String),
    /// Something behind it failed; it may pass.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// It is too early to close or to tally the window.
    #[error("{0}")]
    WindowStillOpen(String),
    /// The window was voided: the run was cancelled, or ended otherwise, and is undone already.
    #[error("{0}")]
    WindowVoided(String),
    /// The question has no window.
    #[error("no window was opened for question {0}")]
    NotFound(QuestionKey),
    /// What is there does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// The task can never work as it was given.
    #[error("{0}")]
    InvalidInput(String),
}

impl TaskError {
    /// Why a window refuses a task.
    pub fn refused(question: &QuestionKey, refusal: Refusal) -> Self {
        let said = format!("question {question}: {refusal}");
        match refusal {
            Refusal::StillOpen(_) => Self::WindowStillOpen(said),
            Refusal::Voided => Self::WindowVoided(said),
        }
    }

    /// Why an input is no task. Only where it is broken, since the error's own words may repeat
    /// what viewers wrote.
    pub fn unreadable(error: &serde_json::Error) -> Self {
        let place = telemetry::where_broken(error);
        Self::InvalidInput(format!("not a task of this function: {place}"))
    }

    /// The error type that Lambda reports.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Throttled(_) => "Throttled",
            Self::Unavailable(_) => "Unavailable",
            Self::WindowStillOpen(_) => "WindowStillOpen",
            Self::WindowVoided(_) => "WindowVoided",
            Self::NotFound(_) => "NotFound",
            Self::Conflict(_) => "Conflict",
            Self::InvalidInput(_) => "InvalidInput",
        }
    }
}

impl From<InvalidRules> for TaskError {
    fn from(invalid: InvalidRules) -> Self {
        Self::InvalidInput(format!("no question has {invalid}"))
    }
}

impl From<AwsError> for TaskError {
    fn from(error: AwsError) -> Self {
        match error.failure {
            Failure::Throttled => Self::Throttled(error.to_string()),
            Failure::Unavailable => Self::Unavailable(error.to_string()),
            Failure::Refused => Self::InvalidInput(error.to_string()),
        }
    }
}

impl From<StoreError> for TaskError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Aws(error) => error.into(),
            StoreError::Unreadable { .. }
            | StoreError::UnreadablePage { .. }
            | StoreError::OutOfOrder(_)
            | StoreError::UnknownOption { .. } => Self::Conflict(error.to_string()),
        }
    }
}

impl From<TaskError> for Diagnostic {
    fn from(error: TaskError) -> Self {
        Self {
            error_type: error.error_type().to_owned(),
            error_message: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_read_as_the_state_machine_gives_them() {
        let read = |json: &str| serde_json::from_str::<Task>(json).unwrap();
        let open = read(
            r#"{"op":"open-window","quizId":"a","runId":"b","questionId":"q1",
                "options":4,"correct":null,"seconds":15,"shards":1}"#,
        );
        assert_eq!(open.op(), "open-window");
        let rules = Rules {
            options: 4,
            correct: None,
            seconds: 15,
            shards: 1,
        };
        let Work::Window(WindowWork::Open(read_rules), question) = open.work() else {
            panic!()
        };
        assert_eq!(
            (read_rules, question.to_string()),
            (rules, "a#b#q1".to_owned())
        );
        let board = read(r#"{"op":"leaderboard","quizId":"a","runId":"b"}"#);
        assert!(matches!(board.work(), Work::Leaderboard(..)));
        let void = read(r#"{"op":"void-run","quizId":"a","runId":"b"}"#);
        assert!(matches!(void.work(), Work::VoidRun(..)));
    }

    #[test]
    fn an_unreadable_task_is_refused_without_its_values() {
        let error = serde_json::from_str::<Task>(r#"{"op":"Ada"}"#).unwrap_err();
        assert!(error.to_string().contains("Ada"), "the danger: {error}");
        let said = TaskError::unreadable(&error).to_string();
        assert!(said.contains("Data error at line"), "{said}");
        assert!(!said.contains("Ada"), "{said}");
    }

    #[test]
    fn each_failure_has_the_type_that_the_state_machine_knows() {
        let question = QuestionKey {
            quiz_id: "a".parse().unwrap(),
            run_id: "b".parse().unwrap(),
            question_id: "q1".parse().unwrap(),
        };
        let throttled = AwsError {
            operation: "Query",
            failure: Failure::Throttled,
            code: "Code".into(),
            message: "words".into(),
        };
        let early = Refusal::StillOpen(Timestamp::UNIX_EPOCH);
        let cases: [(TaskError, &str); 4] = [
            (StoreError::Aws(throttled).into(), "Throttled"),
            (TaskError::refused(&question, early), "WindowStillOpen"),
            (
                TaskError::refused(&question, Refusal::Voided),
                "WindowVoided",
            ),
            (InvalidRules::Shards(0).into(), "InvalidInput"),
        ];
        for (error, expected) in cases {
            assert_eq!(Diagnostic::from(error).error_type, expected);
        }
    }
}
