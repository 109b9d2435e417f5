//! Live streams: what is on air, stopping it, and tags for it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app::App;
use crate::arn::Kind;
use crate::broadcast::Broadcast;

use super::channels::playback_url;
use super::page::{self, Wanted};
use super::{ApiError, Caller, Reply, validate};

/// Longest metadata, in bytes ("PutMetadata", IVS API reference).
const METADATA: usize = 1_024;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfChannel {
    channel_arn: String,
}

pub(super) fn get(app: &App, _: &Caller, input: OfChannel) -> Result<Reply, ApiError> {
    let broadcast = live(app, &input.channel_arn)?;
    let mut stream = summary(app, &broadcast);
    stream["playbackUrl"] = json!(playback_url(app, &broadcast.channel_arn));
    Reply::json(json!({ "stream": stream }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListStreams {
    filter_by: Option<Filter>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct Filter {
    health: Option<String>,
}

pub(super) fn list(app: &App, caller: &Caller, input: ListStreams) -> Result<Reply, ApiError> {
    let wanted_health = input.filter_by.and_then(|filter| filter.health);
    if let Some(health) = &wanted_health {
        let known = ["HEALTHY", "STARVING", "UNKNOWN"];
        validate::one_of("filterBy.health", health.clone(), &known)?;
    }
    let streams = app.broadcasts.all_live(&caller.region);
    let filtered = streams.iter().filter(|broadcast| {
        wanted_health
            .as_ref()
            .is_none_or(|wanted| health(broadcast) == wanted)
    });
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token,
        limit: 100,
        default: 100,
    };
    let page = page::cut(filtered, |broadcast| &broadcast.channel_arn, wanted)?;
    let streams: Vec<Value> = page.items.iter().map(|one| summary(app, one)).collect();
    Reply::json(Streams {
        streams,
        next_token: page.next_token,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Streams {
    streams: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// `StreamSummary` of the service model.
fn summary(app: &App, broadcast: &Arc<Broadcast>) -> Value {
    json!({
        "channelArn": broadcast.channel_arn,
        "streamId": broadcast.stream_id,
        "startTime": time(broadcast.started),
        "state": "LIVE",
        "health": health(broadcast),
        "viewerCount": app.sessions().count(broadcast, app.context.now()),
    })
}

fn health(broadcast: &Broadcast) -> &'static str {
    if broadcast.is_starving() {
        "STARVING"
    } else {
        "HEALTHY"
    }
}

/// A time as the service gives it: whole seconds of UTC.
pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// Disconnects the publisher. It may come back: its key stays as good as it was.
pub(super) fn stop(app: &App, _: &Caller, input: OfChannel) -> Result<Reply, ApiError> {
    validate::arn(Kind::Channel, &input.channel_arn)?;
    app.catalog().channel(&input.channel_arn)?;
    let stopped = app
        .broadcasts
        .stop(&input.channel_arn)
        .ok_or_else(|| ApiError::NotBroadcasting(input.channel_arn.clone()))?;
    app.session_ended(&stopped);
    tracing::info!(stream.id = stopped.stream_id, "the stream is stopped");
    Reply::json(json!({}))
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
    app.admit_metadata(&broadcast.channel_arn)?;
    broadcast
        .put_tag(input.metadata)
        .map_err(|error| ApiError::for_tag(error, &broadcast.channel_arn))?;
    Ok(Reply::Empty)
}

/// The live stream of a channel that exists.
fn live(app: &App, channel_arn: &str) -> Result<Arc<Broadcast>, ApiError> {
    validate::arn(Kind::Channel, channel_arn)?;
    app.catalog().channel(channel_arn)?;
    app.broadcasts
        .live(channel_arn)
        .ok_or_else(|| ApiError::NotBroadcasting(channel_arn.to_owned()))
}
