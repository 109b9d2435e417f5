//! What a browser needs to play from another origin.
//!
//! Which origins may play is the token's affair, checked before; so every answer, an error too, may
//! be read by the page that asked.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

const ON_EVERY_ANSWER: &[(HeaderName, &str)] = &[
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        "Content-Length, Content-Type, Date",
    ),
];
const ON_A_PREFLIGHT: &[(HeaderName, &str)] = &[
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, "*"),
    (header::ACCESS_CONTROL_MAX_AGE, "600"),
];

/// Answers preflights and lets pages of any origin read the answers.
pub(super) async fn allow(request: Request, next: Next) -> Response {
    let preflight = request.method() == Method::OPTIONS;
    let mut response = match preflight {
        true => StatusCode::NO_CONTENT.into_response(),
        false => next.run(request).await,
    };
    let extra = if preflight { ON_A_PREFLIGHT } else { &[] };
    for (name, value) in ON_EVERY_ANSWER.iter().chain(extra) {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}
