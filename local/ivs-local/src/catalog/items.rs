//! The resources themselves.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::tokens::key::PlaybackKey;

/// Tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// A channel, as the service model shapes it, without what follows from its ARN.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// `arn:aws:ivs:REGION:ACCOUNT:channel/ID`.
    pub arn: String,
    /// Need not be unique; may be empty.
    pub name: String,
    /// `NORMAL` or `LOW`.
    pub latency_mode: String,
    /// `BASIC`, `STANDARD`, `ADVANCED_SD` or `ADVANCED_HD`.
    #[serde(rename = "type")]
    pub channel_type: String,
    /// Whether a playback token is needed.
    pub authorized: bool,
    /// Whether RTMP without TLS is allowed; kept as asked for, since all ingest here is without.
    pub insecure_ingest: bool,
    /// `HIGHER_BANDWIDTH_DELIVERY` or `CONSTRAINED_BANDWIDTH_DELIVERY` for the `ADVANCED_*` types,
    /// else "".
    pub preset: String,
    /// The ARN of the policy that restricts playback; "" for none.
    pub playback_restriction_policy_arn: String,
    /// Free labels.
    pub tags: Tags,
}

/// A stream key; its value is a secret.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamKey {
    /// `arn:aws:ivs:REGION:ACCOUNT:stream-key/ID`.
    pub arn: String,
    /// What a publisher must know.
    pub value: String,
    /// The channel it opens.
    pub channel_arn: String,
    /// Free labels.
    pub tags: Tags,
}

impl std::fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StreamKey({})", self.arn)
    }
}

/// An imported public key.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// `arn:aws:ivs:REGION:ACCOUNT:playback-key/ID`.
    pub arn: String,
    /// May be empty.
    pub name: String,
    /// Free labels.
    pub tags: Tags,
    /// The key itself.
    pub key: PlaybackKey,
}

/// Where a channel may be played: from which countries, and on pages of which origins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaybackRestrictionPolicy {
    /// `arn:aws:ivs:REGION:ACCOUNT:playback-restriction-policy/ID`.
    pub arn: String,
    /// Need not be unique; may be empty.
    pub name: String,
    /// ISO 3166-1 alpha-2 codes in capitals; empty for all countries.
    pub allowed_countries: Vec<String>,
    /// As in the `Origin` header; empty for all origins.
    pub allowed_origins: Vec<String>,
    /// Whether a request that names no allowed origin is refused.
    pub enable_strict_origin_enforcement: bool,
    /// Free labels.
    pub tags: Tags,
}
