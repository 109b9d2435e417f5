//! The function `quiz-sweep`: once a minute, finds the runs whose execution has ended without them,
//! and has them undone.
//!
//! Step Functions says that an execution was stopped or timed out in an event, which it delivers as
//! well as it can, but not for certain. Without that event the run would stay on air, keep its
//! channel and leave its question open. So what the event would have started, this starts, with the
//! same input. A compensation has the name of the execution that it is for: it is started once by
//! this function, however often that finds it. One that fails is in its dead-letter queue.

use cuepoint_shared::{aws::AwsError, channels::Channels, clock::Clock, ids::ChannelId};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;
use tracing::{info, warn};

use crate::{
    channel_schedule::{ChannelSchedule, Slot},
    executions::{Execution, Executions, Started},
    run::Run,
    store::{QuizStore, StoreError},
};

/// How long after its end an execution is left to Step Functions' event and to its own last steps.
/// If that takes longer after all, the run is undone twice, which does no harm.
const TOLD_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// Finds what has been left.
#[derive(Debug, Clone)]
pub struct QuizSweepHandler {
    /// The runs, and who has which channel.
    pub store: QuizStore,
    /// The channels that are served.
    pub channels: Channels,
    /// The executions of the saga.
    pub executions: Executions,
    /// The time.
    pub clock: Clock,
}

/// A channel could not be looked at.
#[derive(Debug, thiserror::Error)]
enum SweepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Aws(#[from] AwsError),
}

impl QuizSweepHandler {
    /// Looks at every channel once.
    ///
    /// # Errors
    /// A [`Diagnostic`] that says for how many channels it failed; each is in the log with its
    /// reason, and is looked at again in a minute.
    pub async fn handle(&self, _: LambdaEvent<Value>) -> Result<(), Diagnostic> {
        let (mut started, mut failed) = (0, 0);
        for channel_id in self.channels.ids() {
            match self.sweep(channel_id).await {
                Ok(undone) => started += undone,
                Err(error) => {
                    failed += 1;
                    warn!(%channel_id, %error, "failed");
                }
            }
        }
        info!(started, failed, "swept");
        match failed {
            0 => Ok(()),
            failed => Err(Diagnostic {
                error_type: "Unavailable".to_owned(),
                error_message: format!("{failed} channels could not be looked at"),
            }),
        }
    }

    /// Has undone what was left on a channel; returns how many compensations it has started.
    async fn sweep(&self, channel_id: &ChannelId) -> Result<usize, SweepError> {
        let now = (self.clock)();
        let schedule = self.store.schedule(channel_id).await?;
        let mut started = 0;
        for slot in due(&schedule, now) {
            let Some(run) = self.store.run(&slot.quiz_id, &slot.run_id).await? else {
                continue;
            };
            started += usize::from(self.undo_if_left(&run, now).await?);
        }
        Ok(started)
    }

    async fn undo_if_left(&self, run: &Run, now: Timestamp) -> Result<bool, SweepError> {
        // One that no execution has claimed waits for its start, or for the redrive of it.
        let Some(arn) = run
            .execution_id
            .as_deref()
            .filter(|_| !run.status.has_ended())
        else {
            return Ok(false);
        };
        let found = self.executions.find(arn).await?;
        let run_id = &run.run_id;
        let input = match found {
            Some(execution) if !left(&execution, now) => return Ok(false),
            Some(execution) => serde_json::to_string(&execution),
            // Too long ago for Step Functions to know it.
            None => serde_json::to_string(&by_name(run)),
        };
        let input = input.expect("texts are JSON");
        let name = arn.rsplit(':').next().unwrap_or(arn);
        let started = self.executions.compensate(name, input).await?;
        match started {
            Started::Now => info!(%run_id, "left by its execution: is undone"),
            Started::Before => warn!(%run_id, "left by its execution: was to be undone before"),
        }
        Ok(started == Started::Now)
    }
}

/// The runs that are on air or should be.
fn due(schedule: &ChannelSchedule, now: Timestamp) -> impl Iterator<Item = &Slot> {
    let waiting = schedule.slots.iter();
    let overdue = waiting.filter(move |slot| slot.starts_at <= now);
    schedule.on_air.iter().chain(overdue)
}

/// Whether an execution has ended so long ago that whoever was to hear of it has.
fn left(execution: &Execution, now: Timestamp) -> bool {
    let ended = execution.ended_at;
    ended.is_some_and(|ended| now.duration_since(ended) >= TOLD_WITHIN)
}

fn by_name(run: &Run) -> Value {
    serde_json::json!({
        "quizId": run.quiz_id, "runId": run.run_id,
        "reason": "its execution is not there any more",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn slot(run_id: &str, starts: i64) -> Slot {
        Slot {
            quiz_id: "quiz".parse().unwrap(),
            run_id: run_id.parse().unwrap(),
            starts_at: at(starts),
            ends_at: at(starts + 60),
        }
    }

    #[test]
    fn runs_are_due_that_are_on_air_or_should_be() {
        let schedule = ChannelSchedule {
            revision: 3,
            on_air: Some(slot("on-air", -500)),
            slots: vec![slot("late", -10), slot("now", 0), slot("later", 1)],
        };
        let due: Vec<_> = due(&schedule, at(0)).map(|s| s.run_id.as_str()).collect();
        assert_eq!(due, ["on-air", "late", "now"]);
    }

    #[test]
    fn an_execution_that_runs_or_has_just_ended_has_left_nothing() {
        let execution = |ended_at| Execution {
            execution_arn: "e".to_owned(),
            status: "ABORTED".to_owned(),
            input: None,
            error: None,
            cause: None,
            ended_at,
        };
        for (ended, expected) in [
            (None, false),
            (Some(at(1)), false),
            (Some(at(-29)), false),
            (Some(at(-30)), true),
        ] {
            assert_eq!(left(&execution(ended), at(0)), expected, "{ended:?}");
        }
    }
}
