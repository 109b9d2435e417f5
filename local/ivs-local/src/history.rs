//! The stream sessions of each channel: the one that is on air, and some before it.
//!
//! A session begins when a publisher is let in and ends when its channel is free again. What
//! happens in between is noted here and, as a [`Notice`], told to whoever listens to events.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use crate::catalog::Channel;
use crate::events::{EventName, Notice};

/// Sessions that are kept per channel; IVS keeps those of the last 60 days.
const SESSIONS: usize = 50;
/// Events that are kept per session (service model, `StreamEvents`).
const EVENTS: usize = 500;

/// What the publisher said about its stream; whatever it left out is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ingest {
    /// RFC 6381 name of the video codec, like `avc1.42c01e`.
    pub video_codec: Option<String>,
    /// Width and height in pixels.
    pub resolution: Option<(u32, u32)>,
    /// Frames a second.
    pub frame_rate: Option<f32>,
    /// Bits a second of the video.
    pub video_bitrate: Option<u32>,
    /// The program that publishes.
    pub encoder: Option<String>,
    /// The audio's codec, like `mp4a.40.2`; none without audio.
    pub audio_codec: Option<String>,
    /// Bits a second of the audio.
    pub audio_bitrate: Option<u32>,
    /// Samples a second.
    pub sample_rate: Option<u32>,
    /// Channels of the audio.
    pub audio_channels: Option<u32>,
}

/// Something that happened to a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamEvent {
    /// What it was.
    pub name: EventName,
    /// When.
    pub at: Timestamp,
}

/// One stream session.
#[derive(Debug, Clone)]
pub struct StreamSession {
    /// Its id, `st-…`.
    pub stream_id: String,
    /// The channel as it was when the session began.
    pub channel: Channel,
    /// When the publisher was let in.
    pub started: Timestamp,
    /// When the channel was free again.
    pub ended: Option<Timestamp>,
    /// What came in.
    pub ingest: Ingest,
    /// The newest events, oldest first.
    pub events: VecDeque<StreamEvent>,
    /// Grows from session to session of a server.
    pub number: u64,
}

impl StreamSession {
    fn note(&mut self, name: EventName, at: Timestamp) -> Notice {
        if self.events.len() >= EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(StreamEvent { name, at });
        Notice {
            channel_arn: self.channel.arn.clone(),
            channel_name: self.channel.name.clone(),
            stream_id: self.stream_id.clone(),
            name,
            at,
        }
    }

    fn has(&self, name: EventName) -> bool {
        self.events.iter().any(|event| event.name == name)
    }
}

/// The sessions of all channels.
#[derive(Debug, Default)]
pub struct History {
    by_channel: HashMap<String, VecDeque<StreamSession>>,
    begun: u64,
}

impl History {
    /// A session begins.
    pub fn begin(&mut self, channel: Channel, stream_id: String, now: Timestamp) -> Notice {
        let sessions = self.by_channel.entry(channel.arn.clone()).or_default();
        if sessions.len() >= SESSIONS {
            sessions.pop_front();
        }
        self.begun += 1;
        let mut session = StreamSession {
            stream_id,
            channel,
            started: now,
            ended: None,
            ingest: Ingest::default(),
            events: VecDeque::new(),
            number: self.begun,
        };
        let notice = session.note(EventName::SessionCreated, now);
        sessions.push_back(session);
        notice
    }

    /// Something happened to a session; nothing is noted after its end.
    pub fn note(
        &mut self,
        channel_arn: &str,
        stream_id: &str,
        name: EventName,
        now: Timestamp,
    ) -> Option<Notice> {
        let session = self.on_air(channel_arn, stream_id)?;
        Some(session.note(name, now))
    }

    /// Keeps what the publisher says about its stream.
    pub fn describe(&mut self, channel_arn: &str, stream_id: &str, ingest: Ingest) {
        if let Some(session) = self.on_air(channel_arn, stream_id) {
            session.ingest = ingest;
        }
    }

    /// A session ends; its last events. Ending it again does nothing.
    pub fn end(&mut self, channel_arn: &str, stream_id: &str, now: Timestamp) -> Vec<Notice> {
        let Some(session) = self.on_air(channel_arn, stream_id) else {
            return Vec::new();
        };
        session.ended = Some(now);
        let was_live = session.has(EventName::StreamStart);
        let last = was_live
            .then_some(EventName::StreamEnd)
            .into_iter()
            .chain([EventName::SessionEnded]);
        last.map(|name| session.note(name, now)).collect()
    }

    /// The sessions of a channel, newest first.
    pub fn of(&self, channel_arn: &str) -> impl Iterator<Item = &StreamSession> {
        let sessions = self.by_channel.get(channel_arn).into_iter().flatten();
        sessions.rev()
    }

    /// Forgets a channel that was deleted.
    pub fn forget(&mut self, channel_arn: &str) {
        self.by_channel.remove(channel_arn);
    }

    fn on_air(&mut self, channel_arn: &str, stream_id: &str) -> Option<&mut StreamSession> {
        let mut sessions = self.by_channel.get_mut(channel_arn)?.iter_mut().rev();
        sessions.find(|session| session.stream_id == stream_id && session.ended.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:ivs:us-east-1:000000000000:channel/abc";
    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn channel() -> Channel {
        Channel {
            arn: ARN.into(),
            name: "show".into(),
            latency_mode: "LOW".into(),
            channel_type: "STANDARD".into(),
            authorized: false,
            insecure_ingest: false,
            preset: String::new(),
            playback_restriction_policy_arn: String::new(),
            tags: Default::default(),
        }
    }

    fn names(notices: &[Notice]) -> Vec<EventName> {
        notices.iter().map(|notice| notice.name).collect()
    }

    #[test]
    fn a_stream_that_never_went_live_has_no_stream_end() {
        let mut history = History::default();
        let first = history.begin(channel(), "st-1".into(), NOW);
        assert_eq!(first.name, EventName::SessionCreated);
        assert_eq!(first.channel_name, "show");
        let last = history.end(ARN, "st-1", NOW);
        assert_eq!(names(&last), [EventName::SessionEnded]);
        history.begin(channel(), "st-2".into(), NOW);
        assert!(
            history
                .note(ARN, "st-2", EventName::StreamStart, NOW)
                .is_some()
        );
        let last = history.end(ARN, "st-2", NOW);
        assert_eq!(
            names(&last),
            [EventName::StreamEnd, EventName::SessionEnded]
        );
    }

    #[test]
    fn nothing_is_noted_after_the_end() {
        let mut history = History::default();
        history.begin(channel(), "st-1".into(), NOW);
        history.end(ARN, "st-1", NOW);
        assert!(history.end(ARN, "st-1", NOW).is_empty());
        let late = history.note(ARN, "st-1", EventName::StreamStart, NOW);
        assert_eq!(late, None);
        let session = history.of(ARN).next().unwrap();
        assert_eq!(session.events.len(), 2);
    }

    #[test]
    fn sessions_come_newest_first_and_neither_they_nor_their_events_grow_without_end() {
        let mut history = History::default();
        for number in 0..SESSIONS + 5 {
            history.begin(channel(), format!("st-{number}"), NOW);
        }
        let ids: Vec<&str> = history.of(ARN).map(|s| s.stream_id.as_str()).collect();
        assert_eq!(ids.len(), SESSIONS);
        assert_eq!((ids[0], ids[SESSIONS - 1]), ("st-54", "st-5"));
        for _ in 0..EVENTS {
            history.note(ARN, "st-54", EventName::StarvationStart, NOW);
        }
        assert_eq!(history.of(ARN).next().unwrap().events.len(), EVENTS);
        history.forget(ARN);
        assert_eq!(history.of(ARN).count(), 0);
    }
}
