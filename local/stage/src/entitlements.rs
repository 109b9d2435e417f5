//! What the entitlement service has made of the events that upstream apps sent.
//!
//! A look into its table, which belongs to that service alone: for an operator's eye and for waiting
//! until an event has taken effect, never to decide anything by it.

use std::time::Duration;

use aws_sdk_dynamodb::{Client, error::DisplayErrorContext, types::AttributeValue};
use tokio::time::Instant;

/// How often the table is looked into while an event is waited for.
const POLL: Duration = Duration::from_millis(50);

/// The table did not show what was waited for.
#[derive(Debug, thiserror::Error)]
pub enum NotApplied {
    /// The table cannot be read.
    #[error("cannot read the entitlements: {0}")]
    Unreadable(String),
    /// The event has not arrived there.
    #[error("the event was not applied within {} s", .0.as_secs())]
    Late(Duration),
}

/// Waits until an event about a user and a channel has been applied, as the newest. Returns the
/// version that the user's playback tokens carry from then on.
///
/// # Errors
/// [`NotApplied`]; a newer event about the same user and channel keeps this one from being seen.
pub async fn applied(
    client: &Client,
    table: &str,
    (user_id, channel_id): (&str, &str),
    event_id: &str,
    patience: Duration,
) -> Result<u32, NotApplied> {
    let give_up = Instant::now() + patience;
    loop {
        let found = client
            .get_item()
            .table_name(table)
            .key("userId", AttributeValue::S(user_id.to_owned()))
            .key("channelId", AttributeValue::S(channel_id.to_owned()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| NotApplied::Unreadable(DisplayErrorContext(error).to_string()))?;
        let item = found.item.unwrap_or_default();
        let is_ours = |value: &AttributeValue| value.as_s().is_ok_and(|id| id == event_id);
        if item.get("eventId").is_some_and(is_ours) {
            let version = item
                .get("viewerSessionVersion")
                .and_then(|value| value.as_n().ok()?.parse().ok());
            return version.ok_or_else(|| {
                NotApplied::Unreadable("there is no viewerSessionVersion".to_owned())
            });
        }
        if Instant::now() > give_up {
            return Err(NotApplied::Late(patience));
        }
        tokio::time::sleep(POLL).await;
    }
}
