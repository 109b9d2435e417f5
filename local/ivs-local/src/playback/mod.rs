//! Playback: HLS over HTTP, for players that may.
//!
//! A multivariant playlist is given out once per playback, after the token check, and opens a
//! session; the media playlist and the segments live under that session's id and nowhere else.

pub mod sessions;

mod admission;
mod cors;
mod delivery;
mod playlist;

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde_json::json;

use crate::app::App;
use crate::arn;
use crate::tokens::Refusal;
use sessions::Session;

/// Path below which everything of playback lives.
pub const PREFIX: &str = "/api/video/v1";

/// Why a request gets no video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum PlaybackError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("no such channel")]
    NoChannel,
    #[error("the channel is offline")]
    Offline,
    #[error("no such playback session")]
    NoSession,
    #[error("no such rendition")]
    NoRendition,
    #[error("no such segment")]
    NoSegment,
    #[error("too many players")]
    Full,
}

impl IntoResponse for PlaybackError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::Refused(_) | Self::NoSession => StatusCode::FORBIDDEN,
            Self::NoChannel | Self::Offline | Self::NoRendition | Self::NoSegment => {
                StatusCode::NOT_FOUND
            }
            Self::Full => StatusCode::SERVICE_UNAVAILABLE,
        };
        let body = Json(json!({ "status": status.as_u16(), "error": self.to_string() }));
        (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
    }
}

/// The router of playback, to be nested under [`PREFIX`].
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/{channel}", get(multivariant))
        .route("/playlist/{session}/{file}", get(media_playlist))
        .route("/segment/{session}/{rendition}/{file}", get(segment))
        .fallback(|| async { PlaybackError::NoChannel })
        .layer(middleware::from_fn(cors::allow))
        .with_state(app)
}

async fn multivariant(
    State(app): State<Arc<App>>,
    Path(file): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, PlaybackError> {
    let channel_arn = arn::from_playback_file(&file).ok_or(PlaybackError::NoChannel)?;
    let token = query.get("token").map(String::as_str);
    let grant = admission::to_channel(&app, &channel_arn, token, &headers)?;
    let broadcast = app
        .broadcasts
        .live(&channel_arn)
        .ok_or(PlaybackError::Offline)?;
    let now = app.context.now();
    let once = grant
        .as_ref()
        .and_then(|grant| Some((grant.single_use?, grant.expires_at)));
    let session = Session::new(Arc::clone(&broadcast), grant, now);
    let tracks = session.tracks();
    if tracks.is_empty() {
        return Err(Refusal::Resolution.into());
    }
    if method == Method::HEAD {
        // It could be played; but only who reads the playlist plays.
        return Ok(m3u8(Vec::new()));
    }
    if once.is_some_and(|(id, until)| !app.used_tokens().take(id, until, now)) {
        return Err(Refusal::Used.into());
    }
    let id = app.context.secret_id();
    app.sessions()
        .open(id.clone(), session)
        .map_err(|_| PlaybackError::Full)?;
    tracing::debug!(stream.id = broadcast.stream_id, "playback started");
    Ok(m3u8(playlist::multivariant(
        &tracks,
        &format!("{PREFIX}/playlist/{id}"),
    )))
}

async fn media_playlist(
    State(app): State<Arc<App>>,
    Path((id, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, PlaybackError> {
    let session = admission::to_session(&app, &id, &headers)?;
    let number = file.strip_suffix(".m3u8");
    let track = number
        .and_then(|number| session.track(number.parse().ok()?))
        .ok_or(PlaybackError::NoRendition)?;
    let channel_arn = &session.broadcast.channel_arn;
    let low_latency = app
        .catalog()
        .channel(channel_arn)
        .is_ok_and(|channel| channel.latency_mode == "LOW");
    // A player begins with the newest complete segment and stays as far behind as it was then: one
    // that came when that segment was nearly a segment's length old would stay that much later.
    let listing = if low_latency && app.sessions().joins(&id) {
        let listing = track.listing_at_border().await;
        admission::check_revoked(&app, &session)?;
        listing
    } else {
        track.listing()
    };
    Ok(m3u8(playlist::media(
        &listing,
        &format!("{PREFIX}/segment/{id}/{}", track.number),
        low_latency,
    )))
}

async fn segment(
    State(app): State<Arc<App>>,
    Path((id, rendition, file)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response, PlaybackError> {
    let session = admission::to_session(&app, &id, &headers)?;
    let track = rendition.parse().ok();
    let track = track
        .and_then(|number| session.track(number))
        .ok_or(PlaybackError::NoRendition)?;
    let number = file
        .strip_suffix(".ts")
        .and_then(|number| number.parse().ok())
        .ok_or(PlaybackError::NoSegment)?;
    let reader = track
        .segment(number)
        .await
        .ok_or(PlaybackError::NoSegment)?;
    // The wait for it may have been long.
    admission::check_revoked(&app, &session)?;
    let headers = [
        (header::CONTENT_TYPE, "video/mp2t"),
        (header::CACHE_CONTROL, "no-store"),
        // One that grows has no end to count from; players ask for whole ones.
        (header::ACCEPT_RANGES, "none"),
    ];
    let length = reader
        .length()
        .map(|length| [(header::CONTENT_LENGTH, length)]);
    Ok((headers, length, delivery::body(app, session, reader)).into_response())
}

fn m3u8(text: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/vnd.apple.mpegurl"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}
