//! What an execution of the saga was started with: a scheduled run, or an operator's direct start.

use cuepoint_shared::{
    ids::{QuizId, RunId},
    telemetry,
};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::settings::RunDraft;

/// What an execution is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// A run that was scheduled: the detail of `quiz-scheduled`.
    Scheduled {
        /// The quiz.
        quiz_id: QuizId,
        /// The run of it.
        run_id: RunId,
        /// When it starts, as that event says.
        starts_at: Option<Timestamp>,
    },
    /// A quiz, of which the execution makes a run itself.
    Direct {
        /// The quiz.
        quiz_id: QuizId,
        /// Where and how.
        draft: RunDraft,
    },
}

/// An input that is neither. It says where it is broken, not what it holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the execution's input names no run and no quiz and channel: {0}")]
pub struct InvalidOrder(String);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scheduled {
    quiz_id: QuizId,
    run_id: RunId,
    #[serde(default)]
    starts_at: Option<Timestamp>,
}

impl Order {
    /// Reads an execution's input.
    ///
    /// # Errors
    /// [`InvalidOrder`]
    pub fn read(input: &Value) -> Result<Self, InvalidOrder> {
        if let Some(data) = input.get("data") {
            let Scheduled {
                quiz_id,
                run_id,
                starts_at,
            } = part(data.clone())?;
            return Ok(Self::Scheduled {
                quiz_id,
                run_id,
                starts_at,
            });
        }
        let mut draft = input.clone();
        let quiz_id = draft.as_object_mut().and_then(|it| it.remove("quizId"));
        Ok(Self::Direct {
            quiz_id: part(quiz_id.unwrap_or_default())?,
            draft: part(draft)?,
        })
    }

    /// Which run it is, in this execution.
    pub fn run(&self, execution_id: &str) -> (QuizId, RunId) {
        match self {
            Self::Scheduled {
                quiz_id, run_id, ..
            } => (quiz_id.clone(), run_id.clone()),
            Self::Direct { quiz_id, .. } => (quiz_id.clone(), direct_run_id(execution_id)),
        }
    }
}

/// The id of the run that an execution makes itself: the same however often it is asked.
fn direct_run_id(execution_id: &str) -> RunId {
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, execution_id.as_bytes());
    let id = id.simple().to_string();
    id.parse().expect("32 hexadecimal digits are a run id")
}

fn part<T: DeserializeOwned>(value: Value) -> Result<T, InvalidOrder> {
    serde_json::from_value(value).map_err(|error| InvalidOrder(telemetry::where_broken(&error)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_scheduled_run_is_the_one_that_the_event_names() {
        let event = json!({"metadata": {}, "data": {
            "quizId": "a", "runId": "b", "channelId": "c", "startsAt": "2026-11-22T08:00:00Z"}});
        let order = Order::read(&event).unwrap();
        let (quiz_id, run_id) = order.run("any");
        assert_eq!((quiz_id.as_str(), run_id.as_str()), ("a", "b"));
        let starts_at = Some("2026-11-22T08:00:00Z".parse().unwrap());
        assert!(matches!(order, Order::Scheduled { starts_at: at, .. } if at == starts_at));
    }

    #[test]
    fn a_direct_start_is_one_run_per_execution() {
        let start = json!({"quizId": "a", "channelId": "c", "pauseSeconds": 0});
        let order = Order::read(&start).unwrap();
        assert!(matches!(&order, Order::Direct { draft, .. } if draft.pause_seconds == Some(0)));
        assert_eq!(order.run("arn:1"), order.run("arn:1"));
        assert_ne!(order.run("arn:1"), order.run("arn:2"));
        assert_eq!(order.run("arn:1").1.as_str().len(), 32);
    }

    #[test]
    fn anything_else_is_refused_without_its_values() {
        for input in [
            json!(null),
            json!({"quizId": "a"}),
            json!({"channelId": "c"}),
            json!({"quizId": "a", "channelId": "c", "secret": "s3cret"}),
            json!({"data": {"quizId": "a"}}),
            json!({"data": "s3cret"}),
        ] {
            let said = Order::read(&input).unwrap_err().to_string();
            assert!(!said.contains("cret"), "{said}");
        }
    }
}
