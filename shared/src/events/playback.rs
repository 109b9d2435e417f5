//! What was handed out to a player.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::EventData;
use crate::ids::{ChannelId, UserId};

/// A playback token was issued. The token itself is never told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlaybackTokenIssued {
    /// To whom.
    pub user_id: UserId,
    /// For which channel.
    pub channel_id: ChannelId,
    /// When it runs out.
    pub expires_at: Timestamp,
    /// The version that it carries; a revocation up to it ends it.
    pub viewer_session_version: u32,
    /// Which playback key signed it, as IVS names its public half.
    pub key_fingerprint: String,
}

impl EventData for PlaybackTokenIssued {
    const DETAIL_TYPE: &'static str = "playback-token-issued";
    const SOURCE: &'static str = "cuepoint.token-issuer";
}
