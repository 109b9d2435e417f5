//! Channels: create, get, list, update, delete.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app::App;
use crate::arn::{self, Kind};
use crate::catalog::{Channel, Tags};

use super::batch::{self, Arns};
use super::channel_settings::{ChannelSettings, default_channel};
use super::page::{self, Wanted};
use super::stream_keys::{self, generate};
use super::{ApiError, Caller, Reply, validate};

/// Characters of a channel's id.
const ID: usize = 12;

#[derive(Deserialize)]
pub(super) struct CreateChannel {
    tags: Option<Tags>,
    #[serde(flatten)]
    settings: ChannelSettings,
}

pub(super) fn create(app: &App, caller: &Caller, input: CreateChannel) -> Result<Reply, ApiError> {
    let tags = input.tags.unwrap_or_default();
    validate::tags(&tags)?;
    let mut channel = Channel {
        arn: Kind::Channel.arn(&caller.region, &app.context.short_id(ID)),
        tags,
        ..default_channel()
    };
    input.settings.apply(&mut channel)?;
    let key = generate(app, &caller.region, &channel.arn, Tags::default());
    let arn = channel.arn.clone();
    let reply = json!({ "channel": whole(app, &channel), "streamKey": stream_keys::whole(&key) });
    app.catalog().add_channel(channel, key)?;
    tracing::info!(channel.arn = arn, "channel created");
    Ok(Reply::Json(reply))
}

/// The ARN of one resource.
#[derive(Deserialize)]
pub(super) struct ByArn {
    pub(super) arn: String,
}

pub(super) fn get(app: &App, _: &Caller, input: ByArn) -> Result<Reply, ApiError> {
    validate::arn(Kind::Channel, &input.arn)?;
    let channel = app.catalog().channel(&input.arn)?.clone();
    Ok(Reply::Json(json!({ "channel": whole(app, &channel) })))
}

pub(super) fn batch_get(app: &App, _: &Caller, input: Arns) -> Result<Reply, ApiError> {
    let catalog = app.catalog();
    let (channels, errors) = batch::get(Kind::Channel, &input, |arn| {
        catalog.channel(arn).map(|channel| whole(app, channel))
    })?;
    Ok(Reply::Json(
        json!({ "channels": channels, "errors": errors }),
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListChannels {
    filter_by_name: Option<String>,
    filter_by_recording_configuration_arn: Option<String>,
    filter_by_playback_restriction_policy_arn: Option<String>,
    filter_by_ad_configuration_arn: Option<String>,
    filter_by_failover_slate_configuration_arn: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

impl ListChannels {
    fn check(&self) -> Result<(), ApiError> {
        if let Some(name) = &self.filter_by_name {
            validate::name(name)?;
        }
        let of_a_kind = [
            (
                &self.filter_by_playback_restriction_policy_arn,
                "playback-restriction-policy",
            ),
            (
                &self.filter_by_recording_configuration_arn,
                "recording-configuration",
            ),
            (&self.filter_by_ad_configuration_arn, "ad-configuration"),
            (
                &self.filter_by_failover_slate_configuration_arn,
                "failover-slate-configuration",
            ),
        ];
        let filters: Vec<&str> = of_a_kind
            .iter()
            .filter_map(|(filter, kind)| filter.as_deref().map(|arn| (arn, kind)))
            .map(|(arn, kind)| match arn::kind_name(arn) {
                Some(name) if name == *kind => Ok(arn),
                _ if arn.is_empty() => Ok(arn),
                _ => Err(ApiError::Validation(format!(
                    "the ARN is not one of a {kind}"
                ))),
            })
            .collect::<Result<_, _>>()?;
        // "Filters are mutually exclusive" ("ListChannels", IVS API reference).
        if filters.len() + usize::from(self.filter_by_name.is_some()) > 1 {
            return Err(ApiError::Conflict(
                "filters cannot be used together: give one".into(),
            ));
        }
        Ok(())
    }

    fn matches(&self, channel: &Channel) -> bool {
        let same = |filter: &Option<String>, value: &str| {
            filter.as_deref().is_none_or(|wanted| wanted == value)
        };
        same(&self.filter_by_name, &channel.name)
            && same(
                &self.filter_by_playback_restriction_policy_arn,
                &channel.playback_restriction_policy_arn,
            )
            // Channels have none of these here: an ARN matches nothing, "" all.
            && same(&self.filter_by_recording_configuration_arn, "")
            && same(&self.filter_by_ad_configuration_arn, "")
            && same(&self.filter_by_failover_slate_configuration_arn, "")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summaries {
    channels: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

pub(super) fn list(app: &App, caller: &Caller, input: ListChannels) -> Result<Reply, ApiError> {
    input.check()?;
    let catalog = app.catalog();
    let matching = catalog
        .channels(&caller.region)
        .filter(|channel| input.matches(channel));
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.clone(),
        limit: 100,
        default: 100,
    };
    let page = page::cut(matching, |channel| &channel.arn, wanted)?;
    Reply::json(Summaries {
        channels: page.items.into_iter().map(summary).collect(),
        next_token: page.next_token,
    })
}

#[derive(Deserialize)]
pub(super) struct UpdateChannel {
    arn: String,
    #[serde(flatten)]
    settings: ChannelSettings,
}

/// "Live channels cannot be updated" ("UpdateChannel", IVS API reference).
pub(super) fn update(app: &App, _: &Caller, input: UpdateChannel) -> Result<Reply, ApiError> {
    validate::arn(Kind::Channel, &input.arn)?;
    let mut catalog = app.catalog();
    let mut channel = catalog.channel(&input.arn)?.clone();
    input.settings.apply(&mut channel)?;
    refuse_if_live(app, &input.arn)?;
    let reply = json!({ "channel": whole(app, &channel) });
    catalog.replace_channel(channel)?;
    Ok(Reply::Json(reply))
}

pub(super) fn delete(app: &App, _: &Caller, input: ByArn) -> Result<Reply, ApiError> {
    validate::arn(Kind::Channel, &input.arn)?;
    {
        let mut catalog = app.catalog();
        refuse_if_live(app, &input.arn)?;
        catalog.remove_channel(&input.arn)?;
    }
    app.revocations().forget(&input.arn);
    app.history().forget(&input.arn);
    Ok(Reply::Empty)
}

/// Asked with the catalog locked, so that no publisher is let in before the change is done.
fn refuse_if_live(app: &App, channel_arn: &str) -> Result<(), ApiError> {
    if app.broadcasts.is_taken(channel_arn) {
        return Err(ApiError::Conflict(
            "the channel is live: stop the stream first".into(),
        ));
    }
    Ok(())
}

/// The URL that a channel is played from, without a token.
pub(super) fn playback_url(app: &App, channel_arn: &str) -> String {
    format!(
        "http://{}/api/video/v1/{}",
        app.api,
        arn::playback_file(channel_arn)
    )
}

/// `ChannelSummary` of the service model. No ad configuration: it has no documented "none".
fn summary(channel: &Channel) -> Value {
    json!({
        "arn": channel.arn,
        "name": channel.name,
        "latencyMode": channel.latency_mode,
        "type": channel.channel_type,
        "authorized": channel.authorized,
        "insecureIngest": channel.insecure_ingest,
        "preset": channel.preset,
        "playbackRestrictionPolicyArn": channel.playback_restriction_policy_arn,
        "recordingConfigurationArn": "",
        "failoverSlateConfigurationArn": "",
        "tags": channel.tags,
    })
}

/// `Channel` of the service model. No `srt`: there is no SRT ingest.
pub(super) fn whole(app: &App, channel: &Channel) -> Value {
    let mut value = summary(channel);
    value["ingestEndpoint"] = json!(app.rtmp.to_string());
    value["playbackUrl"] = json!(playback_url(app, &channel.arn));
    value["containerFormat"] = json!("TS");
    value["multitrackInputConfiguration"] =
        json!({ "enabled": false, "maximumResolution": "FULL_HD", "policy": "ALLOW" });
    value
}
