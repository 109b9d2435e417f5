//! The HTTP edge of the API functions: who calls, what they sent, and how they are answered.

use std::{borrow::Cow, time::Duration};

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{
    Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Map, Value, json};

use crate::ids::UserId;

/// The most that a request's body may have, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// The Cognito group whose members may write and run quizzes.
pub const PRODUCERS: &str = "producers";

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

/// Who is calling, from the claims that the API's authorizer verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Their `sub`.
    pub user_id: UserId,
    /// Their `name`, when they have one.
    pub name: Option<String>,
    groups: Vec<String>,
}

impl Caller {
    /// Reads the verified claims of a request. An ID token is asked for: an access token names no one.
    ///
    /// # Errors
    /// 401 when there are no claims, no usable `sub`, or the token is not an ID token.
    pub fn of(request: &ApiGatewayV2httpRequest) -> Result<Self, Problem> {
        let claims = request
            .request_context
            .authorizer
            .as_ref()
            .and_then(|authorizer| authorizer.jwt.as_ref())
            .map(|jwt| &jwt.claims)
            .ok_or_else(Problem::unauthenticated)?;
        if claims.get("token_use").map(String::as_str) != Some("id") {
            return Err(Problem::unauthenticated());
        }
        let user_id = claims
            .get("sub")
            .and_then(|sub| sub.parse().ok())
            .ok_or_else(Problem::unauthenticated)?;
        let groups = claims
            .get("cognito:groups")
            .map(|text| groups(text))
            .unwrap_or_default();
        Ok(Self {
            user_id,
            name: claims.get("name").cloned(),
            groups,
        })
    }

    /// Lets only producers pass.
    ///
    /// # Errors
    /// 403 for anyone else.
    pub fn require_producer(&self) -> Result<(), Problem> {
        match self.groups.iter().any(|group| group == PRODUCERS) {
            true => Ok(()),
            false => Err(Problem::forbidden("Only producers may do this.")),
        }
    }
}

/// API Gateway writes the claim's list as `[a b]`; a JSON array and a bare name are read as well.
fn groups(claim: &str) -> Vec<String> {
    claim
        .trim_matches(['[', ']'])
        .split([' ', ','])
        .map(|group| group.trim_matches('"'))
        .filter(|group| !group.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A path parameter as the type it should have.
///
/// # Errors
/// 404 when it is missing or not such an id: nothing can be there.
pub fn path<T: std::str::FromStr>(
    request: &ApiGatewayV2httpRequest,
    name: &str,
) -> Result<T, Problem> {
    request
        .path_parameters
        .get(name)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Problem::not_found(format!("There is no such {name}.")))
}

/// The body, a JSON object, as the type it should have.
///
/// # Errors
/// 413 when it is too large, 400 when it is missing, not a JSON object or not of that type.
pub fn body<T: DeserializeOwned>(request: &ApiGatewayV2httpRequest) -> Result<T, Problem> {
    object(&body_bytes(request)?)
}

/// Checks the body of a request that needs none: it may be left out, and what is in it is ignored.
///
/// # Errors
/// 413 when it is too large, 400 when there is one that is not a JSON object.
pub fn no_body(request: &ApiGatewayV2httpRequest) -> Result<(), Problem> {
    let bytes = body_bytes(request)?;
    match bytes.trim_ascii().is_empty() {
        true => Ok(()),
        false => object::<IgnoredAny>(&bytes).map(|_| ()),
    }
}

/// The body as it was sent; empty when there was none.
fn body_bytes(request: &ApiGatewayV2httpRequest) -> Result<Cow<'_, [u8]>, Problem> {
    let text = request.body.as_deref().unwrap_or_default();
    if text.len() > MAX_BODY_BYTES * 4 / 3 + 4 {
        return Err(Problem::too_large());
    }
    let bytes: Cow<'_, [u8]> = match request.is_base64_encoded {
        true => BASE64_STANDARD
            .decode(text)
            .map_err(|_| Problem::malformed("The body is not valid base64."))?
            .into(),
        false => text.as_bytes().into(),
    };
    match bytes.len() > MAX_BODY_BYTES {
        true => Err(Problem::too_large()),
        false => Ok(bytes),
    }
}

fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // What is skipped while it is read would not be checked.
    let text =
        std::str::from_utf8(bytes).map_err(|_| Problem::malformed("The body is not UTF-8."))?;
    // An array would be read as the fields of an object in their order.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(Problem::malformed("The body is not a JSON object."));
    }
    serde_json::from_str(text).map_err(|error| Problem::malformed(format!("The body: {error}.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &str) -> ApiGatewayV2httpRequest {
        let mut request = ApiGatewayV2httpRequest::default();
        request.body = Some(body.to_owned());
        request
    }

    #[test]
    fn groups_are_read_in_every_form_they_come_in() {
        for claim in [
            "[producers]",
            "[viewers producers]",
            r#"["producers"]"#,
            "producers",
        ] {
            assert!(groups(claim).contains(&"producers".to_owned()), "{claim}");
        }
        assert!(groups("[]").is_empty());
        assert!(!groups("[not-producers]").contains(&"producers".to_owned()));
    }

    #[test]
    fn without_claims_there_is_no_caller() {
        assert_eq!(Caller::of(&request("")).unwrap_err().status(), 401);
    }

    #[test]
    fn a_body_is_bounded_and_typed() {
        assert_eq!(
            body::<Value>(&request(r#"{"a":1}"#)).unwrap(),
            json!({"a": 1})
        );
        assert_eq!(body::<Value>(&request("{")).unwrap_err().status(), 400);
        assert_eq!(body::<Vec<u8>>(&request("{}")).unwrap_err().status(), 400);
        assert_eq!(body::<Vec<u8>>(&request("[1]")).unwrap_err().status(), 400);
        let large = format!("\"{}\"", "x".repeat(MAX_BODY_BYTES));
        assert_eq!(body::<String>(&request(&large)).unwrap_err().status(), 413);
        let mut encoded = request("eyJhIjoxfQ==");
        encoded.is_base64_encoded = true;
        assert_eq!(body::<Value>(&encoded).unwrap(), json!({"a": 1}));
    }

    #[test]
    fn a_body_that_is_not_needed_is_still_bounded_and_json() {
        let large = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_BODY_BYTES));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(500), "]".repeat(500));
        for (text, status) in [
            ("", None),
            (" \r\n", None),
            ("{}", None),
            (r#"{"userId":"another","a":[1,{"b":null}]}"#, None),
            ("{", Some(400)),
            ("{}{}", Some(400)),
            ("[]", Some(400)),
            ("null", Some(400)),
            ("userId=another", Some(400)),
            (deep.as_str(), None),
            (large.as_str(), Some(413)),
        ] {
            let refused = no_body(&request(text)).err();
            assert_eq!(
                refused.map(|problem| problem.status()),
                status,
                "{text:.60}"
            );
        }
        assert_eq!(no_body(&ApiGatewayV2httpRequest::default()), Ok(()));
        for not_utf8 in ["gA==", "eyJhIjoi/yJ9"] {
            let mut encoded = request(not_utf8);
            encoded.is_base64_encoded = true;
            assert_eq!(no_body(&encoded).unwrap_err().status(), 400);
        }
    }

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
