//! The HTTP edge of the API functions: who calls, what they sent, and how they are answered.

mod request;

use std::time::Duration;

use aws_lambda_events::{apigw::ApiGatewayV2httpResponse, encodings::Body};
use serde::Serialize;
use serde_json::{Map, Value, json};

pub use request::{Caller, MAX_BODY_BYTES, PRODUCERS, Request};

/// A refusal as RFC 9457 problem JSON. Its text is for the caller: no internals.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    status: u16,
    name: &'static str,
    title: &'static str,
    detail: String,
    extra: Map<String, Value>,
    retry_after: Option<u64>,
}

impl Problem {
    /// A problem of type `urn:cuepoint:problem:NAME`. `title` is the same for all of its kind,
    /// `detail` says what was wrong this time.
    pub fn new(
        status: u16,
        name: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            name,
            title,
            detail: detail.into(),
            extra: Map::new(),
            retry_after: None,
        }
    }

    /// Adds a member that helps the caller act.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(name.to_owned(), value.into());
        self
    }

    /// 400: the request is not what the API takes.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(
            400,
            "malformed-request",
            "The request could not be understood",
            detail,
        )
    }

    /// 401: no usable identity.
    pub fn unauthenticated() -> Self {
        Self::new(
            401,
            "unauthenticated",
            "Sign in first",
            "The request has no valid identity token.",
        )
    }

    /// 403: a known caller who may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(403, "forbidden", "Not allowed", detail)
    }

    /// 404: nothing there, or nothing for this caller.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "not-found", "Not found", detail)
    }

    /// 413: the body is larger than [`MAX_BODY_BYTES`].
    pub fn too_large() -> Self {
        let detail = format!("The body may have at most {MAX_BODY_BYTES} bytes.");
        Self::new(413, "too-large", "The request is too large", detail)
            .with("limit", MAX_BODY_BYTES)
    }

    /// 429: the caller has asked too often, and may ask again after this time. It is told in whole
    /// seconds, in the header `Retry-After` and the member `retryAfter`.
    pub fn too_many_requests(retry_after: Duration) -> Self {
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        let seconds = seconds.max(1);
        let detail = format!("You have asked too often. Ask again in {seconds} s.");
        let problem = Self::new(429, "too-many-requests", "Too many requests", detail);
        Self {
            retry_after: Some(seconds),
            ..problem.with("retryAfter", seconds)
        }
    }

    /// 503: something behind the API failed; the same request may work later.
    pub fn unavailable() -> Self {
        Self::new(
            503,
            "unavailable",
            "Temporarily unavailable",
            "Try again in a moment.",
        )
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The stable last part of its type.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The answer to send.
    pub fn response(&self) -> ApiGatewayV2httpResponse {
        let mut body = json!({
            "type": format!("urn:cuepoint:problem:{}", self.name),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        });
        let members = body.as_object_mut().expect("it was made as an object");
        members.extend(self.extra.clone());
        let mut response = respond(self.status, "application/problem+json", body.to_string());
        if let Some(seconds) = self.retry_after {
            response.headers.insert("retry-after", seconds.into());
        }
        response
    }
}

/// A successful answer.
pub fn ok<T: Serialize>(status: u16, body: &T) -> ApiGatewayV2httpResponse {
    let body = serde_json::to_string(body).expect("an answer has only string keys");
    respond(status, "application/json", body)
}

fn respond(status: u16, content_type: &str, body: String) -> ApiGatewayV2httpResponse {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = i64::from(status);
    response.body = Some(Body::Text(body));
    let headers = [
        ("content-type", content_type),
        ("cache-control", "no-store"),
    ];
    for (name, value) in headers {
        let value = value.parse().expect("a header value of plain ASCII");
        response.headers.insert(name, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_often_is_told_when_to_ask_again() {
        for (wait, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (40_000, 40)] {
            let problem = Problem::too_many_requests(Duration::from_millis(wait));
            let response = problem.response();
            assert_eq!(response.status_code, 429);
            assert_eq!(response.headers["retry-after"], seconds.to_string());
            assert_eq!(problem.extra["retryAfter"], seconds);
        }
    }

    #[test]
    fn a_problem_has_a_stable_type_and_its_own_members() {
        let response = Problem::not_found("No quiz.").with("hint", 7).response();
        let Some(Body::Text(body)) = response.body else {
            panic!()
        };
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["type"], "urn:cuepoint:problem:not-found");
        assert_eq!(
            (body["status"].as_u64(), body["hint"].as_u64()),
            (Some(404), Some(7))
        );
        assert_eq!(response.headers["content-type"], "application/problem+json");
    }
}
