//! The channels this deployment serves, as the template's parameter `Channels` gives them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    config::{self, ConfigError},
    ids::ChannelId,
};

/// A private IVS channel and what its playback tokens say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Channel {
    /// The ARN that IVS knows it by.
    pub arn: String,
    /// Where the player finds the video; the token is appended as `?token=`.
    pub playback_url: String,
    /// The pages that may play it: `aws:access-control-allow-origin`. At least one.
    pub origins: Vec<String>,
    /// Whether IVS checks the origin on every request, not only on the first:
    /// `aws:strict-origin-enforcement`.
    #[serde(default)]
    pub strict_origin: bool,
    /// How long a playback token lasts at most, in seconds; at most ten minutes.
    #[serde(default = "five_minutes")]
    pub token_seconds: u32,
}

/// IVS takes no longer life of a token that names a viewer ("Generate and Sign IVS Playback
/// Tokens", user guide).
const LONGEST_TOKEN_SECONDS: u32 = 600;

/// Enough to start a playback, which may then go on; and far enough from the longest life for
/// clocks that differ.
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
    /// Says what is wrong: not JSON, a bad id, no origin, an ARN of another channel, tokens that IVS
    /// would not take.
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
            if channel.origins.is_empty() {
                return Err(format!("channel {id} names no origin that may play it"));
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_live_as_long_as_ivs_lets_them() {
        for (seconds, fine) in [(0, false), (1, true), (600, true), (601, false)] {
            let parsed = Channels::parse(&format!(
                r#"{{"AbC":{{"arn":"arn:aws:ivs:r:1:channel/AbC","playbackUrl":"http://x",
                    "origins":["http://a"],"tokenSeconds":{seconds}}}}}"#
            ));
            assert_eq!(parsed.is_ok(), fine, "{seconds}");
        }
    }

    #[test]
    fn a_channel_needs_its_own_arn_and_an_origin() {
        let parse = |arn: &str, origins: &str| {
            Channels::parse(&format!(
                r#"{{"AbC":{{"arn":"{arn}","playbackUrl":"http://x","origins":{origins}}}}}"#
            ))
        };
        let good = parse("arn:aws:ivs:r:1:channel/AbC", r#"["http://a"]"#).unwrap();
        let channel = good.get(&"AbC".parse().unwrap()).unwrap();
        assert_eq!((channel.token_seconds, channel.strict_origin), (300, false));
        assert!(good.get(&"other".parse().unwrap()).is_none());
        assert!(parse("arn:aws:ivs:r:1:channel/Other", r#"["http://a"]"#).is_err());
        assert!(parse("arn:aws:ivs:r:1:channel/AbC", "[]").is_err());
    }
}
