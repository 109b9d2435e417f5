//! Channels: create, get, list, delete.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app::App;
use crate::arn::{self, Kind};
use crate::catalog::{Channel, Tags};

use super::page::{self, Wanted};
use super::stream_keys::{self, generate};
use super::{ApiError, Caller, Reply, validate};

/// Characters of a channel's id.
const ID: usize = 12;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateChannel {
    name: Option<String>,
    latency_mode: Option<String>,
    #[serde(rename = "type")]
    channel_type: Option<String>,
    authorized: Option<bool>,
    insecure_ingest: Option<bool>,
    tags: Option<Tags>,
    // What this server does not have: asking for it is an error, not ignored.
    recording_configuration_arn: Option<String>,
    playback_restriction_policy_arn: Option<String>,
    ad_configuration_arn: Option<String>,
    failover_slate_configuration_arn: Option<String>,
    container_format: Option<String>,
    multitrack_input_configuration: Option<Value>,
}

impl CreateChannel {
    fn check_supported(&self) -> Result<(), ApiError> {
        let set = |field: &Option<String>| field.as_deref().is_some_and(|arn| !arn.is_empty());
        let multitrack = self.multitrack_input_configuration.as_ref();
        let wanted = [
            (set(&self.recording_configuration_arn), "recording"),
            (
                set(&self.playback_restriction_policy_arn),
                "playback restriction policies",
            ),
            (set(&self.ad_configuration_arn), "ad configurations"),
            (
                set(&self.failover_slate_configuration_arn),
                "failover slates",
            ),
            (
                self.container_format
                    .as_deref()
                    .is_some_and(|format| format != "TS"),
                "containers other than TS",
            ),
            (
                multitrack.is_some_and(|config| config["enabled"] == Value::Bool(true)),
                "multitrack input",
            ),
        ];
        match wanted.iter().find(|(asked, _)| *asked) {
            Some((_, what)) => Err(ApiError::NotImplemented((*what).to_owned())),
            None => Ok(()),
        }
    }
}

pub(super) fn create(app: &App, caller: &Caller, input: CreateChannel) -> Result<Reply, ApiError> {
    input.check_supported()?;
    let name = input.name.unwrap_or_default();
    validate::name(&name)?;
    let tags = input.tags.unwrap_or_default();
    validate::tags(&tags)?;
    let channel = Channel {
        arn: Kind::Channel.arn(&caller.region, &app.context.short_id(ID)),
        name,
        latency_mode: validate::one_of(
            "latencyMode",
            input.latency_mode,
            &["NORMAL", "LOW"],
            "LOW",
        )?,
        channel_type: validate::one_of(
            "type",
            input.channel_type,
            &["BASIC", "STANDARD", "ADVANCED_SD", "ADVANCED_HD"],
            "STANDARD",
        )?,
        authorized: input.authorized.unwrap_or(false),
        insecure_ingest: input.insecure_ingest.unwrap_or(false),
        tags,
    };
    let key = generate(app, &caller.region, &channel.arn, Tags::default());
    let reply = json!({ "channel": whole(app, &channel)?, "streamKey": stream_keys::whole(&key) });
    tracing::info!(channel.arn = channel.arn, "channel created");
    app.catalog().add_channel(channel, key)?;
    Reply::json(reply)
}

/// The ARN of one resource.
#[derive(Deserialize)]
pub(super) struct ByArn {
    pub(super) arn: String,
}

pub(super) fn get(app: &App, _: &Caller, input: ByArn) -> Result<Reply, ApiError> {
    validate::arn(Kind::Channel, &input.arn)?;
    let channel = app.catalog().channel(&input.arn)?.clone();
    Reply::json(json!({ "channel": whole(app, &channel)? }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListChannels {
    filter_by_name: Option<String>,
    filter_by_recording_configuration_arn: Option<String>,
    filter_by_playback_restriction_policy_arn: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summaries {
    channels: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn list(app: &App, caller: &Caller, input: ListChannels) -> Result<Reply, ApiError> {
    let others = [
        &input.filter_by_recording_configuration_arn,
        &input.filter_by_playback_restriction_policy_arn,
    ];
    if others.iter().any(|filter| filter.is_some()) {
        return Err(ApiError::NotImplemented(
            "filters of ListChannels other than the name".into(),
        ));
    }
    let catalog = app.catalog();
    let named = catalog.channels(&caller.region).filter(|channel| {
        input
            .filter_by_name
            .as_ref()
            .is_none_or(|name| channel.name == *name)
    });
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token,
        limit: 100,
        default: 100,
    };
    let page = page::cut(named, |channel| &channel.arn, wanted)?;
    let channels = page
        .items
        .into_iter()
        .map(summary)
        .collect::<Result<_, _>>()?;
    Reply::json(Summaries {
        channels,
        next_token: page.next_token,
    })
}

pub(super) fn delete(app: &App, _: &Caller, input: ByArn) -> Result<Reply, ApiError> {
    validate::arn(Kind::Channel, &input.arn)?;
    if app.broadcasts.is_taken(&input.arn) {
        return Err(ApiError::Conflict(
            "the channel is live: stop the stream first".into(),
        ));
    }
    app.catalog().remove_channel(&input.arn)?;
    app.revocations().forget(&input.arn);
    Ok(Reply::Empty)
}

/// The URL that a channel is played from, without a token.
pub(super) fn playback_url(app: &App, channel_arn: &str) -> String {
    format!(
        "http://{}/api/video/v1/{}",
        app.api,
        arn::playback_file(channel_arn)
    )
}

/// `ChannelSummary` of the service model.
fn summary(channel: &Channel) -> Result<Value, ApiError> {
    let mut value =
        serde_json::to_value(channel).map_err(|error| ApiError::Validation(error.to_string()))?;
    value["recordingConfigurationArn"] = json!("");
    value["playbackRestrictionPolicyArn"] = json!("");
    value["preset"] = json!("");
    Ok(value)
}

/// `Channel` of the service model.
fn whole(app: &App, channel: &Channel) -> Result<Value, ApiError> {
    let mut value = summary(channel)?;
    value["ingestEndpoint"] = json!(app.rtmp.to_string());
    value["playbackUrl"] = json!(playback_url(app, &channel.arn));
    value["containerFormat"] = json!("TS");
    Ok(value)
}
