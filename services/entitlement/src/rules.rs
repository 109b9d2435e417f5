//! What an event does to an entitlement.
//!
//! Events come twice, late and out of order. The newest one, by `occurredAt` and then by event id,
//! decides, whatever came before it or comes after it.

use cuepoint_shared::{
    events::{Event, MaximumResolution, Text, UserEntitled, UserEntitlementRevoked},
    ids::{ChannelId, CorrelationId, EventId, UserId},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The version that a viewer's first entitlement gives to their playback tokens. It is above 0,
/// which a token without a version counts as.
pub const FIRST_VIEWER_SESSION_VERSION: u32 = 1;

/// How long an entitlement that has run out is kept, so that a viewer who asks can be told why they
/// are refused. It is also far longer than an event can be on its way: a day with the rule, four in
/// the queue, and two weeks each time that an operator leaves it in the dead-letter queue.
pub const KEPT_AFTER_END: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What is known about one viewer and one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entitlement {
    /// Who.
    pub user_id: UserId,
    /// For which channel.
    pub channel_id: ChannelId,
    /// Whether it counts; its validity is looked at besides.
    pub status: Status,
    /// From when it counts; absent: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Timestamp>,
    /// Until when it counts; absent: until revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// The best rendition; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum_resolution: Option<MaximumResolution>,
    /// The version that the viewer's playback tokens carry. It never falls, and a grant after a
    /// revocation has a higher one than what was revoked.
    pub viewer_session_version: u32,
    /// When the newest event applied had happened.
    pub occurred_at: Timestamp,
    /// The newest event applied.
    pub event_id: EventId,
    /// What that event belongs to.
    pub correlation_id: CorrelationId,
    /// Why it was revoked, for the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<512>>,
}

/// Whether an entitlement counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Given by an upstream app.
    Granted,
    /// Taken back by an upstream app.
    Revoked,
}

/// What an upstream event says about one viewer and one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Who.
    pub user_id: UserId,
    /// For which channel.
    pub channel_id: ChannelId,
    /// When it happened upstream.
    pub occurred_at: Timestamp,
    /// The event.
    pub event_id: EventId,
    /// What it belongs to.
    pub correlation_id: CorrelationId,
    /// What it wants.
    pub kind: ChangeKind,
}

/// What an event wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// The viewer may watch.
    Grant {
        /// From when; absent: at once.
        valid_from: Option<Timestamp>,
        /// Until when; absent: until revoked.
        valid_until: Option<Timestamp>,
        /// The best rendition; absent: any.
        maximum_resolution: Option<MaximumResolution>,
    },
    /// The viewer may no longer watch.
    Revoke {
        /// Why, for the operator.
        reason: Option<Text<512>>,
    },
}

/// An entitlement that would end before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("validUntil is not after validFrom")]
pub struct EmptyValidity;

impl Change {
    /// What a `user-entitled` event says.
    ///
    /// # Errors
    /// [`EmptyValidity`] when it could never count.
    pub fn granted(event: Event<UserEntitled>) -> Result<Self, EmptyValidity> {
        let Event { metadata, data } = event;
        if let (Some(from), Some(until)) = (data.valid_from, data.valid_until)
            && until <= from
        {
            return Err(EmptyValidity);
        }
        Ok(Self {
            user_id: data.user_id,
            channel_id: data.channel_id,
            occurred_at: metadata.occurred_at,
            event_id: metadata.event_id,
            correlation_id: metadata.correlation_id,
            kind: ChangeKind::Grant {
                valid_from: data.valid_from,
                valid_until: data.valid_until,
                maximum_resolution: data.maximum_resolution,
            },
        })
    }

    /// What a `user-entitlement-revoked` event says.
    pub fn revoked(event: Event<UserEntitlementRevoked>) -> Self {
        let Event { metadata, data } = event;
        Self {
            user_id: data.user_id,
            channel_id: data.channel_id,
            occurred_at: metadata.occurred_at,
            event_id: metadata.event_id,
            correlation_id: metadata.correlation_id,
            kind: ChangeKind::Revoke {
                reason: data.reason,
            },
        }
    }
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is the newest: this is the entitlement now.
    Applied(Entitlement),
    /// It was applied before.
    Repeated,
    /// A newer one was applied before.
    Superseded,
}

/// Applies an event to what is known. `current` is of the same viewer and channel as `change`.
pub fn apply(current: Option<&Entitlement>, change: &Change) -> Outcome {
    if let Some(current) = current {
        let known = (current.occurred_at, current.event_id.as_str());
        match (change.occurred_at, change.event_id.as_str()).cmp(&known) {
            std::cmp::Ordering::Less => return Outcome::Superseded,
            std::cmp::Ordering::Equal => return Outcome::Repeated,
            std::cmp::Ordering::Greater => {}
        }
    }
    let mut next = Entitlement {
        user_id: change.user_id.clone(),
        channel_id: change.channel_id.clone(),
        status: Status::Revoked,
        valid_from: None,
        valid_until: None,
        maximum_resolution: None,
        viewer_session_version: viewer_session_version(current, &change.kind),
        occurred_at: change.occurred_at,
        event_id: change.event_id.clone(),
        correlation_id: change.correlation_id.clone(),
        reason: None,
    };
    match &change.kind {
        ChangeKind::Grant {
            valid_from,
            valid_until,
            maximum_resolution,
        } => {
            next.status = Status::Granted;
            next.valid_from = *valid_from;
            next.valid_until = *valid_until;
            next.maximum_resolution = *maximum_resolution;
        }
        ChangeKind::Revoke { reason } => next.reason = reason.clone(),
    }
    Outcome::Applied(next)
}

/// A grant after a revocation needs a version that the revocation does not reach; anything else
/// keeps the one there is.
fn viewer_session_version(current: Option<&Entitlement>, change: &ChangeKind) -> u32 {
    match current {
        None => FIRST_VIEWER_SESSION_VERSION,
        Some(current) => match (current.status, change) {
            (Status::Revoked, ChangeKind::Grant { .. }) => {
                current.viewer_session_version.saturating_add(1)
            }
            _ => current.viewer_session_version,
        },
    }
}

/// From when nothing is lost if an entitlement is forgotten; none: never.
///
/// Who is forgotten begins anew: with the first version, and with whatever event comes next. So only
/// an entitlement is forgotten
/// - that has ended by itself, a while ago ([`KEPT_AFTER_END`]);
/// - whose newest event happened a while ago, so that no older one can still be on its way and would
///   then pass for the newest. An entitlement may have ended before it was given;
/// - that was never revoked: IVS refuses all versions up to one that was, and would refuse what is
///   granted anew. Hence a revocation is kept for ever.
///
/// When it is deleted after that is DynamoDB's choice. Until then it counts as its times say.
pub fn delete_after(entitlement: &Entitlement) -> Option<Timestamp> {
    let never_revoked = entitlement.status == Status::Granted
        && entitlement.viewer_session_version == FIRST_VIEWER_SESSION_VERSION;
    let ended = entitlement.valid_until.filter(|_| never_revoked)?;
    // What lasts to the end of time is never forgotten either.
    ended
        .max(entitlement.occurred_at)
        .checked_add(KEPT_AFTER_END)
        .ok()
}

/// A change that others must hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The viewer may watch, or may watch under other terms than before.
    Granted,
    /// The viewer may no longer watch. Also when the first thing ever heard is a revocation: it
    /// then ends what was granted by other means.
    Revoked,
}

/// What a write to the table changed for the viewer; none when the terms stayed the same.
pub fn effect(before: Option<&Entitlement>, after: &Entitlement) -> Option<Effect> {
    let terms = |entitlement: &Entitlement| {
        (
            entitlement.status,
            entitlement.valid_from,
            entitlement.valid_until,
            entitlement.maximum_resolution,
            entitlement.viewer_session_version,
        )
    };
    match before.map(terms) == Some(terms(after)) {
        true => None,
        false => Some(match after.status {
            Status::Granted => Effect::Granted,
            Status::Revoked => Effect::Revoked,
        }),
    }
}

#[cfg(test)]
mod tests;
