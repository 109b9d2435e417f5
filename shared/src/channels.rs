//! The channels this deployment serves, as the template's parameter `Channels` gives them.

mod origins;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    config::{self, ConfigError},
    ids::ChannelId,
};

pub use origins::{InvalidOrigins, Origins};

/// A private IVS channel and what its playback tokens say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Channel {
    /// The ARN that IVS knows it by.
    pub arn: String,
    /// Where the player finds the video; the token is appended as `?token=`.
    pub playback_url: String,
    /// The pages that may play it: `aws:access-control-allow-origin`.
    pub origins: Origins,
    /// Whether IVS checks the origin on every request, not only on the first:
    /// `aws:strict-origin-enforcement`. Then there may be [`MOST_STRICT_ORIGINS`].
    #[serde(default)]
    pub strict_origin: bool,
    /// Whether a token starts one playback only: `aws:single-use-uuid`.
    #[serde(default)]
    pub single_use: bool,
    /// How long a playback token lasts at most, in seconds: 1 to [`LONGEST_TOKEN_SECONDS`].
    #[serde(default = "five_minutes")]
    pub token_seconds: u32,
}

/// The longest life of a token that names a viewer, in seconds. IVS takes ten minutes ("Generate
/// and Sign IVS Playback Tokens", user guide); by a clock that is a minute behind ours, ten minutes
/// would be eleven.
pub const LONGEST_TOKEN_SECONDS: u32 = 540;

/// The most origins of a token with strict origin enforcement (same page).
pub const MOST_STRICT_ORIGINS: usize = 5;

/// Enough to start a playback, which may then go on, also by a clock that is a minute ahead of ours.
fn five_minutes() -> u32 {
    300
}

/// All channels by id.
#[derive(Debug, Clone)]
pub struct Channels(BTreeMap<ChannelId, Channel>);

impl Channels {
    /// Reads the variable `CHANNELS`.
    ///
    /// # Errors
    /// [`ConfigError`] when it is missing or not what [`Channels::parse`] takes.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::parse(&config::required("CHANNELS")?).map_err(|reason| ConfigError::Invalid {
            name: "CHANNELS",
            reason,
        })
    }

    /// Reads a JSON object of channels, keyed by channel id.
    ///
    /// # Errors
    /// Says what is wrong: not JSON, a bad id, no or a bad origin, an ARN of another channel, tokens
    /// that IVS would not take.
    pub fn parse(json: &str) -> Result<Self, String> {
        let channels: BTreeMap<ChannelId, Channel> =
            serde_json::from_str(json).map_err(|error| error.to_string())?;
        for (id, channel) in &channels {
            if channel.arn.rsplit('/').next() != Some(id.as_str()) {
                return Err(format!(
                    "channel {id} has the ARN of another: {}",
                    channel.arn
                ));
            }
            let origins = channel.origins.count();
            if channel.strict_origin && origins > MOST_STRICT_ORIGINS {
                return Err(format!(
                    "channel {id}: {origins} origins, with strictOrigin at most {MOST_STRICT_ORIGINS}"
                ));
            }
            if !(1..=LONGEST_TOKEN_SECONDS).contains(&channel.token_seconds) {
                return Err(format!(
                    "channel {id}: tokenSeconds must be from 1 to {LONGEST_TOKEN_SECONDS}"
                ));
            }
        }
        Ok(Self(channels))
    }

    /// The channel of this id, if this deployment serves it.
    pub fn get(&self, id: &ChannelId) -> Option<&Channel> {
        self.0.get(id)
    }

    /// The ids of all channels, in order.
    pub fn ids(&self) -> impl Iterator<Item = &ChannelId> {
        self.0.keys()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// What is said of the channel `AbC` with these changes.
    fn parse(changes: Value) -> Result<Channels, String> {
        let mut channel = json!({
            "arn": "arn:aws:ivs:eu-west-1:000000000000:channel/AbC",
            "playbackUrl": "https://example.com/AbC.m3u8",
            "origins": ["https://a.example"],
        });
        let changes = changes.as_object().unwrap().clone();
        channel.as_object_mut().unwrap().extend(changes);
        Channels::parse(&json!({ "AbC": channel }).to_string())
    }

    #[test]
    fn what_is_left_out_is_safe() {
        let channels = parse(json!({})).unwrap();
        let channel = channels.get(&"AbC".parse().unwrap()).unwrap();
        assert_eq!(channel.origins.claim(), "https://a.example");
        assert!(!channel.strict_origin && !channel.single_use);
        assert_eq!(channel.token_seconds, 300);
        assert!(channels.get(&"other".parse().unwrap()).is_none());
    }

    #[test]
    fn tokens_leave_a_minute_to_what_ivs_takes() {
        for (seconds, fine) in [(0, false), (1, true), (540, true), (541, false)] {
            let parsed = parse(json!({ "tokenSeconds": seconds }));
            assert_eq!(parsed.is_ok(), fine, "{seconds}");
        }
        assert!(parse(json!({ "tokenSeconds": -1 })).is_err());
        assert!(parse(json!({ "tokenSeconds": 0.5 })).is_err());
    }

    #[test]
    fn strict_origin_allows_five() {
        let origins = |count: usize| -> Vec<_> {
            (0..count).map(|n| format!("https://{n}.example")).collect()
        };
        let six = json!({ "origins": origins(6) });
        assert!(parse(six).is_ok(), "IVS names no limit for those");
        for (count, fine) in [(1, true), (5, true), (6, false)] {
            let strict = json!({ "origins": origins(count), "strictOrigin": true });
            assert_eq!(parse(strict).is_ok(), fine, "{count}");
        }
    }

    #[test]
    fn a_channel_that_ivs_would_not_play_or_everyone_would_is_refused() {
        for (wrong, said) in [
            (json!({ "arn": "arn:aws:ivs:r:1:channel/Other" }), "Other"),
            (json!({ "origins": [] }), "no origin"),
            (json!({ "origins": ["*"] }), "\"*\" is not an origin"),
            (json!({ "origins": "https://a.example" }), "sequence"),
            (json!({ "singleUse": "yes" }), "boolean"),
            (json!({ "strictOrigins": true }), "strictOrigins"),
        ] {
            let error = parse(wrong).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }
}
