//! How the compensation begins: with what it is to undo, and whether it may.

use serde_json::Value;

use super::{QuizSagaHandler, no_run};
use crate::{
    compensation::{Case, Claimant},
    task::{Answer, TaskError},
};

impl QuizSagaHandler {
    /// What the compensation is to undo, from what it was started with.
    pub(super) async fn begin_compensation(&self, trigger: &Value) -> Result<Answer, TaskError> {
        let nothing = |reason: &str, settle_seconds: u32| {
            Ok(Answer::Nothing {
                compensate: false,
                reason: reason.to_owned(),
                settle_seconds,
            })
        };
        let Some(case) = Case::read(trigger)? else {
            return nothing("the execution never had a run", 0);
        };
        let run = match self.store.run(&case.quiz_id, &case.run_id).await? {
            Some(run) => run,
            None => match case.claimant {
                // A direct start that could not make its run, or not yet.
                Claimant::Execution { .. } => {
                    return nothing("there is no such run", case.settle_seconds);
                }
                Claimant::Producer | Claimant::Operator => {
                    return Err(no_run(&case.quiz_id, &case.run_id));
                }
            },
        };
        if let Err(why) = case.may_undo(&run) {
            return nothing(why, 0);
        }
        Ok(Answer::Undo {
            compensate: true,
            on_air: run.has_channel().is_ok(),
            execution_id: case.execution_id().map(str::to_owned),
            quiz_id: run.quiz_id,
            run_id: run.run_id,
            channel_id: run.channel_id,
            correlation_id: run.correlation_id,
            starts_at: run.starts_at,
            failed_step: case.failed_step,
            reason: case.reason,
            settle_seconds: case.settle_seconds,
        })
    }
}
