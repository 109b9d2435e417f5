//! How AWS says no, so that its clients know the error.

use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE, request},
};
use serde_json::json;

use crate::call::TARGET;

/// What every refusal says. It tells whoever reads a log that nothing is really wrong.
const MESSAGE: &str = "A test asked for this error.";

/// The status and the name of the error when a limit is met, by service and operation.
pub fn throttling(service: &str, operation: &str) -> (u16, &'static str) {
    match service {
        "dynamodb" if operation.ends_with("Table") => (400, "ThrottlingException"),
        "dynamodb" => (400, "ProvisionedThroughputExceededException"),
        "sqs" => (400, "RequestThrottled"),
        "ivs" => (429, "ThrottlingException"),
        _ => (400, "ThrottlingException"),
    }
}

/// The name of the error with status 500.
pub fn failure(service: &str) -> &'static str {
    match service {
        "dynamodb" => "InternalServerError",
        "events" => "InternalException",
        "ivs" => "InternalServerException",
        "secretsmanager" => "InternalServiceError",
        _ => "InternalFailure",
    }
}

/// The answer, in the protocol of the request: the JSON protocols name the error in the body, and
/// REST-JSON in a header. `status` that is none becomes 500.
pub fn answer(request: &request::Parts, status: u16, code: &str) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = request.headers.get(CONTENT_TYPE).cloned();
    let json_form = HeaderValue::from_static("application/json");
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type.unwrap_or(json_form))
        .header("x-amzn-requestid", "00000000-0000-0000-0000-000000000000");
    let body = match request.headers.contains_key(TARGET) {
        true => json!({"__type": code, "message": MESSAGE}),
        false => {
            response = response.header("x-amzn-errortype", code);
            json!({"message": MESSAGE, "exceptionMessage": MESSAGE})
        }
    };
    response
        .body(Body::from(body.to_string()))
        .unwrap_or_else(|_| Response::new(Body::empty()))
}
