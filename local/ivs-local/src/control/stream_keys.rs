//! Stream keys: one per channel, as IVS has it.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::arn::Kind;
use crate::catalog::{StreamKey, Tags};

use super::batch::{self, Arns};
use super::channels::ByArn;
use super::page::{self, Wanted};
use super::{ApiError, Caller, Reply, validate};

/// Characters of a stream key's id, and of the random part of its value.
const ID: usize = 12;
const SECRET: usize = 36;

/// A new stream key for a channel.
pub(super) fn generate(app: &App, region: &str, channel_arn: &str, tags: Tags) -> StreamKey {
    let random = &app.context;
    StreamKey {
        arn: Kind::StreamKey.arn(region, &random.short_id(ID)),
        value: format!(
            "sk_{region}_{}_{}",
            random.short_id(ID),
            random.short_id(SECRET)
        ),
        channel_arn: channel_arn.to_owned(),
        tags,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateStreamKey {
    channel_arn: String,
    tags: Option<Tags>,
}

pub(super) fn create(
    app: &App,
    caller: &Caller,
    input: CreateStreamKey,
) -> Result<Reply, ApiError> {
    validate::arn(Kind::Channel, &input.channel_arn)?;
    let tags = input.tags.unwrap_or_default();
    validate::tags(&tags)?;
    let key = generate(app, &caller.region, &input.channel_arn, tags);
    app.catalog().add_stream_key(key.clone())?;
    Reply::json(json!({ "streamKey": whole(&key) }))
}

pub(super) fn get(app: &App, _: &Caller, input: ByArn) -> Result<Reply, ApiError> {
    validate::arn(Kind::StreamKey, &input.arn)?;
    let key = app.catalog().stream_key(&input.arn)?.clone();
    Reply::json(json!({ "streamKey": whole(&key) }))
}

pub(super) fn batch_get(app: &App, _: &Caller, input: Arns) -> Result<Reply, ApiError> {
    let catalog = app.catalog();
    let (keys, errors) = batch::get(Kind::StreamKey, &input, |arn| {
        catalog.stream_key(arn).map(whole)
    })?;
    Reply::json(json!({ "streamKeys": keys, "errors": errors }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListStreamKeys {
    channel_arn: String,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list(app: &App, _: &Caller, input: ListStreamKeys) -> Result<Reply, ApiError> {
    validate::arn(Kind::Channel, &input.channel_arn)?;
    let catalog = app.catalog();
    catalog.channel(&input.channel_arn)?;
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token,
        limit: 50,
        // The service model's own text says one.
        default: 1,
    };
    let page = page::cut(
        catalog.stream_keys_of(&input.channel_arn),
        |key| &key.arn,
        wanted,
    )?;
    let keys: Vec<Value> = page
        .items
        .iter()
        .map(|key| json!({ "arn": key.arn, "channelArn": key.channel_arn, "tags": key.tags }))
        .collect();
    let mut reply = json!({ "streamKeys": keys });
    if let Some(token) = page.next_token {
        reply["nextToken"] = json!(token);
    }
    Reply::json(reply)
}

pub(super) fn delete(app: &App, _: &Caller, input: ByArn) -> Result<Reply, ApiError> {
    validate::arn(Kind::StreamKey, &input.arn)?;
    app.catalog().remove_stream_key(&input.arn)?;
    Ok(Reply::Empty)
}

/// `StreamKey` of the service model, with the secret: only its owner asks for it.
pub(super) fn whole(key: &StreamKey) -> Value {
    json!({ "arn": key.arn, "value": key.value, "channelArn": key.channel_arn, "tags": key.tags })
}
