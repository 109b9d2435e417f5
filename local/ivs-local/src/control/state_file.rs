//! The file that a server may start from: resources with ARNs and keys that are known beforehand.
//!
//! Its format is its own and does not follow the server's types. Every value is held to the
//! constraints that the control plane has, so that nothing exists which could not be created.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use crate::arn::{ACCOUNT, Kind, region};
use crate::catalog::{Catalog, Channel, KeyPair, PlaybackRestrictionPolicy, StreamKey, Tags};
use crate::tokens::key::PlaybackKey;

use super::channel_settings::{ChannelSettings, default_channel};
use super::{ApiError, policies, validate};

/// Longest stream key, in characters.
const KEY: usize = 128;

/// Why a state file cannot be started from.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is no such file, or it cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It is not JSON of this form.
    #[error("{0}")]
    Malformed(#[from] serde_json::Error),
    /// One resource cannot be.
    #[error("{place}: {reason}")]
    Resource {
        /// Which one, like `channels[0]`.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    #[serde(default)]
    channels: Vec<ChannelEntry>,
    #[serde(default)]
    playback_key_pairs: Vec<KeyPairEntry>,
    #[serde(default)]
    playback_restriction_policies: Vec<PolicyEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChannelEntry {
    arn: String,
    stream_key: StreamKeyEntry,
    name: Option<String>,
    latency_mode: Option<String>,
    r#type: Option<String>,
    preset: Option<String>,
    authorized: Option<bool>,
    insecure_ingest: Option<bool>,
    playback_restriction_policy_arn: Option<String>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StreamKeyEntry {
    arn: Option<String>,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyPairEntry {
    arn: String,
    #[serde(default)]
    name: String,
    public_key_material: String,
    #[serde(default)]
    tags: Tags,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicyEntry {
    arn: String,
    name: Option<String>,
    allowed_countries: Option<Vec<String>>,
    allowed_origins: Option<Vec<String>>,
    enable_strict_origin_enforcement: Option<bool>,
    #[serde(default)]
    tags: Tags,
}

/// Reads a state file.
///
/// # Errors
/// See [`StateError`]; the message names the place in the file and no secret.
pub fn load(path: &Path) -> Result<Catalog, StateError> {
    parse(&std::fs::read(path)?)
}

/// Reads the contents of a state file.
///
/// # Errors
/// See [`load`].
pub fn parse(contents: &[u8]) -> Result<Catalog, StateError> {
    let file: File = serde_json::from_slice(contents)?;
    let mut state = State::default();
    // Channels come last: they refer to policies.
    for (index, entry) in file.playback_restriction_policies.into_iter().enumerate() {
        let place = format!("playbackRestrictionPolicies[{index}]");
        at(place, state.add_policy(entry))?;
    }
    for (index, entry) in file.playback_key_pairs.into_iter().enumerate() {
        at(
            format!("playbackKeyPairs[{index}]"),
            state.add_key_pair(entry),
        )?;
    }
    for (index, entry) in file.channels.into_iter().enumerate() {
        at(format!("channels[{index}]"), state.add_channel(entry))?;
    }
    Ok(state.catalog)
}

fn at(place: String, result: Result<(), ApiError>) -> Result<(), StateError> {
    result.map_err(|error| StateError::Resource {
        place,
        reason: error.to_string(),
    })
}

fn wrong(reason: impl Into<String>) -> ApiError {
    ApiError::Validation(reason.into())
}

/// What was read so far.
#[derive(Default)]
struct State {
    catalog: Catalog,
    arns: HashSet<String>,
}

impl State {
    /// An ARN of this kind and this server's account that nothing else in the file has.
    fn take_arn(&mut self, kind: Kind, arn: &str) -> Result<(), ApiError> {
        let example = kind.arn("REGION", "ID");
        if !kind.matches(arn) || arn.split(':').nth(4) != Some(ACCOUNT) {
            return Err(wrong(format!("the ARN must have the form {example}")));
        }
        if !self.arns.insert(arn.to_owned()) {
            return Err(wrong("the ARN is there twice"));
        }
        Ok(())
    }

    fn add_policy(&mut self, entry: PolicyEntry) -> Result<(), ApiError> {
        self.take_arn(Kind::PlaybackRestrictionPolicy, &entry.arn)?;
        validate::tags(&entry.tags)?;
        let settings: policies::PolicySettings = settings(json!({
            "name": entry.name,
            "allowedCountries": entry.allowed_countries,
            "allowedOrigins": entry.allowed_origins,
            "enableStrictOriginEnforcement": entry.enable_strict_origin_enforcement,
        }))?;
        let mut policy = PlaybackRestrictionPolicy {
            arn: entry.arn,
            tags: entry.tags,
            ..PlaybackRestrictionPolicy::default()
        };
        settings.check()?;
        settings.apply(&mut policy);
        Ok(self.catalog.add_policy(policy)?)
    }

    fn add_key_pair(&mut self, entry: KeyPairEntry) -> Result<(), ApiError> {
        self.take_arn(Kind::PlaybackKey, &entry.arn)?;
        validate::name(&entry.name)?;
        validate::tags(&entry.tags)?;
        let key = PlaybackKey::from_pem(&entry.public_key_material)
            .map_err(|error| wrong(error.to_string()))?;
        Ok(self.catalog.add_key_pair(KeyPair {
            arn: entry.arn,
            name: entry.name,
            tags: entry.tags,
            key,
        })?)
    }

    fn add_channel(&mut self, entry: ChannelEntry) -> Result<(), ApiError> {
        self.take_arn(Kind::Channel, &entry.arn)?;
        validate::tags(&entry.tags)?;
        let key = self.stream_key(&entry.arn, entry.stream_key)?;
        let settings: ChannelSettings = settings(json!({
            "name": entry.name,
            "latencyMode": entry.latency_mode,
            "type": entry.r#type,
            "preset": entry.preset,
            "authorized": entry.authorized,
            "insecureIngest": entry.insecure_ingest,
            "playbackRestrictionPolicyArn": entry.playback_restriction_policy_arn,
        }))?;
        let mut channel = Channel {
            arn: entry.arn,
            tags: entry.tags,
            ..default_channel()
        };
        settings.apply(&mut channel)?;
        Ok(self.catalog.add_channel(channel, key)?)
    }

    /// The stream key of a channel, which may leave its own ARN to the channel's.
    fn stream_key(
        &mut self,
        channel_arn: &str,
        entry: StreamKeyEntry,
    ) -> Result<StreamKey, ApiError> {
        let id = channel_arn.rsplit('/').next().unwrap_or_default();
        let arn = entry
            .arn
            .unwrap_or_else(|| Kind::StreamKey.arn(region(channel_arn), id));
        self.take_arn(Kind::StreamKey, &arn)
            .map_err(|error| wrong(format!("streamKey: {error}")))?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let value = entry.value;
        if !(1..=KEY).contains(&value.len()) || !value.bytes().all(allowed) {
            return Err(wrong(format!(
                "streamKey: the value must match [a-zA-Z0-9-_]+ and have at most {KEY} characters"
            )));
        }
        if self.catalog.channel_for_key(&value).is_some() {
            return Err(wrong("streamKey: another channel has this value"));
        }
        Ok(StreamKey {
            arn,
            value,
            channel_arn: channel_arn.to_owned(),
            tags: Tags::default(),
        })
    }
}

/// What an operation would read from these fields.
fn settings<T: serde::de::DeserializeOwned>(fields: serde_json::Value) -> Result<T, ApiError> {
    serde_json::from_value(fields).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const CHANNEL: &str = "arn:aws:ivs:eu-west-1:000000000000:channel/show";
    const POLICY: &str = "arn:aws:ivs:eu-west-1:000000000000:playback-restriction-policy/here";

    fn example() -> Value {
        json!({
            "channels": [{
                "arn": CHANNEL,
                "name": "show",
                "authorized": true,
                "playbackRestrictionPolicyArn": POLICY,
                "streamKey": {"value": "sk_show"},
            }],
            "playbackRestrictionPolicies": [{"arn": POLICY, "allowedCountries": ["DE"]}],
        })
    }

    fn refused(change: impl FnOnce(&mut Value)) -> String {
        let mut file = example();
        change(&mut file);
        parse(file.to_string().as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_the_file_says_exists() {
        let catalog = parse(example().to_string().as_bytes()).unwrap();
        let channel = catalog.channel_for_key("sk_show").unwrap();
        assert_eq!((channel.arn.as_str(), channel.authorized), (CHANNEL, true));
        assert_eq!(channel.latency_mode, "LOW");
        let policy = catalog.policy_of(CHANNEL).unwrap();
        assert_eq!(policy.allowed_countries, ["DE"]);
        let keys: Vec<&str> = catalog
            .stream_keys_of(CHANNEL)
            .map(|key| key.arn.as_str())
            .collect();
        assert_eq!(keys, ["arn:aws:ivs:eu-west-1:000000000000:stream-key/show"]);
        assert!(parse(b"{}").is_ok());
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        let first = "channels[0]: ";
        let text = refused(|file| file["channels"][0]["arn"] = json!("show"));
        assert_eq!(
            text,
            format!("{first}the ARN must have the form arn:aws:ivs:REGION:{ACCOUNT}:channel/ID")
        );
        let other_account = CHANNEL.replace(ACCOUNT, "123456789012");
        let text = refused(|file| file["channels"][0]["arn"] = json!(other_account));
        assert!(text.contains(ACCOUNT), "{text}");
        let text = refused(|file| file["channels"][0]["latencyMode"] = json!("FAST"));
        assert_eq!(
            text,
            format!("{first}latencyMode must be one of NORMAL, LOW")
        );
        let text = refused(|file| {
            let again = file["channels"][0].clone();
            file["channels"].as_array_mut().unwrap().push(again);
        });
        assert_eq!(text, "channels[1]: the ARN is there twice");
        let text = refused(|file| file["channels"][0]["streamKey"]["value"] = json!("sécret"));
        assert!(text.starts_with("channels[0]: streamKey: the value must"));
        assert!(!text.contains("cret"), "{text}");
        let text = refused(|file| file["playbackRestrictionPolicies"] = json!([]));
        assert!(text.starts_with(first) && text.contains(POLICY), "{text}");
        let text = refused(|file| {
            file["playbackKeyPairs"] = json!([{
                "arn": "arn:aws:ivs:eu-west-1:000000000000:playback-key/k",
                "publicKeyMaterial": "no key",
            }]);
        });
        assert!(text.starts_with("playbackKeyPairs[0]: "), "{text}");
    }

    #[test]
    fn what_is_not_of_this_form_is_refused_with_its_line() {
        let text = refused(|file| file["channel"] = json!([]));
        assert!(text.contains("unknown field `channel`") && text.contains("line 1"));
        let text = refused(|file| file["channels"][0]["streamKey"] = json!(null));
        assert!(text.contains("line 1"), "{text}");
    }
}
