//! What a record of the table's stream makes known.

use cuepoint_shared::{
    event_bus::{Outgoing, PublishError},
    events::{EntitlementGranted, EntitlementRevoked, Event, Metadata},
    ids::{EventId, InvalidId},
    streams::{self, Change},
};
use serde_json::Value;

use crate::rules::{self, Effect, Entitlement};

/// A change that others must hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The id of the event that says so: the same for every delivery of the same record.
    pub event_id: EventId,
    /// What changed.
    pub effect: Effect,
    /// The entitlement after the change.
    pub entitlement: Entitlement,
}

/// A record that is not of an entitlement; it never will be.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is no stream record, or an item in it is no entitlement.
    #[error(transparent)]
    Unreadable(#[from] streams::RecordError),
    /// The record's own id cannot name an event.
    #[error("eventID: {0}")]
    Id(#[from] InvalidId),
}

/// Reads a stream record; none when it changed nothing in effect. The service never deletes an
/// item, so one that an operator deleted makes nothing known either.
///
/// # Errors
/// [`RecordError`] when it can never be read.
pub fn read(record: &Value) -> Result<Option<Announcement>, RecordError> {
    let change = Change::<Entitlement>::read(record)?;
    let Some(entitlement) = change.new else {
        return Ok(None);
    };
    let Some(effect) = rules::effect(change.old.as_ref(), &entitlement) else {
        return Ok(None);
    };
    Ok(Some(Announcement {
        event_id: format!("entitlement/{}", change.event_id).parse()?,
        effect,
        entitlement,
    }))
}

impl Announcement {
    /// The event that makes it known. It happened when the upstream event did that caused it, so
    /// that it is ordered like the table.
    ///
    /// # Errors
    /// [`PublishError::TooLarge`], which its bounded fields rule out.
    pub fn event(self) -> Result<Outgoing, PublishError> {
        let Entitlement {
            user_id,
            channel_id,
            valid_from,
            valid_until,
            viewer_session_version,
            occurred_at,
            correlation_id,
            ..
        } = self.entitlement;
        let metadata = Metadata::new(self.event_id, occurred_at, correlation_id);
        match self.effect {
            Effect::Granted => Outgoing::new(&Event {
                metadata,
                data: EntitlementGranted {
                    user_id,
                    channel_id,
                    valid_from,
                    valid_until,
                    viewer_session_version,
                },
            }),
            Effect::Revoked => Outgoing::new(&Event {
                metadata,
                data: EntitlementRevoked {
                    user_id,
                    channel_id,
                    viewer_session_version,
                },
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn image(status: &str, version: u32, event_id: &str) -> Value {
        json!({
            "userId": { "S": "viewer" },
            "channelId": { "S": "channel" },
            "status": { "S": status },
            "validUntil": { "S": "2026-11-23T08:00:00Z" },
            "maximumResolution": { "S": "FULL_HD" },
            "viewerSessionVersion": { "N": version.to_string() },
            "occurredAt": { "S": "2026-11-22T08:00:00.123456789Z" },
            "eventId": { "S": event_id },
            "correlationId": { "S": "cause" },
            "appliedAt": { "S": "2026-11-22T08:00:01Z" },
        })
    }

    fn record(name: &str, before: Value, after: Value) -> Value {
        json!({
            "awsRegion": "eu-west-1",
            "eventID": "shardId-00000000:000000000000000000000000000001",
            "eventName": name,
            "dynamodb": {
                "ApproximateCreationDateTime": 1763798400.0,
                "Keys": { "userId": { "S": "viewer" }, "channelId": { "S": "channel" } },
                "OldImage": before,
                "NewImage": after,
                "SequenceNumber": "1",
                "SizeBytes": 1,
            },
        })
    }

    #[test]
    fn a_grant_and_a_revocation_are_announced_with_the_records_own_id() {
        let insert = record("INSERT", Value::Null, image("granted", 1, "a"));
        let announcement = read(&insert).unwrap().unwrap();
        assert_eq!(announcement.effect, Effect::Granted);
        assert_eq!(
            announcement.event_id.as_str(),
            "entitlement/shardId-00000000:000000000000000000000000000001"
        );
        assert_eq!(read(&insert).unwrap().unwrap(), announcement);
        assert_eq!(announcement.entitlement.viewer_session_version, 1);

        let modify = record("MODIFY", image("granted", 1, "a"), image("revoked", 1, "b"));
        assert_eq!(read(&modify).unwrap().unwrap().effect, Effect::Revoked);
    }

    #[test]
    fn what_changes_nothing_in_effect_is_not_announced() {
        let modify = record("MODIFY", image("granted", 1, "a"), image("granted", 1, "b"));
        assert_eq!(read(&modify).unwrap(), None);
        let remove = record("REMOVE", image("granted", 1, "a"), Value::Null);
        assert_eq!(read(&remove).unwrap(), None);
    }

    #[test]
    fn what_is_no_entitlement_is_told_apart() {
        for broken in [json!({}), image("maybe", 1, "a"), image("granted", 1, "")] {
            let record = record("INSERT", Value::Null, broken);
            assert!(matches!(read(&record), Err(RecordError::Unreadable(_))));
        }
    }
}
