//! What a channel can be told: the same fields when it is created and when it is updated.

use serde::Deserialize;

use crate::arn::Kind;
use crate::catalog::Channel;

use super::{ApiError, validate};

const ADVANCED: [&str; 2] = ["ADVANCED_SD", "ADVANCED_HD"];
const PRESETS: [&str; 2] = [
    "HIGHER_BANDWIDTH_DELIVERY",
    "CONSTRAINED_BANDWIDTH_DELIVERY",
];

/// The fields that CreateChannel and UpdateChannel share. An absent one keeps what is there.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChannelSettings {
    name: Option<String>,
    latency_mode: Option<String>,
    #[serde(rename = "type")]
    channel_type: Option<String>,
    authorized: Option<bool>,
    insecure_ingest: Option<bool>,
    preset: Option<String>,
    playback_restriction_policy_arn: Option<String>,
    // What this server does not have: asking for it is an error, not ignored.
    recording_configuration_arn: Option<String>,
    ad_configuration_arn: Option<String>,
    failover_slate_configuration_arn: Option<String>,
    container_format: Option<String>,
    multitrack_input_configuration: Option<Multitrack>,
}

#[derive(Deserialize)]
struct Multitrack {
    enabled: Option<bool>,
}

/// A channel that is told nothing (defaults of the service model).
pub(super) fn default_channel() -> Channel {
    Channel {
        latency_mode: "LOW".into(),
        channel_type: "STANDARD".into(),
        ..Channel::default()
    }
}

impl ChannelSettings {
    /// Changes `channel` as told.
    pub(super) fn apply(self, channel: &mut Channel) -> Result<(), ApiError> {
        self.check_supported()?;
        if let Some(name) = self.name {
            validate::name(&name)?;
            channel.name = name;
        }
        if let Some(mode) = self.latency_mode {
            channel.latency_mode = validate::one_of("latencyMode", mode, &["NORMAL", "LOW"])?;
        }
        if let Some(kind) = self.channel_type {
            let allowed = ["BASIC", "STANDARD", ADVANCED[0], ADVANCED[1]];
            channel.channel_type = validate::one_of("type", kind, &allowed)?;
        }
        channel.preset = preset(
            &channel.channel_type,
            self.preset,
            std::mem::take(&mut channel.preset),
        )?;
        if let Some(authorized) = self.authorized {
            channel.authorized = authorized;
        }
        if let Some(insecure) = self.insecure_ingest {
            channel.insecure_ingest = insecure;
        }
        if let Some(arn) = self.playback_restriction_policy_arn {
            validate::optional_arn(Kind::PlaybackRestrictionPolicy, &arn)?;
            channel.playback_restriction_policy_arn = arn;
        }
        Ok(())
    }

    fn check_supported(&self) -> Result<(), ApiError> {
        let set = |field: &Option<String>| field.as_deref().is_some_and(|arn| !arn.is_empty());
        let container = self.container_format.as_deref();
        if container.is_some_and(|format| !["TS", "FRAGMENTED_MP4"].contains(&format)) {
            return Err(ApiError::Validation(
                "containerFormat must be one of TS, FRAGMENTED_MP4".into(),
            ));
        }
        let multitrack = self.multitrack_input_configuration.as_ref();
        let wanted = [
            (set(&self.recording_configuration_arn), "recording"),
            (set(&self.ad_configuration_arn), "ad configurations"),
            (
                set(&self.failover_slate_configuration_arn),
                "failover slates",
            ),
            (
                container.is_some_and(|format| format != "TS"),
                "containers other than TS",
            ),
            (
                multitrack.is_some_and(|config| config.enabled == Some(true)),
                "multitrack input",
            ),
        ];
        match wanted.iter().find(|(asked, _)| *asked) {
            Some((_, what)) => Err(ApiError::NotImplemented((*what).to_owned())),
            None => Ok(()),
        }
    }
}

/// The transcode preset of a channel of this type. Only the advanced types have one.
fn preset(channel_type: &str, asked: Option<String>, current: String) -> Result<String, ApiError> {
    let asked = asked
        .map(|preset| validate::one_of("preset", preset, &PRESETS))
        .transpose()?;
    match (ADVANCED.contains(&channel_type), asked) {
        (true, Some(preset)) => Ok(preset),
        (true, None) if current.is_empty() => Ok(PRESETS[0].to_owned()),
        (true, None) => Ok(current),
        (false, None) => Ok(String::new()),
        (false, Some(_)) => Err(ApiError::Validation(
            "preset is for channels of the types ADVANCED_SD and ADVANCED_HD".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn apply(channel: &mut Channel, settings: Value) -> Result<(), ApiError> {
        serde_json::from_value::<ChannelSettings>(settings)
            .unwrap()
            .apply(channel)
    }

    #[test]
    fn what_is_not_told_stays() {
        let mut channel = default_channel();
        let told = json!({ "name": "a", "latencyMode": "NORMAL", "type": "BASIC", "authorized": true, "insecureIngest": true });
        apply(&mut channel, told).unwrap();
        let before = channel.clone();
        assert_ne!(before, default_channel());
        apply(&mut channel, json!({})).unwrap();
        assert_eq!(channel, before);
    }

    #[test]
    fn only_advanced_channels_have_a_preset() {
        let mut channel = default_channel();
        assert!(apply(&mut channel, json!({ "preset": PRESETS[1] })).is_err());
        let mut channel = default_channel();
        apply(&mut channel, json!({ "type": "ADVANCED_SD" })).unwrap();
        assert_eq!(channel.preset, PRESETS[0]);
        apply(&mut channel, json!({ "preset": PRESETS[1] })).unwrap();
        apply(&mut channel, json!({ "type": "ADVANCED_HD" })).unwrap();
        assert_eq!(channel.preset, PRESETS[1]);
        apply(&mut channel, json!({ "type": "STANDARD" })).unwrap();
        assert_eq!(channel.preset, "");
    }

    #[test]
    fn what_is_not_there_is_an_error_and_its_absence_is_not() {
        for asked in [
            json!({ "recordingConfigurationArn": "arn" }),
            json!({ "adConfigurationArn": "arn" }),
            json!({ "failoverSlateConfigurationArn": "arn" }),
            json!({ "containerFormat": "FRAGMENTED_MP4" }),
            json!({ "multitrackInputConfiguration": { "enabled": true, "policy": "ALLOW" } }),
        ] {
            let refused = apply(&mut default_channel(), asked.clone());
            assert!(
                matches!(refused, Err(ApiError::NotImplemented(_))),
                "{asked}"
            );
        }
        for none in [
            json!({ "recordingConfigurationArn": "", "adConfigurationArn": "" }),
            json!({ "containerFormat": "TS", "multitrackInputConfiguration": { "enabled": false } }),
        ] {
            assert_eq!(apply(&mut default_channel(), none), Ok(()));
        }
    }

    #[test]
    fn values_outside_the_model_are_refused() {
        for wrong in [
            json!({ "name": "a b" }),
            json!({ "latencyMode": "FAST" }),
            json!({ "type": "basic" }),
            json!({ "preset": "NONE" }),
            json!({ "containerFormat": "MP3" }),
            json!({ "playbackRestrictionPolicyArn": "arn:aws:ivs:us-east-1:1:channel/x" }),
        ] {
            let refused = apply(&mut default_channel(), wrong.clone());
            assert!(matches!(refused, Err(ApiError::Validation(_))), "{wrong}");
        }
    }
}
