//! What the compensation is to undo, and whether it may.
//!
//! It is started by the saga itself when a step fails, by Step Functions' own event when an
//! execution of the saga was stopped, timed out or failed, by `quiz-cancel-requested`, and by an
//! operator's hand. Several of these may be about the same run, at once or one after the other: what
//! it does is harmless when it was done already. But an execution that does not hold its run undoes
//! nothing: the run is another one's.

use cuepoint_shared::{
    ids::{QuizId, RunId},
    telemetry,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    order::Order,
    run::{Run, RunStatus},
};

/// How long a task may still be at work whose execution was stopped, in seconds: longer than any
/// function behind the saga runs.
pub const TASKS_END_WITHIN: u32 = 105;
/// What has failed when an execution was ended from outside.
const WHOLE_SAGA: &str = "QuizShow";

/// What the compensation was started for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The quiz.
    pub quiz_id: QuizId,
    /// The run of it.
    pub run_id: RunId,
    /// The step that failed.
    pub failed_step: String,
    /// Why.
    pub reason: String,
    /// How many seconds until no task of the execution can be at work any more; 0: none is.
    pub settle_seconds: u32,
    /// On whose behalf.
    pub claimant: Claimant,
}

/// On whose behalf a run is undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimant {
    /// An execution of the saga that failed or was ended.
    Execution {
        /// Its ARN.
        id: String,
        /// When the run was to start, as the execution was told.
        starts_at: Option<Timestamp>,
    },
    /// A producer who cancelled the run.
    Producer,
    /// An operator.
    Operator,
}

/// An input that the compensation cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing that the compensation can be started with: {0}")]
pub struct InvalidTrigger(String);

/// What the saga gives, and the detail of `Step Functions Execution Status Change` (Step Functions
/// developer guide, "Automating event delivery with EventBridge").
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ended {
    execution_arn: String,
    #[serde(default)]
    input: Option<String>,
    #[serde(default)]
    failed_step: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    cause: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    quiz_id: QuizId,
    run_id: RunId,
    #[serde(default)]
    failed_step: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

impl Case {
    /// Reads what the compensation was started with. `None`: an execution that never had a run.
    ///
    /// # Errors
    /// [`InvalidTrigger`]
    pub fn read(trigger: &Value) -> Result<Option<Self>, InvalidTrigger> {
        if trigger.get("executionArn").is_some() {
            return part::<Ended>(trigger).map(Ended::case);
        }
        let (named, claimant) = match trigger.get("data") {
            Some(data) => (part::<Named>(data)?, Claimant::Producer),
            None => (part::<Named>(trigger)?, Claimant::Operator),
        };
        let by_whom = match claimant {
            Claimant::Producer => "RunCancelled",
            _ => "ended by an operator",
        };
        Ok(Some(Self {
            quiz_id: named.quiz_id,
            run_id: named.run_id,
            failed_step: named.failed_step.unwrap_or_else(|| WHOLE_SAGA.to_owned()),
            reason: named.reason.unwrap_or_else(|| by_whom.to_owned()),
            settle_seconds: 0,
            claimant,
        }))
    }

    /// Whether this run may be undone on behalf of whoever asks.
    ///
    /// # Errors
    /// Why not.
    pub fn may_undo(&self, run: &Run) -> Result<(), &'static str> {
        match &self.claimant {
            Claimant::Operator => Ok(()),
            Claimant::Producer => match run.status {
                RunStatus::Scheduled | RunStatus::Running => Err("the run is not cancelled"),
                _ => Ok(()),
            },
            Claimant::Execution { id, starts_at } => match &run.execution_id {
                Some(holder) if holder == id => Ok(()),
                Some(_) => Err("another execution has the run"),
                // It ended before it could claim the run. A run that was moved meanwhile is for the
                // execution of its new time.
                None if *starts_at == Some(run.starts_at) => Ok(()),
                None => Err("the run was moved"),
            },
        }
    }

    /// The execution that ended, if it was one.
    pub fn execution_id(&self) -> Option<&str> {
        match &self.claimant {
            Claimant::Execution { id, .. } => Some(id),
            Claimant::Producer | Claimant::Operator => None,
        }
    }
}

impl Ended {
    fn case(self) -> Option<Case> {
        let input = serde_json::from_str(self.input.as_deref()?).ok()?;
        let order = Order::read(&input).ok()?;
        let (quiz_id, run_id) = order.run(&self.execution_arn);
        let starts_at = match order {
            Order::Scheduled { starts_at, .. } => starts_at,
            Order::Direct { .. } => None,
        };
        let from_outside = ["ABORTED", "TIMED_OUT"].map(Some);
        let settle_seconds = match from_outside.contains(&self.status.as_deref()) {
            true => TASKS_END_WITHIN,
            false => 0,
        };
        let (failed_step, reason) = self.why();
        Some(Case {
            quiz_id,
            run_id,
            failed_step,
            reason,
            settle_seconds,
            claimant: Claimant::Execution {
                id: self.execution_arn,
                starts_at,
            },
        })
    }

    /// The step that failed, and why: as the saga says, also in the cause that it ended with, or
    /// what Step Functions says of the whole.
    fn why(&self) -> (String, String) {
        if let (Some(step), Some(reason)) = (&self.failed_step, &self.reason) {
            return (step.clone(), reason.clone());
        }
        let (error, cause) = (self.error.as_deref(), self.cause.as_deref());
        let ours = error.is_some_and(|error| error.starts_with("Quiz"));
        if ours && let Some((step, reason)) = cause.and_then(|cause| cause.split_once(": ")) {
            return (step.to_owned(), reason.to_owned());
        }
        let said = [self.status.as_deref(), error, cause];
        let said: Vec<_> = said
            .into_iter()
            .flatten()
            .filter(|s| !s.is_empty())
            .collect();
        (WHOLE_SAGA.to_owned(), said.join(": "))
    }
}

fn part<T: for<'de> Deserialize<'de>>(value: &Value) -> Result<T, InvalidTrigger> {
    T::deserialize(value).map_err(|error| InvalidTrigger(telemetry::where_broken(&error)))
}

#[cfg(test)]
#[path = "compensation_tests.rs"]
mod tests;
