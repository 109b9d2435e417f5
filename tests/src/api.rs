//! The HTTP API, as a phone or the producer's page calls it.

use reqwest::{Client, Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

/// An answer of the API, whatever its status.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// Its JSON body; null when there is none.
    pub body: Value,
    /// Its body as it came.
    pub text: String,
    /// Its headers.
    pub headers: HeaderMap,
}

impl Reply {
    /// The body of an answer that must have this status.
    ///
    /// # Errors
    /// Says what came instead.
    pub fn expect(self, status: u16) -> anyhow::Result<Value> {
        anyhow::ensure!(
            self.status == status,
            "the API answered {} instead of {status}: {}",
            self.status,
            self.body
        );
        Ok(self.body)
    }

    /// The last part of a problem's type, e.g. `window-closed`.
    pub fn problem(&self) -> &str {
        let name = self.body["type"].as_str().unwrap_or_default();
        name.strip_prefix("urn:cuepoint:problem:").unwrap_or(name)
    }

    /// After how many seconds the same request may be sent again, when the answer says so.
    pub fn retry_after(&self) -> Option<u64> {
        self.headers.get("retry-after")?.to_str().ok()?.parse().ok()
    }
}

/// The API as one caller sees it.
#[derive(Debug, Clone)]
pub struct Api {
    http: Client,
    base: String,
    id_token: Option<String>,
}

impl Api {
    /// The API for someone who is not signed in.
    pub fn new(http: Client, base: &str) -> Self {
        Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            id_token: None,
        }
    }

    /// The same API for the owner of this ID token.
    #[must_use]
    pub fn signed_in(&self, id_token: String) -> Self {
        Self {
            id_token: Some(id_token),
            ..self.clone()
        }
    }

    /// Asks for a playback token.
    ///
    /// # Errors
    /// Only when there is no answer, as with all calls here.
    pub async fn playback_token(&self, channel_id: &str) -> anyhow::Result<Reply> {
        self.call(
            Method::POST,
            &format!("/channels/{channel_id}/playback-token"),
            None,
        )
        .await
    }

    /// Creates a quiz.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn create_quiz(&self, quiz: &Value) -> anyhow::Result<Reply> {
        self.call(Method::POST, "/quizzes", Some(quiz)).await
    }

    /// Schedules a run of a quiz.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn schedule(&self, quiz_id: &str, run: &Value) -> anyhow::Result<Reply> {
        self.call(Method::POST, &format!("/quizzes/{quiz_id}/runs"), Some(run))
            .await
    }

    /// Cancels a run.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn cancel(&self, run: &RunPath) -> anyhow::Result<Reply> {
        self.call(Method::POST, &format!("{run}/cancel"), None)
            .await
    }

    /// Reads a run.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn run(&self, run: &RunPath) -> anyhow::Result<Reply> {
        self.call(Method::GET, &run.to_string(), None).await
    }

    /// Answers a question.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn answer(
        &self,
        run: &RunPath,
        question_id: &str,
        choice: u32,
    ) -> anyhow::Result<Reply> {
        let path = format!("{run}/questions/{question_id}/answers");
        self.call(Method::POST, &path, Some(&json!({ "choice": choice })))
            .await
    }

    /// Reads a question's tallies.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn results(&self, run: &RunPath, question_id: &str) -> anyhow::Result<Reply> {
        self.call(
            Method::GET,
            &format!("{run}/questions/{question_id}/results"),
            None,
        )
        .await
    }

    /// Reads the best of a run.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn leaderboard(&self, run: &RunPath) -> anyhow::Result<Reply> {
        self.call(Method::GET, &format!("{run}/leaderboard"), None)
            .await
    }

    /// Any call, for what the others do not offer.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Reply> {
        let request = self.request(method, path);
        receive(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    /// A request that is not sent yet, for what [`Api::call`] does not offer; see [`receive`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.id_token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }
}

/// Sends a request and reads the answer.
///
/// # Errors
/// When there is no answer.
pub async fn receive(request: RequestBuilder) -> anyhow::Result<Reply> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await?;
    Ok(Reply {
        status,
        body: serde_json::from_str(&text).unwrap_or(Value::Null),
        text,
        headers,
    })
}

/// Where a run is in the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunPath {
    /// The quiz.
    pub quiz_id: String,
    /// The run of it.
    pub run_id: String,
}

impl std::fmt::Display for RunPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "/quizzes/{}/runs/{}", self.quiz_id, self.run_id)
    }
}
