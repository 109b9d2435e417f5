//! The function `quiz-api`: producers write quizzes, schedule, move, watch and cancel them over HTTP.

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use cuepoint_shared::{
    channels::Channels,
    clock::{Clock, whole_millis},
    cues::MAX_CUE_BYTES,
    http::{self, Problem, Request},
    ids::{ChannelId, QuizId, RunId},
};
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::{Deserialize, Serialize};
use tracing::{error, info};
use uuid::Uuid;

use crate::{
    channel_schedule::{MAX_SLOTS, Slot},
    quiz::{InvalidQuiz, Quiz},
    run::{Refusal, Run, RunStatus},
    settings::{self, InvalidRun, RunDraft, Settings},
    store::{QuizStore, StoreError},
    timing::AnswerTiming,
};

/// Answers the requests of producers.
#[derive(Debug, Clone)]
pub struct QuizApiHandler {
    /// Quizzes and runs.
    pub store: QuizStore,
    /// The channels that are served.
    pub channels: Channels,
    /// How long a question takes beyond its own time.
    pub timing: AnswerTiming,
    /// The time.
    pub clock: Clock,
    /// Makes the ids of quizzes and runs.
    pub new_id: fn() -> Uuid,
}

/// A run as the API tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RunView {
    quiz_id: QuizId,
    run_id: RunId,
    channel_id: ChannelId,
    status: RunStatus,
    starts_at: Timestamp,
    ends_at: Timestamp,
    #[serde(flatten)]
    settings: Settings,
    started_at: Option<Timestamp>,
    changed_at: Timestamp,
    reason: Option<String>,
    failed_step: Option<String>,
}

/// What may be changed of a run that waits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RunChange {
    starts_at: Timestamp,
}

/// A request that is not answered with success.
#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error("{}", .0.name())]
    Problem(Problem),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl QuizApiHandler {
    /// Answers one request.
    ///
    /// # Errors
    /// Never: what goes wrong is an answer too.
    pub async fn handle(
        &self,
        event: LambdaEvent<Request>,
    ) -> Result<ApiGatewayV2httpResponse, Diagnostic> {
        let request = event.payload;
        let route = request.route();
        match self.answer(route, &request).await {
            Ok(response) => {
                info!(route, status = response.status_code, "answered");
                Ok(response)
            }
            Err(ApiError::Problem(problem)) => {
                info!(
                    route,
                    status = problem.status(),
                    problem = problem.name(),
                    "refused"
                );
                Ok(problem.response())
            }
            Err(ApiError::Store(StoreError::ChannelBooked { channel_id, slot })) => {
                info!(route, status = 409, %channel_id, in_the_way = %slot.run_id, "refused");
                Ok(booked(&slot).response())
            }
            Err(ApiError::Store(StoreError::ChannelFull(channel_id))) => {
                info!(route, status = 409, %channel_id, "refused: full");
                Ok(full().response())
            }
            Err(ApiError::Store(failure)) => {
                error!(route, status = 503, error = %failure, "failed");
                Ok(Problem::unavailable().response())
            }
        }
    }

    async fn answer(
        &self,
        route: &str,
        request: &Request,
    ) -> Result<ApiGatewayV2httpResponse, ApiError> {
        request.caller()?.require_producer()?;
        match route {
            "POST /quizzes" => self.create_quiz(request).await,
            "GET /quizzes/{quizId}" => self.show_quiz(request).await,
            "POST /quizzes/{quizId}/runs" => self.schedule(request).await,
            "GET /quizzes/{quizId}/runs/{runId}" => self.show_run(request).await,
            "PATCH /quizzes/{quizId}/runs/{runId}" => self.move_run(request).await,
            "POST /quizzes/{quizId}/runs/{runId}/cancel" => self.cancel(request).await,
            _ => Err(Problem::not_found("There is no such operation.").into()),
        }
    }

    async fn create_quiz(&self, request: &Request) -> Result<ApiGatewayV2httpResponse, ApiError> {
        let draft = request.body()?;
        let quiz_id = self
            .id()
            .parse()
            .expect("32 hexadecimal digits are a quiz id");
        let quiz = Quiz::new(quiz_id, draft, self.now()).map_err(refused_quiz)?;
        self.store.put_quiz(&quiz).await?;
        Ok(http::ok(201, &quiz))
    }

    async fn show_quiz(&self, request: &Request) -> Result<ApiGatewayV2httpResponse, ApiError> {
        Ok(http::ok(200, &self.quiz(request).await?))
    }

    async fn schedule(&self, request: &Request) -> Result<ApiGatewayV2httpResponse, ApiError> {
        let quiz = self.quiz(request).await?;
        let draft: RunDraft = request.body()?;
        if self.channels.get(&draft.channel_id).is_none() {
            let detail = format!("There is no channel {}.", draft.channel_id);
            return Err(Problem::not_found(detail).into());
        }
        let run_id = self
            .id()
            .parse()
            .expect("32 hexadecimal digits are a run id");
        let run = Run::schedule(&quiz, run_id, draft, &self.timing, self.now());
        let run = self.store.put_run(run.map_err(refused_run)?).await?;
        Ok(http::ok(201, &RunView::from(run)))
    }

    async fn move_run(&self, request: &Request) -> Result<ApiGatewayV2httpResponse, ApiError> {
        let now = self.now();
        let RunChange { starts_at } = request.body()?;
        let starts_at = settings::start(Some(starts_at), now).map_err(refused_run)?;
        let move_to = |run: &Run| {
            run.moved(starts_at, now)
                .map_err(|refusal| refused_change(refusal).into())
        };
        let (quiz_id, run_id) = (request.path("quizId")?, run_id(request)?);
        let run = self
            .store
            .change_run::<ApiError>(&quiz_id, &run_id, move_to)
            .await?;
        Ok(http::ok(200, &RunView::from(run.ok_or_else(no_run)?)))
    }

    async fn show_run(&self, request: &Request) -> Result<ApiGatewayV2httpResponse, ApiError> {
        let run = self
            .store
            .run(&request.path("quizId")?, &run_id(request)?)
            .await?;
        Ok(http::ok(200, &RunView::from(run.ok_or_else(no_run)?)))
    }

    async fn cancel(&self, request: &Request) -> Result<ApiGatewayV2httpResponse, ApiError> {
        let now = self.now();
        let cancel = |run: &Run| {
            run.cancel(now)
                .map_err(|refusal| refused_change(refusal).into())
        };
        let (quiz_id, run_id) = (request.path("quizId")?, run_id(request)?);
        let run = self
            .store
            .change_run::<ApiError>(&quiz_id, &run_id, cancel)
            .await?;
        Ok(http::ok(202, &RunView::from(run.ok_or_else(no_run)?)))
    }

    async fn quiz(&self, request: &Request) -> Result<Quiz, ApiError> {
        let quiz = self.store.quiz(&request.path("quizId")?).await?;
        Ok(quiz.ok_or_else(|| Problem::not_found("There is no such quiz."))?)
    }

    fn now(&self) -> Timestamp {
        whole_millis((self.clock)())
    }

    fn id(&self) -> String {
        (self.new_id)().simple().to_string()
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        Self {
            quiz_id: run.quiz_id,
            run_id: run.run_id,
            channel_id: run.channel_id,
            status: run.status,
            starts_at: run.starts_at,
            ends_at: run.ends_at,
            settings: run.settings,
            started_at: run.started_at,
            changed_at: run.changed_at,
            reason: run.reason.map(String::from),
            failed_step: run.failed_step.map(String::from),
        }
    }
}

fn run_id(request: &Request) -> Result<RunId, Problem> {
    request.path("runId")
}

fn no_run() -> Problem {
    Problem::not_found("There is no such run.")
}

fn refused_quiz(invalid: InvalidQuiz) -> Problem {
    match invalid {
        InvalidQuiz::CueTooLarge { n, bytes } => Problem::new(
            422,
            "cue-too-large",
            "A question does not fit into the video",
            said(invalid),
        )
        .with("question", n)
        .with("bytes", bytes)
        .with("limit", MAX_CUE_BYTES),
        _ => Problem::new(
            422,
            "invalid-quiz",
            "The quiz cannot be saved",
            said(invalid),
        ),
    }
}

fn refused_run(invalid: InvalidRun) -> Problem {
    let title = "The quiz cannot be scheduled like this";
    Problem::new(422, "invalid-run", title, said(invalid))
}

fn refused_change(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Status(RunStatus::Running | RunStatus::Cancelling) => {
            Problem::new(409, "run-started", "The run is on air", said(refusal))
        }
        _ => Problem::new(409, "run-ended", "The run is over", said(refusal)),
    }
}

fn booked(slot: &Slot) -> Problem {
    let detail = format!(
        "Another run has the channel from {} to {}.",
        slot.starts_at, slot.ends_at
    );
    Problem::new(409, "channel-booked", "The channel is booked", detail)
        .with("runId", slot.run_id.as_str())
        .with("startsAt", slot.starts_at.to_string())
        .with("endsAt", slot.ends_at.to_string())
}

fn full() -> Problem {
    let detail = format!("{MAX_SLOTS} runs wait for it already.");
    Problem::new(
        409,
        "channel-full",
        "Too many runs wait for the channel",
        detail,
    )
}

/// An error's words as a sentence.
fn said(error: impl std::error::Error) -> String {
    let text = error.to_string();
    let mut rest = text.chars();
    let first: String = rest
        .next()
        .map(|c| c.to_uppercase().collect())
        .unwrap_or_default();
    format!("{first}{}.", rest.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiz_that_does_not_fit_says_by_how_much_and_where() {
        let problem = refused_quiz(InvalidQuiz::CueTooLarge { n: 3, bytes: 1100 });
        assert_eq!((problem.status(), problem.name()), (422, "cue-too-large"));
        let body = format!("{:?}", problem.response().body);
        for member in [
            r#"\"question\":3"#,
            r#"\"bytes\":1100"#,
            r#"\"limit\":1024"#,
        ] {
            assert!(body.contains(member), "{body}");
        }
        assert_eq!(
            refused_quiz(InvalidQuiz::Questions { count: 0 }).name(),
            "invalid-quiz"
        );
    }

    #[test]
    fn an_error_is_said_as_a_sentence() {
        assert_eq!(
            said(Refusal::Status(RunStatus::Aborted)),
            "The run is aborted."
        );
    }
}
