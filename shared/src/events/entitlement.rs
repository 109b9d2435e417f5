//! Who may watch: what upstream apps say, and what follows from it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EventData, Text};
use crate::ids::{ChannelId, UserId};

/// The best rendition that a viewer may get: `aws:maximum-resolution` of a playback token
/// (IVS user guide, "Generate and Sign IVS Playback Tokens").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MaximumResolution {
    /// 1080p.
    FullHd,
    /// 720p.
    Hd,
    /// 480p.
    Sd,
}

/// An upstream app entitles a user to a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserEntitled {
    /// Who.
    pub user_id: UserId,
    /// To what.
    pub channel_id: ChannelId,
    /// From when; absent: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// Until when; absent: until revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// The best rendition they paid for; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_resolution: Option<MaximumResolution>,
}

/// An upstream app takes an entitlement back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserEntitlementRevoked {
    /// Whose.
    pub user_id: UserId,
    /// For which channel.
    pub channel_id: ChannelId,
    /// Why, for the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<512>>,
}

/// An entitlement is in effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntitlementGranted {
    /// Who.
    pub user_id: UserId,
    /// To what.
    pub channel_id: ChannelId,
    /// From when; absent: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// Until when; absent: until revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// The version that the viewer's playback tokens carry from now on.
    pub viewer_session_version: u32,
}

/// An entitlement has ended; playback with tokens up to this version is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntitlementRevoked {
    /// Whose.
    pub user_id: UserId,
    /// For which channel.
    pub channel_id: ChannelId,
    /// The highest version that is revoked.
    pub viewer_session_version: u32,
}

impl EventData for UserEntitled {
    const DETAIL_TYPE: &'static str = "user-entitled";
    const SOURCE: &'static str = "shop.example";
}

impl EventData for UserEntitlementRevoked {
    const DETAIL_TYPE: &'static str = "user-entitlement-revoked";
    const SOURCE: &'static str = "shop.example";
}

impl EventData for EntitlementGranted {
    const DETAIL_TYPE: &'static str = "entitlement-granted";
    const SOURCE: &'static str = "cuepoint.entitlement";
}

impl EventData for EntitlementRevoked {
    const DETAIL_TYPE: &'static str = "entitlement-revoked";
    const SOURCE: &'static str = "cuepoint.entitlement";
}
