//! The function `quiz-saga`: the tasks of the state machine `quiz-show` around a run and its cues.
//!
//! Each task may come again, and is answered alike: changes of a run are kept apart by its
//! revision, and a cue that is pushed again is told as a repeat by the ids in it. A run that a
//! producer cancelled fails the next task that would show or start something with `RunCancelled`.

use cuepoint_shared::{
    channels::Channels,
    clock::{Clock, whole_millis},
    cues::Cue,
    ids::{QuestionId, QuizId, RunId},
};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;
use tracing::{info, warn};

use crate::{
    quiz::{Question, Quiz},
    run::{Claim, Run},
    store::{ChannelUse, QuizStore, Saved},
    task::{Answer, QuestionOutline, Task, TaskError},
    video::Video,
};

/// How often a claim is tried anew when the run changes under it.
const ATTEMPTS: u32 = 3;

/// Does the saga's tasks.
#[derive(Debug, Clone)]
pub struct QuizSagaHandler {
    /// Runs and quizzes.
    pub store: QuizStore,
    /// Where cues go.
    pub video: Video,
    /// The channels that are served.
    pub channels: Channels,
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
        let (op, (quiz_id, run_id)) = (task.op(), task.run());
        let (quiz_id, run_id) = (quiz_id.clone(), run_id.clone());
        match self.perform(task).await {
            Ok(answer) => {
                info!(op, %quiz_id, %run_id, outcome = outcome(&answer), "done");
                Ok(answer)
            }
            Err(error) => {
                warn!(op, %quiz_id, %run_id, error_type = error.error_type(), %error, "failed");
                Err(error.into())
            }
        }
    }

    async fn perform(&self, task: Task) -> Result<Answer, TaskError> {
        let now = whole_millis((self.clock)());
        match task {
            Task::ClaimRun {
                quiz_id,
                run_id,
                execution_id,
            } => self.claim(&quiz_id, &run_id, &execution_id).await,
            Task::StartRun { quiz_id, run_id } => {
                let start = |run: &Run| run.start(now).map_err(|r| TaskError::refused(&run_id, r));
                let run = self.change(&quiz_id, &run_id, start).await?;
                Ok(Answer::Started {
                    started_at: run.started_at.unwrap_or(run.changed_at),
                })
            }
            Task::CheckRun { quiz_id, run_id } => {
                let (_, run) = self.on_air(&quiz_id, &run_id).await?;
                Ok(Answer::OnAir {
                    status: run.status.name(),
                })
            }
            Task::PushQuestion {
                quiz_id,
                run_id,
                question_id,
            } => {
                let (quiz, run) = self.on_air(&quiz_id, &run_id).await?;
                let (n, question) = question(&quiz, &question_id)?;
                let cue = quiz.question_cue(run_id, n, question);
                self.push(&run, cue).await
            }
            Task::PushResults {
                quiz_id,
                run_id,
                question_id,
                counts,
            } => {
                let (quiz, run) = self.on_air(&quiz_id, &run_id).await?;
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
                let (_, run) = self.on_air(&quiz_id, &run_id).await?;
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
            Task::AbortRun {
                quiz_id,
                run_id,
                execution_id,
                failed_step,
                reason,
            } => {
                let abort =
                    |run: &Run| Ok(run.abort(execution_id.as_deref(), &failed_step, &reason, now));
                let run = self.change(&quiz_id, &run_id, abort).await?;
                Ok(Answer::Ended {
                    status: run.status.name(),
                })
            }
        }
    }

    /// Claims the run for one execution. Its channel is taken when it starts, so that a run which
    /// waits keeps no other one off the air.
    async fn claim(
        &self,
        quiz_id: &QuizId,
        run_id: &RunId,
        execution_id: &str,
    ) -> Result<Answer, TaskError> {
        let now = whole_millis((self.clock)());
        for _ in 0..ATTEMPTS {
            let run = self.run(quiz_id, run_id).await?;
            let taken = match run.claim(execution_id, now) {
                Claim::Refused(reason) => {
                    return Ok(Answer::NotClaimed {
                        claimed: false,
                        reason,
                    });
                }
                Claim::Ours => return self.claimed(run).await,
                Claim::Take(taken) => *taken,
            };
            if self.store.save(&taken, &ChannelUse::Leave).await? == Saved::Done {
                return self.claimed(taken).await;
            }
        }
        Err(TaskError::Unavailable(format!(
            "run {run_id} is changed by too many at once"
        )))
    }

    async fn claimed(&self, run: Run) -> Result<Answer, TaskError> {
        let quiz = self.quiz(&run.quiz_id).await?;
        let questions = quiz.questions.into_iter().map(|question| QuestionOutline {
            question_id: question.question_id,
            options: question.answers.len(),
            correct: question.correct,
            seconds: question.seconds,
        });
        Ok(Answer::Claimed {
            claimed: true,
            channel_id: run.channel_id,
            starts_at: run.starts_at,
            shards: run.shards,
            pause_seconds: run.pause_seconds,
            questions: questions.collect(),
        })
    }

    async fn push(&self, run: &Run, cue: Cue) -> Result<Answer, TaskError> {
        let channel = self.channels.get(&run.channel_id).ok_or_else(|| {
            TaskError::NotFound(format!("channel {} is not served", run.channel_id))
        })?;
        let pushed_at = (self.clock)().as_millisecond();
        let bytes = self.video.push(&channel.arn, &cue).await?;
        Ok(Answer::Pushed { pushed_at, bytes })
    }

    async fn on_air(&self, quiz_id: &QuizId, run_id: &RunId) -> Result<(Quiz, Run), TaskError> {
        let (quiz, run) = tokio::try_join!(self.quiz(quiz_id), self.run(quiz_id, run_id))?;
        run.on_air()
            .map_err(|refusal| TaskError::refused(run_id, refusal))?;
        Ok((quiz, run))
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

fn no_run(quiz_id: &QuizId, run_id: &RunId) -> TaskError {
    TaskError::NotFound(format!("quiz {quiz_id} has no run {run_id}"))
}

fn question<'a>(quiz: &'a Quiz, id: &QuestionId) -> Result<(u32, &'a Question), TaskError> {
    quiz.question(id)
        .ok_or_else(|| TaskError::NotFound(format!("quiz {} has no question {id}", quiz.quiz_id)))
}

/// What the log says of an answer.
fn outcome(answer: &Answer) -> String {
    match answer {
        Answer::Claimed { questions, .. } => format!("claimed, {} questions", questions.len()),
        Answer::NotClaimed { reason, .. } => format!("not claimed: {reason}"),
        Answer::Started { started_at } => format!("on air since {started_at}"),
        Answer::Pushed { bytes, .. } => format!("{bytes} bytes"),
        Answer::OnAir { status } | Answer::Ended { status } => (*status).to_owned(),
    }
}
