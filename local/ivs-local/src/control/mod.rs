//! The control plane: Amazon IVS API version 2020-07-14 over its REST-JSON protocol.
//!
//! Every operation is a plain function from a request to a [`Reply`]; this module is the protocol
//! around them. Operations that are not here answer "not implemented", never a silent success.

mod batch;
mod channel_settings;
mod channels;
mod countries;
mod error;
mod key_pairs;
mod page;
mod policies;
mod revocations;
pub mod state_file;
mod stream_keys;
mod stream_sessions;
mod streams;
mod tags;
mod validate;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app::App;
use crate::arn;

pub use error::ApiError;

/// Longest request body, in bytes.
const BODY: usize = 64 << 10;

/// What an operation answers when it succeeds.
#[derive(Debug, PartialEq)]
pub(crate) enum Reply {
    /// 200 with a body.
    Json(Value),
    /// 204.
    Empty,
}

impl Reply {
    fn json(body: impl Serialize) -> Result<Self, ApiError> {
        serde_json::to_value(body)
            .map(Self::Json)
            .map_err(|error| ApiError::Internal(error.to_string()))
    }
}

/// Who calls: only the region matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    region: String,
}

type Operation<I> = fn(&App, &Caller, I) -> Result<Reply, ApiError>;

/// The router of all operations.
pub fn router(app: Arc<App>) -> Router {
    let router = Router::new();
    let router = add(router, "CreateChannel", channels::create);
    let router = add(router, "GetChannel", channels::get);
    let router = add(router, "BatchGetChannel", channels::batch_get);
    let router = add(router, "ListChannels", channels::list);
    let router = add(router, "UpdateChannel", channels::update);
    let router = add(router, "DeleteChannel", channels::delete);
    let router = add(router, "CreateStreamKey", stream_keys::create);
    let router = add(router, "GetStreamKey", stream_keys::get);
    let router = add(router, "BatchGetStreamKey", stream_keys::batch_get);
    let router = add(router, "ListStreamKeys", stream_keys::list);
    let router = add(router, "DeleteStreamKey", stream_keys::delete);
    let router = add(router, "ImportPlaybackKeyPair", key_pairs::import);
    let router = add(router, "GetPlaybackKeyPair", key_pairs::get);
    let router = add(router, "ListPlaybackKeyPairs", key_pairs::list);
    let router = add(router, "DeletePlaybackKeyPair", key_pairs::delete);
    let router = add(router, "CreatePlaybackRestrictionPolicy", policies::create);
    let router = add(router, "GetPlaybackRestrictionPolicy", policies::get);
    let router = add(router, "ListPlaybackRestrictionPolicies", policies::list);
    let router = add(router, "UpdatePlaybackRestrictionPolicy", policies::update);
    let router = add(router, "DeletePlaybackRestrictionPolicy", policies::delete);
    let router = add(router, "GetStream", streams::get);
    let router = add(router, "ListStreams", streams::list);
    let router = add(router, "StopStream", streams::stop);
    let router = add(router, "GetStreamSession", stream_sessions::get);
    let router = add(router, "ListStreamSessions", stream_sessions::list);
    let router = add(router, "PutMetadata", streams::put_metadata);
    let router = add(router, "StartViewerSessionRevocation", revocations::start);
    let router = add(
        router,
        "BatchStartViewerSessionRevocation",
        revocations::batch_start,
    );
    router
        .merge(tags::routes())
        .fallback(not_implemented)
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(app)
}

/// Adds an operation, whose path is its name.
fn add<I>(router: Router<Arc<App>>, name: &'static str, run: Operation<I>) -> Router<Arc<App>>
where
    I: DeserializeOwned + Send + 'static,
{
    let handler = post(
        move |State(app): State<Arc<App>>, headers: HeaderMap, body: Body| async move {
            answer(name, || {
                let caller = caller(&headers)?;
                run(&app, &caller, parse(body)?)
            })
        },
    );
    router.route(&format!("/{name}"), handler)
}

/// A request's body, or why it could not be read: too long, or cut off.
type Body = Result<Bytes, BytesRejection>;

/// Reads an operation's input; no body is an empty one.
fn parse<I: DeserializeOwned>(body: Body) -> Result<I, ApiError> {
    let body = body.map_err(|rejection| ApiError::Validation(rejection.to_string()))?;
    let body: &[u8] = if body.is_empty() { b"{}" } else { &body };
    // serde's text names the field and the kind expected; it never repeats a long value.
    serde_json::from_slice(body).map_err(|error| ApiError::Validation(error.to_string()))
}

/// Runs an operation and answers what comes of it.
fn answer(name: &'static str, operation: impl FnOnce() -> Result<Reply, ApiError>) -> Response {
    let result = operation();
    match &result {
        Ok(_) => tracing::debug!(operation = name, "served"),
        // Not its text, which may quote what was sent.
        Err(error) => tracing::debug!(operation = name, error = error.name(), "refused"),
    }
    match result {
        Ok(Reply::Json(body)) => Json(body).into_response(),
        Ok(Reply::Empty) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => error.into_response(),
    }
}

async fn not_implemented(uri: Uri) -> ApiError {
    let name: String = uri
        .path()
        .trim_start_matches('/')
        .chars()
        .take(64)
        .collect();
    ApiError::NotImplemented(format!("the operation \"{name}\""))
}

/// The region from the credential scope of a Signature Version 4 header. The signature itself is
/// not checked: any credentials are taken.
fn caller(headers: &HeaderMap) -> Result<Caller, ApiError> {
    let denied = |text: &str| ApiError::AccessDenied(text.to_owned());
    let authorization = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| denied("the request is not signed"))?;
    let scope = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .and_then(|rest| {
            rest.split(',')
                .find_map(|part| part.trim().strip_prefix("Credential="))
        })
        .ok_or_else(|| denied("the request is not signed with Signature Version 4"))?;
    // ACCESS_KEY/DATE/REGION/SERVICE/aws4_request; the access key may hold slashes itself.
    let mut parts = scope.rsplit('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("aws4_request"), Some("ivs"), Some(region)) if arn::is_region(region) => Ok(Caller {
            region: region.to_owned(),
        }),
        _ => Err(denied("the credential scope is not one of the service ivs")),
    }
}
