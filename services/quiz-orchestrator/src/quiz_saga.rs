//! The function `quiz-saga`: the tasks of the state machines `quiz-show` and
//! `quiz-show-compensation` around a run and its cues.
//!
//! Each task may come again, and is answered alike: changes of a run are kept apart by its
//! revision, and a cue that is pushed again is told as a repeat by the ids in it. A run that a
//! producer cancelled fails the next task that would show or start something with `RunCancelled`.

use cuepoint_shared::{
    channels::Channels,
    clock::{Clock, whole_millis},
    cues::Cue,
    ids::{ChannelId, QuestionId, QuizId, RunId},
};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;
use tracing::{info, warn};

use crate::{
    quiz::{Question, Quiz},
    run::{Asker, Run},
    store::QuizStore,
    task::{Answer, Task, TaskError},
    timing::AnswerTiming,
    video::{self, Video},
};

mod claiming;
mod undoing;

/// Does the saga's tasks.
#[derive(Debug, Clone)]
pub struct QuizSagaHandler {
    /// Runs and quizzes.
    pub store: QuizStore,
    /// Where cues go.
    pub video: Video,
    /// The channels that are served.
    pub channels: Channels,
    /// How long a question takes beyond its own time.
    pub timing: AnswerTiming,
    /// The time.
    pub clock: Clock,
}

impl QuizSagaHandler {
    /// Does one task.
    ///
    /// # Errors
    /// A [`Diagnostic`] with one of the error types of [`TaskError`].
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Answer, Diagnostic> {
        let task: Task = serde_json::from_value(event.payload).map_err(|error| {
            let error = TaskError::unreadable(&error);
            warn!(%error, "refused");
            error
        })?;
        let op = task.op();
        let run_id = task.run_id().map(RunId::to_string).unwrap_or_default();
        match self.perform(task).await {
            Ok(answer) => {
                info!(op, run_id, outcome = outcome(&answer), "done");
                Ok(answer)
            }
            Err(error) => {
                warn!(op, run_id, error_type = error.error_type(), %error, "failed");
                Err(error.into())
            }
        }
    }

    async fn perform(&self, task: Task) -> Result<Answer, TaskError> {
        let now = whole_millis((self.clock)());
        match task {
            Task::ClaimRun {
                execution_id,
                order,
            } => self.claim(&execution_id, &order).await,
            Task::StartRun {
                quiz_id,
                run_id,
                execution_id,
            } => {
                let start = |run: &Run| {
                    run.start(&execution_id, now)
                        .map_err(|why| TaskError::not_started(&run_id, why))
                };
                let run = self.change(&quiz_id, &run_id, start).await?;
                Ok(Answer::Started {
                    started_at: run.started_at.unwrap_or(run.changed_at),
                })
            }
            Task::CheckRun { quiz_id, run_id } => {
                let run = self.on_air(&quiz_id, &run_id).await?;
                Ok(Answer::OnAir {
                    status: run.status.name(),
                })
            }
            Task::CheckStream {
                quiz_id,
                run_id,
                since,
            } => {
                let run = self.on_air(&quiz_id, &run_id).await?;
                self.stream(&run, since).await
            }
            Task::PushQuestion {
                quiz_id,
                run_id,
                question_id,
            } => {
                let (quiz, run) = self.asked(&quiz_id, &run_id).await?;
                let (n, question) = question(&quiz, &question_id)?;
                let cue = quiz.question_cue(run_id, n, &question);
                self.push(&run, cue).await
            }
            Task::PushResults {
                quiz_id,
                run_id,
                question_id,
                counts,
            } => {
                let (quiz, run) = self.asked(&quiz_id, &run_id).await?;
                let (_, question) = question(&quiz, &question_id)?;
                let options = question.answers.len();
                if counts.len() != options {
                    let said = format!("{} counts for the {options} options", counts.len());
                    return Err(TaskError::InvalidInput(format!("{said} of {question_id}")));
                }
                self.push(&run, question.results_cue(counts)).await
            }
            Task::PushLeaderboard {
                quiz_id,
                run_id,
                top,
            } => {
                let run = self.on_air(&quiz_id, &run_id).await?;
                self.push(&run, Cue::leaderboard(top)).await
            }
            Task::PushCancelled { quiz_id, run_id } => {
                let run = self.run(&quiz_id, &run_id).await?;
                run.has_channel()
                    .map_err(|refusal| TaskError::refused(&run_id, refusal))?;
                self.push(&run, Cue::Cancelled { quiz_id, run_id }).await
            }
            Task::CompleteRun { quiz_id, run_id } => {
                let complete = |run: &Run| {
                    run.complete(now)
                        .map_err(|r| TaskError::refused(&run_id, r))
                };
                let run = self.change(&quiz_id, &run_id, complete).await?;
                Ok(Answer::Ended {
                    status: run.status.name(),
                })
            }
            Task::BeginCompensation { trigger } => self.begin_compensation(&trigger).await,
            Task::AbortRun {
                quiz_id,
                run_id,
                execution_id,
                starts_at,
                failed_step,
                reason,
            } => {
                let asker = execution_id.as_deref().map(|id| Asker { id, starts_at });
                let abort = |run: &Run| Ok(run.abort(asker, &failed_step, &reason, now));
                let run = self.change(&quiz_id, &run_id, abort).await?;
                Ok(Answer::Ended {
                    status: run.status.name(),
                })
            }
        }
    }

    async fn push(&self, run: &Run, cue: Cue) -> Result<Answer, TaskError> {
        let arn = self.channel_arn(run)?;
        let pushed_at = (self.clock)().as_millisecond();
        let bytes = self.video.push(arn, &cue).await?;
        Ok(Answer::Pushed { pushed_at, bytes })
    }

    async fn stream(&self, run: &Run, since: Option<i64>) -> Result<Answer, TaskError> {
        let live_since = self.video.live_since(self.channel_arn(run)?).await?;
        Ok(Answer::Stream {
            live: live_since.is_some(),
            held: live_since.is_some_and(|live| since.is_none_or(|since| video::held(live, since))),
        })
    }

    fn channel_arn(&self, run: &Run) -> Result<&str, TaskError> {
        let channel = self.channels.get(&run.channel_id);
        let channel = channel.ok_or_else(|| not_served(&run.channel_id))?;
        Ok(&channel.arn)
    }

    async fn on_air(&self, quiz_id: &QuizId, run_id: &RunId) -> Result<Run, TaskError> {
        let run = self.run(quiz_id, run_id).await?;
        run.on_air()
            .map_err(|refusal| TaskError::refused(run_id, refusal))?;
        Ok(run)
    }

    /// A run that is on air, and what it asks.
    async fn asked(&self, quiz_id: &QuizId, run_id: &RunId) -> Result<(Quiz, Run), TaskError> {
        tokio::try_join!(self.quiz(quiz_id), self.on_air(quiz_id, run_id))
    }

    async fn change(
        &self,
        quiz_id: &QuizId,
        run_id: &RunId,
        decide: impl Fn(&Run) -> Result<Option<Run>, TaskError>,
    ) -> Result<Run, TaskError> {
        let changed = self.store.change_run(quiz_id, run_id, decide).await?;
        changed.ok_or_else(|| no_run(quiz_id, run_id))
    }

    async fn run(&self, quiz_id: &QuizId, run_id: &RunId) -> Result<Run, TaskError> {
        self.store
            .run(quiz_id, run_id)
            .await?
            .ok_or_else(|| no_run(quiz_id, run_id))
    }

    async fn quiz(&self, quiz_id: &QuizId) -> Result<Quiz, TaskError> {
        let quiz = self.store.quiz(quiz_id).await?;
        quiz.ok_or_else(|| TaskError::NotFound(format!("there is no quiz {quiz_id}")))
    }
}

fn not_served(channel_id: &ChannelId) -> TaskError {
    TaskError::NotFound(format!("channel {channel_id} is not served"))
}

fn no_run(quiz_id: &QuizId, run_id: &RunId) -> TaskError {
    TaskError::NotFound(format!("quiz {quiz_id} has no run {run_id}"))
}

fn question(quiz: &Quiz, id: &QuestionId) -> Result<(u32, Question), TaskError> {
    quiz.question(id)
        .ok_or_else(|| TaskError::NotFound(format!("quiz {} has no question {id}", quiz.quiz_id)))
}

/// What the log says of an answer.
fn outcome(answer: &Answer) -> String {
    match answer {
        Answer::Claimed {
            run_id, questions, ..
        } => format!("run {run_id} claimed, {} questions", questions.len()),
        Answer::NotClaimed { reason, .. } => format!("not claimed: {reason}"),
        Answer::Started { started_at } => format!("on air since {started_at}"),
        Answer::Stream { live, held } => format!("live: {live}, held: {held}"),
        Answer::Pushed { bytes, .. } => format!("{bytes} bytes"),
        Answer::OnAir { status } | Answer::Ended { status } => (*status).to_owned(),
        Answer::Undo { run_id, on_air, .. } => format!("run {run_id}, on air: {on_air}"),
        Answer::Nothing { reason, .. } => format!("nothing to undo: {reason}"),
    }
}
