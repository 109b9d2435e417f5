//! The function `quiz-sweep`: once a minute, finds the runs whose execution has ended without them,
//! and has them undone.
//!
//! Step Functions says that an execution was stopped or timed out in an event, which it delivers as
//! well as it can, but not for certain. Without that event the run would stay on air, keep its
//! channel and leave its question open. So what the event would have started, this starts, with the
//! same input. A compensation has the name of the execution that it is for: it is started once by
//! this function, however often that finds it. One that fails is in its dead-letter queue; a run that
//! is still there after its compensation was started is an error of this function, each time.

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

/// What was done.
#[derive(Debug, Default)]
struct Swept {
    /// Compensations that were started.
    started: usize,
    /// Channels or runs that could not be looked at or undone.
    failed: usize,
}

/// A run could not be looked at.
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
    /// A [`Diagnostic`] that says how much failed; each failure is in the log with its reason, and is
    /// looked at again in a minute.
    pub async fn handle(&self, _: LambdaEvent<Value>) -> Result<(), Diagnostic> {
        let mut swept = Swept::default();
        for channel_id in self.channels.ids() {
            self.sweep(channel_id, &mut swept).await;
        }
        let Swept { started, failed } = swept;
        info!(started, failed, "swept");
        match failed {
            0 => Ok(()),
            failed => Err(Diagnostic {
                error_type: "Unavailable".to_owned(),
                error_message: format!("{failed} of the channels and runs could not be settled"),
            }),
        }
    }

    /// Has undone what was left on a channel. What fails keeps nothing else from being looked at.
    async fn sweep(&self, channel_id: &ChannelId, swept: &mut Swept) {
        let now = (self.clock)();
        let schedule = match self.store.schedule(channel_id).await {
            Ok(schedule) => schedule,
            Err(error) => {
                swept.failed += 1;
                warn!(%channel_id, %error, "failed");
                return;
            }
        };
        for slot in due(&schedule, now) {
            let run_id = &slot.run_id;
            match self.undo_if_left(slot, now).await {
                Ok(None) => {}
                Ok(Some(Started::Now)) => {
                    swept.started += 1;
                    info!(%run_id, "left by its execution: is undone");
                }
                Ok(Some(Started::Before)) => {
                    swept.failed += 1;
                    warn!(%run_id, "left by its execution: was to be undone before");
                }
                Err(error) => {
                    swept.failed += 1;
                    warn!(%run_id, %error, "failed");
                }
            }
        }
    }

    async fn undo_if_left(
        &self,
        slot: &Slot,
        now: Timestamp,
    ) -> Result<Option<Started>, SweepError> {
        let run = self.store.run(&slot.quiz_id, &slot.run_id).await?;
        let Some(run) = run.filter(|run| !run.status.has_ended()) else {
            return Ok(None);
        };
        // One that no execution has claimed waits for its start, or for the redrive of it.
        let Some(arn) = run.execution_id.as_deref() else {
            return Ok(None);
        };
        let input = match self.executions.find(arn).await? {
            Some(execution) if !left(&execution, now) => return Ok(None),
            Some(execution) => serde_json::to_string(&execution),
            // Too long ago for Step Functions to know it.
            None => serde_json::to_string(&by_name(&run)),
        };
        let input = input.expect("texts are JSON");
        let name = arn.rsplit(':').next().unwrap_or(arn);
        Ok(Some(self.executions.compensate(name, input).await?))
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
