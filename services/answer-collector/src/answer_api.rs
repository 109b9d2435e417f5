//! The function `answer-api`: takes answers, and tells results and leaderboard, over HTTP.
//!
//! An answer is checked against its window's times before it is written, and its write is given up
//! before the window is tallied, so what is acknowledged is counted. A viewer has one answer per
//! question: the same choice sent again is answered like the first, also after the window has
//! closed, so that a client that lost the answer to its request learns that it was taken. Who is
//! told that it is too late, while an earlier try could still be under way, is refused for good.
//!
//! Every answer says what a phone needs to go on without asking again: what counts, and how long
//! there is still time, whatever its own clock says. Results and leaderboard can be read as long as
//! the tables keep them.

use std::sync::Arc;

use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use cuepoint_shared::{
    clock::{Clock, whole_millis},
    http::{self, Caller, Problem, Request},
    ids::{QuizId, RunId},
};
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::{Deserialize, Serialize};
use tracing::{error, info};

use crate::{
    display_name::display_name,
    keys::QuestionKey,
    leaderboard::{Place, You},
    leaderboard_cache::LeaderboardCache,
    results_cache::{Counted, ResultsCache},
    sharding::shard_of,
    store::{
        StoreError,
        answers::{Answer, AnswerStore, Put},
        windows::WindowStore,
    },
    window::{Admission, Window, WindowStatus},
    window_cache::WindowCache,
};

/// Answers the requests of the audience.
#[derive(Debug)]
pub struct AnswerApiHandler {
    /// Windows as they are now.
    pub windows: WindowStore,
    /// Windows as they were a moment ago.
    pub recent_windows: WindowCache,
    /// The answers.
    pub answers: AnswerStore,
    /// Results, those of settled questions kept for a while.
    pub counted: ResultsCache,
    /// Leaderboards as they were a while ago.
    pub leaderboards: LeaderboardCache,
    /// The time.
    pub clock: Clock,
}

/// What a viewer sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Submission {
    choice: u32,
}

/// What a viewer gets for an answer that counts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    choice: u32,
    received_at: Timestamp,
    closes_at: Timestamp,
    remaining_millis: u64,
}

/// How a question stands.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Results {
    status: WindowStatus,
    closes_at: Timestamp,
    remaining_millis: u64,
    live: Vec<u64>,
    r#final: Option<Vec<u64>>,
    accepted: u64,
    /// Told only once it is tallied.
    #[serde(skip_serializing_if = "Option::is_none")]
    correct: Option<u32>,
}

/// How a run stands, and the caller in it.
#[derive(Serialize)]
struct Ranking<'a> {
    questions: usize,
    players: u64,
    top: &'a [Place],
    you: Option<You>,
}

/// A request that is not answered with success.
#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error("{}", .0.name())]
    Problem(Problem),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl AnswerApiHandler {
    /// Answers one request.
    ///
    /// # Errors
    /// Never: what goes wrong is an answer too.
    pub async fn handle(
        &self,
        event: LambdaEvent<Request>,
    ) -> Result<ApiGatewayV2httpResponse, Diagnostic> {
        let request = event.payload;
        let request_id = event.context.request_id;
        let route = request.route();
        let run_id = request.path_text("runId");
        let question_id = request.path_text("questionId");
        match self.answer(route, &request).await {
            Ok(response) => {
                info!(
                    request_id,
                    route,
                    run_id,
                    question_id,
                    status = response.status_code,
                    "answered"
                );
                Ok(response)
            }
            Err(ApiError::Problem(problem)) => {
                let (status, name) = (problem.status(), problem.name());
                info!(
                    request_id,
                    route,
                    run_id,
                    question_id,
                    status,
                    problem = name,
                    "refused"
                );
                Ok(problem.response())
            }
            Err(ApiError::Store(failure)) => {
                error!(request_id, route, run_id, question_id, status = 503, error = %failure, "failed");
                Ok(Problem::unavailable().response())
            }
        }
    }

    async fn answer(
        &self,
        route: &str,
        request: &Request,
    ) -> Result<ApiGatewayV2httpResponse, ApiError> {
        let caller = request.caller()?;
        match route {
            "POST /quizzes/{quizId}/runs/{runId}/questions/{questionId}/answers" => {
                self.submit(&caller, request).await
            }
            "GET /quizzes/{quizId}/runs/{runId}/questions/{questionId}/results" => {
                self.results(request).await
            }
            "GET /quizzes/{quizId}/runs/{runId}/leaderboard" => {
                self.leaderboard(&caller, request).await
            }
            _ => Err(Problem::not_found("There is no such operation.").into()),
        }
    }

    async fn submit(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<ApiGatewayV2httpResponse, ApiError> {
        let question = question(request)?;
        let Submission { choice } = request.body()?;
        let window = self.recent_windows.get(&question, (self.clock)()).await?;
        let window = window.ok_or_else(no_question)?;
        if choice >= window.rules.options {
            return Err(unknown_option(window.rules.options).into());
        }
        let partition = question.partition(shard_of(&caller.user_id, window.rules.shards));
        // The last look at the clock before the write: see `Window::write_time`.
        let now = whole_millis((self.clock)());
        let viewer = &caller.user_id;
        let taken = match window.admission(now) {
            Admission::Open => {
                let answer = Answer {
                    viewer_id: viewer.clone(),
                    choice,
                    received_at: now.max(window.opened_at),
                    name: display_name(caller.name.as_deref(), &caller.user_id),
                };
                match self
                    .answers
                    .put(&partition, &answer, window.write_time())
                    .await?
                {
                    Put::New => return Ok(http::ok(201, &self.receipt(&answer, &window))),
                    Put::Before(before) => before,
                    Put::Refused => return Err(closed(&window).into()),
                }
            }
            Admission::TooEarly => return Err(too_early(&window).into()),
            Admission::Voided => return Err(voided().into()),
            Admission::Draining => {
                let before = self.answers.refuse(&partition, viewer, now).await?;
                before.ok_or_else(|| closed(&window))?
            }
            Admission::Closed => {
                let before = self.answers.get(&partition, viewer).await?;
                before.ok_or_else(|| closed(&window))?
            }
        };
        let receipt = self.receipt(&taken, &window);
        match taken.choice == choice {
            true => Ok(http::ok(200, &receipt)),
            false => Err(already_answered(&receipt).into()),
        }
    }

    fn receipt(&self, answer: &Answer, window: &Window) -> Receipt {
        Receipt {
            choice: answer.choice,
            received_at: answer.received_at,
            closes_at: window.closes_at,
            remaining_millis: remaining_millis(window, (self.clock)()),
        }
    }

    async fn results(&self, request: &Request) -> Result<ApiGatewayV2httpResponse, ApiError> {
        let question = question(request)?;
        let now = (self.clock)();
        let counted = self.counted.get(&question, now).await?;
        let counted = counted.ok_or_else(no_question)?;
        let Counted { window, live } = counted.as_ref();
        let status = window.status_at(now);
        let tallied = status == WindowStatus::Tallied;
        let accepted = window.counts.as_ref().unwrap_or(live).iter().sum();
        let correct = window.rules.correct.filter(|_| tallied);
        let results = Results {
            status,
            closes_at: window.closes_at,
            remaining_millis: remaining_millis(window, now),
            live: live.clone(),
            r#final: window.counts.clone(),
            accepted,
            correct,
        };
        Ok(http::ok(200, &results))
    }

    async fn leaderboard(
        &self,
        caller: &Caller,
        request: &Request,
    ) -> Result<ApiGatewayV2httpResponse, ApiError> {
        let quiz_id: QuizId = request.path("quizId")?;
        let run_id: RunId = request.path("runId")?;
        let now = (self.clock)();
        let leaderboard = match self.leaderboards.get(&quiz_id, &run_id, now).await? {
            Some(leaderboard) => leaderboard,
            None if self.windows.of_run(&quiz_id, &run_id).await?.is_empty() => {
                return Err(Problem::not_found(
                    "There is no such run, or it has asked nothing yet.",
                )
                .into());
            }
            None => Arc::default(),
        };
        let viewer = &caller.user_id;
        let partitions = leaderboard.questions.iter().map(|window| {
            let question = QuestionKey {
                quiz_id: quiz_id.clone(),
                run_id: run_id.clone(),
                question_id: window.question_id.clone(),
            };
            question.partition(shard_of(viewer, window.rules.shards))
        });
        let partitions: Vec<_> = partitions.collect();
        let answers = self.answers.of_viewer(&partitions, viewer).await?;
        let answers = answers
            .iter()
            .map(|(question, answer)| (&question.question_id, answer.choice, answer.received_at));
        let ranking = Ranking {
            questions: leaderboard.questions.len(),
            players: leaderboard.players,
            top: &leaderboard.top,
            you: leaderboard.you(answers),
        };
        Ok(http::ok(200, &ranking))
    }
}

fn question(request: &Request) -> Result<QuestionKey, Problem> {
    Ok(QuestionKey {
        quiz_id: request.path("quizId")?,
        run_id: request.path("runId")?,
        question_id: request.path("questionId")?,
    })
}

fn remaining_millis(window: &Window, now: Timestamp) -> u64 {
    u64::try_from(window.remaining(now).as_millis()).unwrap_or(u64::MAX)
}

fn no_question() -> Problem {
    Problem::not_found("There is no such question, or it has not been asked yet.")
}

fn unknown_option(options: u32) -> Problem {
    let detail = format!("The question has {options} options, counted from 0.");
    Problem::new(422, "unknown-option", "There is no such option", detail).with("options", options)
}

fn too_early(window: &Window) -> Problem {
    let detail = "The question is not open yet.";
    Problem::new(409, "window-not-open", "Too early", detail)
        .with("opensAt", window.opened_at.to_string())
}

fn closed(window: &Window) -> Problem {
    Problem::new(410, "window-closed", "Too late", "Its time is over.")
        .with("closesAt", window.closes_at.to_string())
}

fn voided() -> Problem {
    let detail = "The question does not count.";
    Problem::new(410, "question-voided", "Voided", detail)
}

fn already_answered(first: &Receipt) -> Problem {
    let detail = "The first answer counts.";
    Problem::new(409, "already-answered", "Already answered", detail)
        .with("choice", first.choice)
        .with("receivedAt", first.received_at.to_string())
        .with("closesAt", first.closes_at.to_string())
        .with("remainingMillis", first.remaining_millis)
}
