//! Live streams: what is on air, tags for it, and ending viewers' sessions.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::arn::Kind;
use crate::broadcast::Broadcast;
use crate::tokens::VIEWER_ID_CHARS;

use super::channels::playback_url;
use super::{ApiError, Caller, Reply, validate};

/// Longest metadata, in bytes ("PutMetadata", IVS API reference).
const METADATA: usize = 1_024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GetStream {
    channel_arn: String,
}

pub(super) fn get(app: &App, _: &Caller, input: GetStream) -> Result<Reply, ApiError> {
    let broadcast = live(app, &input.channel_arn)?;
    let now = app.context.now();
    Reply::json(json!({ "stream": {
        "channelArn": broadcast.channel_arn,
        "streamId": broadcast.stream_id,
        "playbackUrl": playback_url(app, &broadcast.channel_arn),
        "startTime": broadcast.started.to_string(),
        "state": "LIVE",
        "health": "HEALTHY",
        "viewerCount": app.sessions().count(&broadcast, now),
    }}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutMetadata {
    channel_arn: String,
    metadata: String,
}

pub(super) fn put_metadata(app: &App, _: &Caller, input: PutMetadata) -> Result<Reply, ApiError> {
    let bytes = input.metadata.len();
    if !(1..=METADATA).contains(&bytes) {
        return Err(ApiError::Validation(format!(
            "metadata must have from 1 to {METADATA} bytes, not {bytes}"
        )));
    }
    let broadcast = live(app, &input.channel_arn)?;
    broadcast
        .put_tag(input.metadata)
        .map_err(|error| ApiError::for_tag(error, &broadcast.channel_arn))?;
    Ok(Reply::Empty)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Revoke {
    channel_arn: String,
    viewer_id: String,
    #[serde(default)]
    viewer_session_versions_less_than_or_equal_to: u32,
}

pub(super) fn revoke(app: &App, _: &Caller, input: Revoke) -> Result<Reply, ApiError> {
    validate::arn(Kind::Channel, &input.channel_arn)?;
    if !(1..=VIEWER_ID_CHARS).contains(&input.viewer_id.chars().count()) {
        return Err(ApiError::Validation(format!(
            "viewerId must have from 1 to {VIEWER_ID_CHARS} characters"
        )));
    }
    app.catalog().channel(&input.channel_arn)?;
    let version = input.viewer_session_versions_less_than_or_equal_to;
    app.revocations()
        .revoke(&input.channel_arn, &input.viewer_id, version)?;
    Reply::json(json!({}))
}

/// The live stream of a channel that exists.
fn live(app: &App, channel_arn: &str) -> Result<Arc<Broadcast>, ApiError> {
    validate::arn(Kind::Channel, channel_arn)?;
    app.catalog().channel(channel_arn)?;
    app.broadcasts
        .live(channel_arn)
        .ok_or_else(|| ApiError::NotBroadcasting(channel_arn.to_owned()))
}
