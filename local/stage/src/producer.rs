//! What a producer does through the HTTP API: writes a quiz, schedules it, and looks at how it goes.
//!
//! The adapter for the HTTP API of this crate.

use reqwest::{Client, Method};
use serde_json::Value;

use crate::stack::{Stack, StackError};

/// The API did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// It was not reached, or its answer not received.
    #[error("the HTTP API does not answer: {0}")]
    Unreachable(#[from] reqwest::Error),
    /// It refused.
    #[error("the HTTP API refused to {what} ({status}): {reason}")]
    Refused {
        /// What it was asked to do.
        what: &'static str,
        /// The HTTP status.
        status: u16,
        /// The problem's detail, or the whole answer.
        reason: String,
    },
    /// The answer has not the form that is documented.
    #[error("the HTTP API's answer has no {0}")]
    Malformed(&'static str),
}

/// A scheduled quiz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// The quiz.
    pub quiz_id: String,
    /// The run of it.
    pub run_id: String,
    /// When it starts, as the API says it.
    pub starts_at: String,
}

/// A signed-in producer.
#[derive(Debug, Clone)]
pub struct Producer {
    http: Client,
    base: String,
    id_token: String,
}

impl Producer {
    /// The owner of this ID token, who must be in the group `producers`.
    ///
    /// # Errors
    /// As [`Stack::http_client`].
    pub fn new(stack: &Stack, id_token: String) -> Result<Self, StackError> {
        Ok(Self {
            http: stack.http_client()?,
            base: stack.outputs.api_url.trim_end_matches('/').to_owned(),
            id_token,
        })
    }

    /// Saves a quiz and schedules a run of it, as `POST /quizzes/{quizId}/runs` takes it.
    ///
    /// # Errors
    /// [`ApiError::Refused`] with what is wrong with the quiz, or the others.
    pub async fn schedule(&self, quiz: &Value, run: &Value) -> Result<Scheduled, ApiError> {
        let saved = self
            .call("save the quiz", Method::POST, "/quizzes", Some(quiz))
            .await?;
        let quiz_id = text(&saved, "quizId")?;
        let path = format!("/quizzes/{quiz_id}/runs");
        let run = self
            .call("schedule the quiz", Method::POST, &path, Some(run))
            .await?;
        Ok(Scheduled {
            run_id: text(&run, "runId")?,
            starts_at: text(&run, "startsAt")?,
            quiz_id,
        })
    }

    /// How the run is: its `status`, and after an abort its `reason`.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn run(&self, scheduled: &Scheduled) -> Result<Value, ApiError> {
        self.call("show the run", Method::GET, &path(scheduled), None)
            .await
    }

    /// How a question stands; none before it is asked.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn results(
        &self,
        scheduled: &Scheduled,
        question_id: &str,
    ) -> Result<Option<Value>, ApiError> {
        let path = format!("{}/questions/{question_id}/results", path(scheduled));
        match self
            .call("show the results", Method::GET, &path, None)
            .await
        {
            Ok(results) => Ok(Some(results)),
            Err(ApiError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Rank, name and points of the best, best first.
    ///
    /// # Errors
    /// [`ApiError`]
    pub async fn leaderboard(&self, scheduled: &Scheduled) -> Result<Value, ApiError> {
        let path = format!("{}/leaderboard", path(scheduled));
        let mut best = self
            .call("show the leaderboard", Method::GET, &path, None)
            .await?;
        Ok(best["top"].take())
    }

    async fn call(
        &self,
        what: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.id_token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status();
        let text = response.text().await?;
        let answer: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        Err(ApiError::Refused {
            what,
            status: status.as_u16(),
            reason: answer["detail"].as_str().unwrap_or(&text).to_owned(),
        })
    }
}

fn path(scheduled: &Scheduled) -> String {
    format!("/quizzes/{}/runs/{}", scheduled.quiz_id, scheduled.run_id)
}

fn text(answer: &Value, field: &'static str) -> Result<String, ApiError> {
    answer[field]
        .as_str()
        .map(str::to_owned)
        .ok_or(ApiError::Malformed(field))
}
