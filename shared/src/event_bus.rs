//! The event bus: how a service publishes.

use std::time::Duration;

use aws_sdk_eventbridge::{
    Client,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};

use crate::{
    aws::AwsError,
    events::{Event, EventData},
};

/// The most entries that one PutEvents call takes (EventBridge quotas).
const MAX_ENTRIES: usize = 10;
/// The most bytes that one PutEvents call takes, all its entries together (EventBridge quotas, 256 KB).
pub const MAX_CALL_BYTES: usize = 256 * 1024;
/// How often an entry is sent that the bus refuses for now.
const ATTEMPTS: u32 = 4;
/// How long until it is sent again the first time; each later time it is twice as long.
const PAUSE: Duration = Duration::from_millis(100);

/// The code of an entry that the answer leaves out: as EventBridge says that it failed by itself.
const NOT_ANSWERED: &str = "InternalFailure";

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
    /// The bus took the call but not every entry, also not when those were sent again; publishing
    /// all again is safe, since consumers drop repeats by event id.
    #[error("the bus refused {refused} events: {first}")]
    Entries {
        /// How many entries were refused.
        refused: usize,
        /// The first refusal, or the first that will not pass.
        first: AwsError,
    },
}

impl PublishError {
    /// Whether publishing the same events may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::TooLarge { .. } => false,
            Self::Call(error) | Self::Entries { first: error, .. } => error.may_pass(),
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

    /// Publishes events, in as few calls as the limits allow. Entries that the bus refuses for now
    /// are sent again a few times, by themselves.
    ///
    /// # Errors
    /// [`PublishError`] at the first call that does not go through whole. Those before it are
    /// published, so the caller publishes all again with the same event ids.
    pub async fn publish(&self, events: &[Outgoing]) -> Result<(), PublishError> {
        for call in calls(events) {
            self.put(call.iter().collect()).await?;
        }
        Ok(())
    }

    async fn put(&self, mut events: Vec<&Outgoing>) -> Result<(), PublishError> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let entries = events.iter().map(|event| {
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
            let refused = refused(&events, answer.entries());
            if let Some(error) = given_up(&refused, attempt) {
                return Err(error);
            }
            if refused.is_empty() {
                break;
            }
            events = refused.into_iter().map(|(event, _)| event).collect();
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Ok(())
    }
}

/// What of a call was refused, and why. The answer has an entry for each that was sent, in the same
/// order; what has none was not taken, as far as is known.
fn refused<'a>(
    sent: &[&'a Outgoing],
    answer: &[PutEventsResultEntry],
) -> Vec<(&'a Outgoing, AwsError)> {
    let answered = answer.iter().map(Some).chain(std::iter::repeat(None));
    sent.iter()
        .zip(answered)
        .filter_map(|(event, entry)| {
            let (code, message) = match entry {
                Some(entry) => (entry.error_code()?, entry.error_message()),
                None => (NOT_ANSWERED, None),
            };
            let error = AwsError::listed("PutEvents", Some(code), message);
            Some((*event, error))
        })
        .collect()
}

/// Why the refused entries are not sent again; none when they are, or when there are none.
fn given_up(refused: &[(&Outgoing, AwsError)], attempt: u32) -> Option<PublishError> {
    let mut errors = refused.iter().map(|(_, error)| error);
    let lasting = errors.clone().find(|error| !error.may_pass());
    let first = match attempt {
        ATTEMPTS.. => lasting.or_else(|| errors.next()),
        _ => lasting,
    };
    first.map(|first| PublishError::Entries {
        refused: refused.len(),
        first: first.clone(),
    })
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

    #[test]
    fn only_what_is_refused_for_now_is_sent_again_and_not_for_ever() {
        let entry = |code: Option<&str>| {
            let code = code.map(str::to_owned);
            PutEventsResultEntry::builder().set_error_code(code).build()
        };
        let events = [event(1), event(2), event(3)];
        let sent: Vec<_> = events.iter().collect();
        let after = |codes: [Option<&str>; 3]| refused(&sent, &codes.map(entry));

        let none = after([None; 3]);
        assert!(none.is_empty() && given_up(&none, ATTEMPTS).is_none());
        let throttled = Some("ThrottlingException");
        let one = after([None, throttled, None]);
        assert!(matches!(one[..], [(again, _)] if again == &events[1]));
        assert!(given_up(&one, ATTEMPTS - 1).is_none());
        assert!(given_up(&one, ATTEMPTS).unwrap().may_pass());
        let short = refused(&sent, &[entry(None)]);
        assert!(matches!(short[..], [(second, _), (third, _)]
            if second == &events[1] && third == &events[2]));
        assert!(given_up(&short, ATTEMPTS).unwrap().may_pass());
        let lasting = after([throttled, Some("MalformedDetail"), None]);
        assert!(!given_up(&lasting, 1).unwrap().may_pass());
    }
}
