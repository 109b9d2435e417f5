//! Names of resources, as the IVS service model patterns them.

use std::fmt;

/// The account that everything belongs to.
pub const ACCOUNT: &str = "000000000000";

/// A kind of resource that has ARNs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A channel.
    Channel,
    /// A stream key.
    StreamKey,
    /// The public half of a playback key pair.
    PlaybackKey,
    /// A playback restriction policy.
    PlaybackRestrictionPolicy,
}

impl Kind {
    const ALL: [Self; 4] = [
        Self::Channel,
        Self::StreamKey,
        Self::PlaybackKey,
        Self::PlaybackRestrictionPolicy,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::StreamKey => "stream-key",
            Self::PlaybackKey => "playback-key",
            Self::PlaybackRestrictionPolicy => "playback-restriction-policy",
        }
    }

    /// The ARN of a resource of this kind in [`ACCOUNT`].
    pub fn arn(self, region: &str, id: &str) -> String {
        format!("arn:aws:ivs:{region}:{ACCOUNT}:{self}/{id}")
    }

    /// Whether `arn` has the form of this kind's: the service model's pattern and length.
    pub fn matches(self, arn: &str) -> bool {
        kind_name(arn) == Some(self.name())
    }

    /// The kind of resource that `arn` has the form of.
    pub fn of(arn: &str) -> Option<Self> {
        let name = kind_name(arn)?;
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What an ARN of IVS says it is one of, e.g. `channel`: also kinds that are not here. None for
/// text that is not such an ARN.
pub fn kind_name(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", "aws", "ivs", region, account, resource] = parts[..] else {
        return None;
    };
    let (kind, id) = resource.split_once('/')?;
    let fits = arn.len() <= 128
        && kind
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        && is_region(region)
        && !account.is_empty()
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && !id.is_empty()
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    fits.then_some(kind)
}

/// Whether `text` can be a region's name.
pub fn is_region(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The region named in an ARN; empty for text that is not one.
pub fn region(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

/// The last part of the path of a channel's playback URL: `REGION.ACCOUNT.channel.ID.m3u8`.
pub fn playback_file(channel_arn: &str) -> String {
    let id = channel_arn.rsplit('/').next().unwrap_or_default();
    format!("{}.{ACCOUNT}.channel.{id}.m3u8", region(channel_arn))
}

/// The channel ARN that a playback file name stands for.
pub fn from_playback_file(file: &str) -> Option<String> {
    let parts: Vec<&str> = file.strip_suffix(".m3u8")?.split('.').collect();
    let [region, account, "channel", id] = parts[..] else {
        return None;
    };
    let arn = format!("arn:aws:ivs:{region}:{account}:channel/{id}");
    Kind::Channel.matches(&arn).then_some(arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playback_file_name_stands_for_its_channel() {
        let arn = Kind::Channel.arn("eu-west-1", "AbC123");
        assert_eq!(
            playback_file(&arn),
            "eu-west-1.000000000000.channel.AbC123.m3u8"
        );
        assert_eq!(from_playback_file(&playback_file(&arn)), Some(arn));
        for wrong in [
            "",
            ".m3u8",
            "eu-west-1.1.channel.x",
            "eu.1.stage.x.m3u8",
            "e/u.1.channel.x.m3u8",
        ] {
            assert_eq!(from_playback_file(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn arns_match_their_own_kind_only() {
        let arn = Kind::StreamKey.arn("us-west-2", "x1");
        assert!(Kind::StreamKey.matches(&arn));
        assert!(!Kind::Channel.matches(&arn));
        for kind in Kind::ALL {
            assert_eq!(Kind::of(&kind.arn("us-west-2", "x1")), Some(kind));
        }
        let other = "arn:aws:ivs:us-west-2:1:ad-configuration/x";
        assert_eq!(
            (Kind::of(other), kind_name(other)),
            (None, Some("ad-configuration"))
        );
        for wrong in [
            "",
            "arn",
            "arn:aws:ivs:us-west-2::channel/x",
            "arn:aws:ivs:US:1:channel/x",
            "arn:aws:ivs:us:1:channel/",
        ] {
            assert!(!Kind::Channel.matches(wrong), "{wrong}");
        }
    }
}
