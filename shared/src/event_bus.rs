//! The event bus: how a service publishes.

use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};

use crate::{
    aws::{AwsError, Failure},
    events::{Event, EventData},
};

/// The most entries that one PutEvents call takes (EventBridge quotas).
const MAX_ENTRIES: usize = 10;
/// The most bytes that one PutEvents call takes, all its entries together (EventBridge quotas, 256 KB).
pub const MAX_CALL_BYTES: usize = 256 * 1024;

/// An event ready to be put on the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    source: &'static str,
    detail_type: &'static str,
    detail: String,
}

/// Why an event was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The event is larger than one call takes; it can never be published.
    #[error("a {detail_type} event of {bytes} bytes is more than the bus takes")]
    TooLarge {
        /// Which event.
        detail_type: &'static str,
        /// Its size.
        bytes: usize,
    },
    /// The call failed; nothing of it was published.
    #[error(transparent)]
    Call(#[from] AwsError),
    /// The bus took the call but not every entry; publishing all again is safe, since consumers
    /// drop repeats by event id.
    #[error("the bus refused {refused} of {sent} events, the first with {code}: {message}")]
    Entries {
        /// How many entries were refused.
        refused: usize,
        /// How many were sent.
        sent: usize,
        /// The first refusal's code.
        code: String,
        /// The first refusal's message.
        message: String,
    },
}

impl PublishError {
    /// Whether publishing the same events may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::TooLarge { .. } => false,
            Self::Call(error) => error.failure != Failure::Refused,
            Self::Entries { .. } => true,
        }
    }
}

impl Outgoing {
    /// Encodes an event.
    ///
    /// # Errors
    /// [`PublishError::TooLarge`] when no call could carry it.
    pub fn new<T: EventData>(event: &Event<T>) -> Result<Self, PublishError> {
        let detail = serde_json::to_string(event).expect("an event has only string keys");
        let outgoing = Self {
            source: T::SOURCE,
            detail_type: T::DETAIL_TYPE,
            detail,
        };
        match outgoing.bytes() {
            bytes if bytes > MAX_CALL_BYTES => Err(PublishError::TooLarge {
                detail_type: T::DETAIL_TYPE,
                bytes,
            }),
            _ => Ok(outgoing),
        }
    }

    /// The size that EventBridge counts: source, detail type and detail.
    fn bytes(&self) -> usize {
        self.source.len() + self.detail_type.len() + self.detail.len()
    }
}

/// The application's bus.
#[derive(Debug, Clone)]
pub struct EventBus {
    client: Client,
    name: String,
}

impl EventBus {
    /// The bus of this name.
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Publishes events, in as few calls as the limits allow.
    ///
    /// # Errors
    /// [`PublishError`] at the first call that does not go through whole. Those before it are
    /// published, so the caller publishes all again with the same event ids.
    pub async fn publish(&self, events: &[Outgoing]) -> Result<(), PublishError> {
        for call in calls(events) {
            let entries = call.iter().map(|event| {
                PutEventsRequestEntry::builder()
                    .event_bus_name(&self.name)
                    .source(event.source)
                    .detail_type(event.detail_type)
                    .detail(&event.detail)
                    .build()
            });
            let answer = self
                .client
                .put_events()
                .set_entries(Some(entries.collect()))
                .send()
                .await
                .map_err(|error| AwsError::new("PutEvents", &error))?;
            let refused: Vec<_> = answer
                .entries()
                .iter()
                .filter(|entry| entry.error_code().is_some())
                .collect();
            if let Some(first) = refused.first() {
                return Err(PublishError::Entries {
                    refused: refused.len(),
                    sent: call.len(),
                    code: first.error_code().unwrap_or_default().to_owned(),
                    message: first.error_message().unwrap_or_default().to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// Splits events, in order, into calls within both limits.
fn calls(events: &[Outgoing]) -> Vec<&[Outgoing]> {
    let mut calls = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, event) in events.iter().enumerate() {
        if index - start == MAX_ENTRIES || (index > start && bytes + event.bytes() > MAX_CALL_BYTES)
        {
            calls.push(&events[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += event.bytes();
    }
    if start < events.len() {
        calls.push(&events[start..]);
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> Outgoing {
        Outgoing {
            source: "",
            detail_type: "",
            detail: "x".repeat(bytes),
        }
    }

    #[test]
    fn a_call_keeps_within_both_limits_and_the_order() {
        let sizes = |events: &[Outgoing]| calls(events).iter().map(|c| c.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&[]), Vec::<usize>::new());
        assert_eq!(sizes(&vec![event(1); 25]), [10, 10, 5]);
        assert_eq!(sizes(&vec![event(100 * 1024); 5]), [2, 2, 1]);
        assert_eq!(
            sizes(&[event(1), event(MAX_CALL_BYTES), event(1)]),
            [1, 1, 1]
        );
    }
}
