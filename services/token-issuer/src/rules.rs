//! Whether a viewer gets a playback token, and what it says.

use cuepoint_shared::{channels::Channel, events::MaximumResolution, ids::UserId};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How far an upstream app's clock may be ahead of ours: what it says to begin now begins now.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// What the issuer reads of an entitlement.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entitlement {
    /// Whether it counts; its validity is looked at besides.
    pub status: Status,
    /// From when it counts; absent: at once.
    #[serde(default)]
    pub valid_from: Option<Timestamp>,
    /// Until when it counts; absent: until revoked.
    #[serde(default)]
    pub valid_until: Option<Timestamp>,
    /// The best rendition; absent: any.
    #[serde(default)]
    pub maximum_resolution: Option<MaximumResolution>,
    /// The version that the viewer's tokens carry.
    pub viewer_session_version: u32,
}

/// Whether an entitlement counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Given by an upstream app.
    Granted,
    /// Taken back by an upstream app.
    Revoked,
}

/// What a token is issued for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// When the token runs out, in whole seconds: after now, and not after the entitlement.
    pub expires_at: Timestamp,
    /// The version it carries.
    pub viewer_session_version: u32,
    /// The best rendition; none: any.
    pub maximum_resolution: Option<MaximumResolution>,
}

/// Why there is no token. The text is for the viewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is known of an entitlement. Also said of a channel that does not exist, so that no
    /// one learns which do.
    #[error("You have no entitlement for this channel.")]
    NotEntitled,
    /// It begins later.
    #[error("Your entitlement for this channel begins at {0}.")]
    NotYet(Timestamp),
    /// It is over.
    #[error("Your entitlement for this channel ended at {0}.")]
    RanOut(Timestamp),
    /// It was taken back.
    #[error("Your entitlement for this channel was taken back.")]
    Revoked,
}

/// Decides at the time `now`. `channel` is none when this deployment does not serve it; it comes
/// back with the grant.
///
/// An entitlement counts from a minute before `validFrom` on, since that may be "now" by a clock that
/// is ahead of ours. It counts no longer at `validUntil`.
///
/// # Errors
/// [`Refusal`] says why not.
pub fn decide<'a>(
    entitlement: Option<&Entitlement>,
    now: Timestamp,
    channel: Option<&'a Channel>,
) -> Result<(Grant, &'a Channel), Refusal> {
    let (Some(entitlement), Some(channel)) = (entitlement, channel) else {
        return Err(Refusal::NotEntitled);
    };
    if entitlement.status == Status::Revoked {
        return Err(Refusal::Revoked);
    }
    if let Some(from) = entitlement.valid_from
        && now.duration_until(from) > CLOCK_SKEW
    {
        return Err(Refusal::NotYet(from));
    }
    let now = whole_seconds(now);
    let mut expires = now.saturating_add(i64::from(channel.token_seconds));
    if let Some(until) = entitlement.valid_until {
        expires = expires.min(whole_seconds(until));
        // In its last, broken second there is no whole one left for a token.
        if expires <= now {
            return Err(Refusal::RanOut(until));
        }
    }
    let grant = Grant {
        expires_at: Timestamp::from_second(expires).unwrap_or(Timestamp::MAX),
        viewer_session_version: entitlement.viewer_session_version,
        maximum_resolution: entitlement.maximum_resolution,
    };
    Ok((grant, channel))
}

/// The last whole second that is not after a time. (`as_second` rounds towards 1970.)
fn whole_seconds(time: Timestamp) -> i64 {
    time.as_second() - i64::from(time.subsec_nanosecond() < 0)
}

/// What a playback token says (IVS user guide, "Generate and Sign IVS Playback Tokens"). It has no
/// time from which on it is good: another clock might be behind ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claims<'a> {
    /// The channel it is for.
    #[serde(rename = "aws:channel-arn")]
    pub channel_arn: &'a str,
    /// The pages that may play it, separated by commas.
    #[serde(rename = "aws:access-control-allow-origin")]
    pub allow_origin: &'a str,
    /// Whether the origin is checked on every request; left out when not.
    #[serde(
        rename = "aws:strict-origin-enforcement",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub strict_origin: bool,
    /// By what IVS knows a token that starts one playback only; left out when it may start more.
    #[serde(
        rename = "aws:single-use-uuid",
        skip_serializing_if = "Option::is_none"
    )]
    pub single_use: Option<Uuid>,
    /// Whose it is: a revocation names them.
    #[serde(rename = "aws:viewer-id")]
    pub viewer_id: &'a str,
    /// A revocation up to this version ends it.
    #[serde(rename = "aws:viewer-session-version")]
    pub viewer_session_version: u32,
    /// The best rendition; left out when any.
    #[serde(
        rename = "aws:maximum-resolution",
        skip_serializing_if = "Option::is_none"
    )]
    pub maximum_resolution: Option<MaximumResolution>,
    /// When it runs out, in seconds since 1970.
    pub exp: i64,
}

/// What the token for this grant says. `new_id` makes a random UUID.
pub fn claims<'a>(
    grant: &Grant,
    channel: &'a Channel,
    viewer: &'a UserId,
    new_id: fn() -> Uuid,
) -> Claims<'a> {
    Claims {
        channel_arn: &channel.arn,
        allow_origin: channel.origins.claim(),
        strict_origin: channel.strict_origin,
        single_use: channel.single_use.then(new_id),
        viewer_id: viewer.as_str(),
        viewer_session_version: grant.viewer_session_version,
        maximum_resolution: grant.maximum_resolution,
        exp: grant.expires_at.as_second(),
    }
}

#[cfg(test)]
mod tests;
