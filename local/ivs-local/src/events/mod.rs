//! Events about streams, as Amazon IVS sends them to EventBridge.
//!
//! Best effort, as there: a notice is put into a bounded queue and never waited for. [`eventbridge`]
//! takes it from there.

pub mod eventbridge;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Notices that may wait to be sent; beyond it they are dropped.
const QUEUE: usize = 256;

/// What can happen to a stream ("Using Amazon EventBridge with IVS Low-Latency Streaming").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventName {
    /// A stream key was used: there is a session, but no video for viewers yet.
    SessionCreated,
    /// Segments are there for viewers.
    StreamStart,
    /// No segments follow.
    StreamEnd,
    /// The publisher is gone.
    SessionEnded,
    /// The publisher is there but sends nothing.
    StarvationStart,
    /// It sends again.
    StarvationEnd,
}

impl EventName {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SessionCreated => "Session Created",
            Self::StreamStart => "Stream Start",
            Self::StreamEnd => "Stream End",
            Self::SessionEnded => "Session Ended",
            Self::StarvationStart => "Starvation Start",
            Self::StarvationEnd => "Starvation End",
        }
    }

    /// The group of events that it belongs to: EventBridge's detail type.
    pub fn detail_type(self) -> &'static str {
        match self {
            Self::StarvationStart | Self::StarvationEnd => "IVS Stream Health Change",
            _ => "IVS Stream State Change",
        }
    }
}

/// Something that happened to a stream, told to the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The channel.
    pub channel_arn: String,
    /// The channel's name; may be empty.
    pub channel_name: String,
    /// The stream session.
    pub stream_id: String,
    /// What happened.
    pub name: EventName,
    /// When.
    pub at: Timestamp,
}

impl Notice {
    /// The event's `detail`.
    pub fn detail(&self) -> Value {
        json!({
            "event_name": self.name.as_str(),
            "channel_name": self.channel_name,
            "stream_id": self.stream_id,
        })
    }
}

/// Where notices are put.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: Option<mpsc::Sender<Notice>>,
}

impl Outbox {
    /// An outbox and the queue that somebody has to empty.
    pub fn new() -> (Self, mpsc::Receiver<Notice>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let queue = Some(sender);
        (Self { queue }, receiver)
    }

    /// Puts a notice there, if anybody listens. Never waits.
    pub fn put(&self, notice: Notice) {
        let Some(queue) = &self.queue else { return };
        if let Err(error) = queue.try_send(notice) {
            let reason = match error {
                mpsc::error::TrySendError::Full(_) => "too many events wait to be sent",
                mpsc::error::TrySendError::Closed(_) => "the server stops",
            };
            tracing::warn!(reason, "an event was dropped");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notice() -> Notice {
        Notice {
            channel_arn: "arn:aws:ivs:us-east-1:000000000000:channel/abc".into(),
            channel_name: "show".into(),
            stream_id: "st-1".into(),
            name: EventName::StreamStart,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_detail_is_that_of_ivs() {
        assert_eq!(
            notice().detail().to_string(),
            r#"{"channel_name":"show","event_name":"Stream Start","stream_id":"st-1"}"#
        );
        assert_eq!(notice().name.detail_type(), "IVS Stream State Change");
    }

    #[test]
    fn notices_beyond_the_queue_are_dropped_and_not_waited_for() {
        Outbox::default().put(notice());
        let (outbox, mut queue) = Outbox::new();
        for _ in 0..QUEUE + 10 {
            outbox.put(notice());
        }
        drop(outbox);
        let mut waiting = 0;
        while queue.try_recv().is_ok() {
            waiting += 1;
        }
        assert_eq!(waiting, QUEUE);
    }
}
