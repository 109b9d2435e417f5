//! What an upstream app (a shop, a membership, a ticket office) says on the bus.
//!
//! The adapter for EventBridge of this crate. Upstream apps are outside Cuepoint, so the event is
//! put together here by its published schema, not by the services' own types.

use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use jiff::Timestamp;
use serde_json::{Value, json};

/// The `source` of the events put here.
pub const SOURCE: &str = "example.ticket-office";

/// The event was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The call failed.
    #[error("PutEvents failed: {0}")]
    Failed(String),
    /// The bus refused the event.
    #[error("the bus refused the event: {code}: {message}")]
    Refused {
        /// The bus's error code.
        code: String,
        /// Its message.
        message: String,
    },
}

/// The detail of a `user-entitled` event without limits.
///
/// `event_id` names the event: a consumer takes two with the same id for one. Of two events about
/// the same user and channel the one that occurred later counts.
pub fn user_entitled(
    event_id: &str,
    occurred_at: Timestamp,
    user_id: &str,
    channel_id: &str,
) -> Value {
    let data = json!({"userId": user_id, "channelId": channel_id});
    detail(event_id, occurred_at, data)
}

/// The detail of a `user-entitlement-revoked` event. `reason` is for operators.
pub fn user_entitlement_revoked(
    event_id: &str,
    occurred_at: Timestamp,
    user_id: &str,
    channel_id: &str,
    reason: &str,
) -> Value {
    let data = json!({"userId": user_id, "channelId": channel_id, "reason": reason});
    detail(event_id, occurred_at, data)
}

fn detail(event_id: &str, occurred_at: Timestamp, data: Value) -> Value {
    json!({
        "metadata": {
            "eventId": event_id,
            "occurredAt": occurred_at.to_string(),
            "correlationId": event_id,
            "schemaVersion": 1,
        },
        "data": data,
    })
}

/// Puts one event on the bus.
///
/// # Errors
/// [`UpstreamError`]; nothing was put then, or it is unknown whether it was.
pub async fn put(
    client: &Client,
    bus: &str,
    detail_type: &str,
    detail: &Value,
) -> Result<(), UpstreamError> {
    let entry = PutEventsRequestEntry::builder()
        .event_bus_name(bus)
        .source(SOURCE)
        .detail_type(detail_type)
        .detail(detail.to_string())
        .build();
    let answer = client
        .put_events()
        .entries(entry)
        .send()
        .await
        .map_err(|error| {
            UpstreamError::Failed(
                aws_sdk_eventbridge::error::DisplayErrorContext(error).to_string(),
            )
        })?;
    match answer
        .entries()
        .iter()
        .find(|entry| entry.error_code().is_some())
    {
        None => Ok(()),
        Some(refused) => Err(UpstreamError::Refused {
            code: refused.error_code().unwrap_or_default().to_owned(),
            message: refused.error_message().unwrap_or_default().to_owned(),
        }),
    }
}
