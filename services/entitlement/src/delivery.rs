//! Reads what EventBridge delivers to the queue. A delivery that is not read here can never be
//! applied, however often it comes.

use cuepoint_shared::{
    events::{Delivery, Event, EventData, UserEntitled, UserEntitlementRevoked},
    ids::EventId,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::rules::{Change, EmptyValidity};

/// How far an event's `occurredAt` may be ahead of this service's clock. The newest event decides,
/// so one from a wrong clock would keep out every later one about the same viewer and channel.
pub const MAX_AHEAD: SignedDuration = SignedDuration::from_mins(15);

/// Why a delivery says nothing that could be applied.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The message is not what EventBridge delivers.
    #[error("not a delivery of an event: {0}")]
    NotADelivery(serde_json::Error),
    /// The event is none of those this service takes.
    #[error("unknown detail-type {0:?}")]
    UnknownDetailType(String),
    /// The event does not match its contract.
    #[error("not a valid {detail_type} event: {source}")]
    Invalid {
        /// Which contract.
        detail_type: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The entitlement could never count.
    #[error(transparent)]
    EmptyValidity(#[from] EmptyValidity),
    /// It happens later than [`MAX_AHEAD`] from now.
    #[error("occurredAt {0} is in the future")]
    InTheFuture(Timestamp),
}

/// Reads the body of a queue message at the time `now`.
///
/// # Errors
/// [`DeliveryError`] says what is wrong with it.
pub fn read(body: &str, now: Timestamp) -> Result<Change, DeliveryError> {
    let delivery: Delivery = serde_json::from_str(body).map_err(DeliveryError::NotADelivery)?;
    let change = match delivery.detail_type.as_str() {
        UserEntitled::DETAIL_TYPE => Change::granted(event(delivery.detail)?)?,
        UserEntitlementRevoked::DETAIL_TYPE => Change::revoked(event(delivery.detail)?),
        _ => return Err(DeliveryError::UnknownDetailType(delivery.detail_type)),
    };
    if change.occurred_at.duration_since(now) > MAX_AHEAD {
        return Err(DeliveryError::InTheFuture(change.occurred_at));
    }
    Ok(change)
}

/// The id of an event that could not be read otherwise, when it has one.
pub fn event_id(body: &str) -> Option<EventId> {
    let delivery: Value = serde_json::from_str(body).ok()?;
    delivery
        .pointer("/detail/metadata/eventId")?
        .as_str()?
        .parse()
        .ok()
}

fn event<T: EventData>(detail: Value) -> Result<Event<T>, DeliveryError> {
    serde_json::from_value(detail).map_err(|source| DeliveryError::Invalid {
        detail_type: T::DETAIL_TYPE,
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ChangeKind;
    use serde_json::json;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn read(body: &str) -> Result<Change, DeliveryError> {
        super::read(body, at("2026-11-22T08:00:01Z"))
    }

    fn delivery(detail_type: &str, data: Value) -> String {
        json!({
            "version": "0",
            "id": "00000000-0000-0000-0000-000000000000",
            "detail-type": detail_type,
            "source": "shop.example",
            "detail": {
                "metadata": {
                    "eventId": "order-1",
                    "occurredAt": "2026-11-22T08:00:00Z",
                    "correlationId": "order-1",
                    "schemaVersion": 1,
                },
                "data": data,
            },
        })
        .to_string()
    }

    #[test]
    fn both_events_are_read() {
        let who = json!({ "userId": "viewer", "channelId": "channel" });
        let grant = read(&delivery("user-entitled", who.clone())).unwrap();
        assert!(matches!(grant.kind, ChangeKind::Grant { .. }));
        assert_eq!(grant.event_id.as_str(), "order-1");
        let revocation = read(&delivery("user-entitlement-revoked", who)).unwrap();
        assert!(matches!(revocation.kind, ChangeKind::Revoke { .. }));
    }

    #[test]
    fn what_does_not_match_its_contract_is_refused_with_the_reason() {
        let reason = |body: &str| read(body).unwrap_err().to_string();
        let missing = delivery("user-entitled", json!({ "userId": "viewer" }));
        assert!(reason(&missing).contains("missing field `channelId`"));
        assert_eq!(event_id(&missing).unwrap().as_str(), "order-1");

        let other = delivery("user-renamed", json!({}));
        assert_eq!(reason(&other), r#"unknown detail-type "user-renamed""#);

        let never = json!({
            "userId": "viewer",
            "channelId": "channel",
            "validFrom": "2026-11-22T10:00:00Z",
            "validUntil": "2026-11-22T10:00:00Z",
        });
        assert!(reason(&delivery("user-entitled", never)).contains("validUntil"));

        assert!(reason("not JSON").contains("not a delivery"));
        assert!(reason("{}").contains("not a delivery"));
        assert!(event_id("not JSON").is_none());
    }

    #[test]
    fn an_event_from_the_future_would_outlast_every_other_and_is_refused() {
        let who = json!({ "userId": "viewer", "channelId": "channel" });
        for detail_type in ["user-entitled", "user-entitlement-revoked"] {
            // It happened at eight.
            let event = delivery(detail_type, who.clone());
            assert!(super::read(&event, at("2026-11-22T07:45:00Z")).is_ok());
            let early = super::read(&event, at("2026-11-22T07:44:59.999Z"));
            let reason = early.unwrap_err().to_string();
            assert_eq!(reason, "occurredAt 2026-11-22T08:00:00Z is in the future");
        }
    }
}
