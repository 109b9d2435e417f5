//! How an execution gets its run: a scheduled one, or one that it makes itself.

use cuepoint_shared::{
    clock::whole_millis,
    ids::{QuizId, RunId},
};
use serde_json::Value;

use super::{QuizSagaHandler, no_run, not_served};
use crate::{
    order::Order,
    run::{Claim, Run},
    settings::RunDraft,
    store::Saved,
    task::{Answer, QuestionOutline, TaskError},
};

/// How often a claim is tried anew when the run changes under it.
const ATTEMPTS: u32 = 3;

impl QuizSagaHandler {
    /// Claims the run for one execution. Its channel is taken when it starts, so that a run which
    /// waits keeps no other one off the air.
    pub(super) async fn claim(
        &self,
        execution_id: &str,
        order: &Value,
    ) -> Result<Answer, TaskError> {
        let order = Order::read(order)?;
        let (quiz_id, run_id) = order.run(execution_id);
        for _ in 0..ATTEMPTS {
            let run = match (self.store.run(&quiz_id, &run_id).await?, &order) {
                (Some(run), _) => run,
                (None, Order::Direct { draft, .. }) => {
                    self.make(&quiz_id, run_id.clone(), draft.clone(), execution_id)
                        .await?
                }
                (None, Order::Scheduled { .. }) => return Err(no_run(&quiz_id, &run_id)),
            };
            let taken = match run.claim(execution_id, whole_millis((self.clock)())) {
                Claim::Refused(reason) => {
                    return Ok(Answer::NotClaimed {
                        claimed: false,
                        reason,
                    });
                }
                Claim::Ours => return self.claimed(run).await,
                Claim::Take(taken) => *taken,
            };
            if self.store.save(&taken, None).await? == Saved::Done {
                return self.claimed(taken).await;
            }
        }
        Err(TaskError::Unavailable(format!(
            "run {run_id} is changed by too many at once"
        )))
    }

    /// Makes the run of a direct start, which is this execution's from the beginning.
    async fn make(
        &self,
        quiz_id: &QuizId,
        run_id: RunId,
        draft: RunDraft,
        execution_id: &str,
    ) -> Result<Run, TaskError> {
        if self.channels.get(&draft.channel_id).is_none() {
            return Err(not_served(&draft.channel_id));
        }
        let quiz = self.quiz(quiz_id).await?;
        let now = whole_millis((self.clock)());
        let run = Run::schedule(&quiz, run_id, draft, &self.timing, now)?;
        let ours = Run {
            execution_id: Some(execution_id.to_owned()),
            ..run
        };
        Ok(self.store.put_run(ours).await?)
    }

    async fn claimed(&self, run: Run) -> Result<Answer, TaskError> {
        let quiz = self.quiz(&run.quiz_id).await?;
        let ranked = quiz.has_points();
        let questions = quiz.questions.into_iter().map(|question| QuestionOutline {
            question_id: question.question_id,
            options: question.answers.len(),
            correct: question.correct,
            seconds: question.seconds,
        });
        Ok(Answer::Claimed {
            claimed: true,
            quiz_id: run.quiz_id,
            run_id: run.run_id,
            channel_id: run.channel_id,
            correlation_id: run.correlation_id,
            starts_at: run.starts_at,
            shards: run.settings.shards,
            pause_seconds: run.settings.pause_seconds,
            every_seconds: run.settings.every_seconds.unwrap_or(0),
            on_stream_loss: run.settings.on_stream_loss,
            stream_loss_seconds: run.settings.stream_loss_seconds,
            ranked,
            questions: questions.collect(),
        })
    }
}
