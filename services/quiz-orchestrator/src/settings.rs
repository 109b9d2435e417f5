//! What a producer may settle about a run: when it starts, how fast it goes on, what happens when
//! the stream is lost.

use std::ops::RangeInclusive;

use cuepoint_shared::ids::ChannelId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::capacity;

/// How long the pause after a question's result may be, in seconds.
pub const PAUSE_SECONDS: RangeInclusive<u32> = 0..=3600;
/// The pause where the producer names none, in seconds.
pub const DEFAULT_PAUSE_SECONDS: u32 = 5;
/// How far apart questions may be asked, in seconds from one's first opening to the next's.
pub const EVERY_SECONDS: RangeInclusive<u32> = 10..=3600;
/// How long a lost stream may be waited for, in seconds.
pub const STREAM_LOSS_SECONDS: RangeInclusive<u32> = 5..=600;
/// How long it is waited for where the producer does not say, in seconds.
pub const DEFAULT_STREAM_LOSS_SECONDS: u32 = 60;
/// How far in the past a start may lie and still mean "at once": clocks differ a little.
pub const LATENESS: SignedDuration = SignedDuration::from_secs(5);
/// How far ahead a run may be scheduled. The saga that waits for it lasts 35 days: these, and the
/// longest quiz.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What a producer asks for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunDraft {
    /// Where it is to run.
    pub channel_id: ChannelId,
    /// When; at once if absent.
    #[serde(default)]
    pub starts_at: Option<Timestamp>,
    /// How many viewers to expect.
    #[serde(default)]
    pub expected_audience: Option<u32>,
    /// Seconds between a result and the next question.
    #[serde(default)]
    pub pause_seconds: Option<u32>,
    /// Seconds from a question's first opening to the next question's, at the least.
    #[serde(default)]
    pub every_seconds: Option<u32>,
    /// What to do when the stream is lost.
    #[serde(default)]
    pub on_stream_loss: Option<OnStreamLoss>,
    /// How long to wait for a lost stream, in seconds.
    #[serde(default)]
    pub stream_loss_seconds: Option<u32>,
}

/// What the saga does when nobody broadcasts on the channel any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnStreamLoss {
    /// Waits for the stream. A question that was asked before counts; one that could not be shown
    /// is asked again.
    #[default]
    Wait,
    /// Waits for the stream, and asks the question anew that it was lost in.
    Repeat,
    /// Aborts the run.
    Abort,
}

/// What is settled about a run when it is scheduled, and kept with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// How many viewers are expected.
    pub expected_audience: u32,
    /// How many shards the answers to each of its questions are spread over.
    pub shards: u32,
    /// Seconds between a result and the next question.
    pub pause_seconds: u32,
    /// Seconds between the openings of two questions, at the least.
    #[serde(default)]
    pub every_seconds: Option<u32>,
    /// What to do when the stream is lost.
    #[serde(default)]
    pub on_stream_loss: OnStreamLoss,
    /// How long to wait for a lost stream, in seconds.
    #[serde(default = "default_stream_loss_seconds")]
    pub stream_loss_seconds: u32,
}

/// Why a run cannot be scheduled as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRun {
    /// The start has passed.
    #[error("startsAt is in the past; leave it out to start at once")]
    Past,
    /// The start is too far ahead.
    #[error("startsAt is more than {} days ahead", HORIZON.as_hours() / 24)]
    TooFarAhead,
    /// Nobody, or more than a channel is laid out for.
    #[error("expectedAudience must be {} to {}", capacity::AUDIENCE.start(), capacity::AUDIENCE.end())]
    Audience,
    /// Too long a pause.
    #[error("pauseSeconds must be {} to {}", PAUSE_SECONDS.start(), PAUSE_SECONDS.end())]
    Pause,
    /// Questions too close or too far apart.
    #[error("everySeconds must be {} to {}", EVERY_SECONDS.start(), EVERY_SECONDS.end())]
    Every,
    /// Too short or too long a wait for the stream.
    #[error("streamLossSeconds must be {} to {}", STREAM_LOSS_SECONDS.start(), STREAM_LOSS_SECONDS.end())]
    StreamLoss,
}

/// When a run starts that is asked to start then; at once if that is not said.
///
/// # Errors
/// [`InvalidRun::Past`] and [`InvalidRun::TooFarAhead`].
pub fn start(asked: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, InvalidRun> {
    let starts_at = asked.unwrap_or(now);
    if now.duration_since(starts_at) > LATENESS {
        return Err(InvalidRun::Past);
    }
    if starts_at.duration_since(now) > HORIZON {
        return Err(InvalidRun::TooFarAhead);
    }
    Ok(starts_at)
}

impl Settings {
    /// What a draft asks for, within its bounds, and defaults for what it leaves out.
    ///
    /// # Errors
    /// [`InvalidRun`]: the first thing that is wrong with it.
    pub fn of(draft: &RunDraft) -> Result<Self, InvalidRun> {
        let expected_audience = draft
            .expected_audience
            .unwrap_or(capacity::DEFAULT_AUDIENCE);
        if !capacity::AUDIENCE.contains(&expected_audience) {
            return Err(InvalidRun::Audience);
        }
        let pause_seconds = draft.pause_seconds.unwrap_or(DEFAULT_PAUSE_SECONDS);
        if !PAUSE_SECONDS.contains(&pause_seconds) {
            return Err(InvalidRun::Pause);
        }
        let every_seconds = draft.every_seconds;
        if every_seconds.is_some_and(|every| !EVERY_SECONDS.contains(&every)) {
            return Err(InvalidRun::Every);
        }
        let stream_loss_seconds = draft
            .stream_loss_seconds
            .unwrap_or(DEFAULT_STREAM_LOSS_SECONDS);
        if !STREAM_LOSS_SECONDS.contains(&stream_loss_seconds) {
            return Err(InvalidRun::StreamLoss);
        }
        Ok(Self {
            expected_audience,
            shards: capacity::shards(expected_audience),
            pause_seconds,
            every_seconds,
            on_stream_loss: draft.on_stream_loss.unwrap_or_default(),
            stream_loss_seconds,
        })
    }
}

fn default_stream_loss_seconds() -> u32 {
    DEFAULT_STREAM_LOSS_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-22T08:00:00Z".parse().unwrap()
    }

    fn draft(more: &str) -> RunDraft {
        serde_json::from_str(&format!(r#"{{"channelId":"c"{more}}}"#)).unwrap()
    }

    #[test]
    fn what_a_producer_leaves_out_has_a_default() {
        let settings = Settings::of(&draft("")).unwrap();
        assert_eq!((settings.expected_audience, settings.shards), (1000, 1));
        assert_eq!((settings.pause_seconds, settings.every_seconds), (5, None));
        assert_eq!(settings.on_stream_loss, OnStreamLoss::Wait);
        assert_eq!(settings.stream_loss_seconds, 60);
        assert_eq!(start(None, now()), Ok(now()));
    }

    #[test]
    fn a_start_is_not_in_the_past_and_not_beyond_the_sagas_life() {
        let at = |offset| start(Some(now() + offset), now());
        let a_bit = SignedDuration::from_millis(1);
        assert_eq!(at(-LATENESS), Ok(now() - LATENESS));
        assert_eq!(at(-LATENESS - a_bit), Err(InvalidRun::Past));
        assert_eq!(at(HORIZON), Ok(now() + HORIZON));
        assert_eq!(at(HORIZON + a_bit), Err(InvalidRun::TooFarAhead));
    }

    #[test]
    fn every_setting_is_bounded() {
        for (asked, expected) in [
            (r#","expectedAudience":0"#, InvalidRun::Audience),
            (r#","expectedAudience":10000001"#, InvalidRun::Audience),
            (r#","pauseSeconds":3601"#, InvalidRun::Pause),
            (r#","everySeconds":9"#, InvalidRun::Every),
            (r#","everySeconds":3601"#, InvalidRun::Every),
            (r#","streamLossSeconds":4"#, InvalidRun::StreamLoss),
            (r#","streamLossSeconds":601"#, InvalidRun::StreamLoss),
        ] {
            assert_eq!(Settings::of(&draft(asked)), Err(expected), "{asked}");
        }
        let all = r#","expectedAudience":20000,"pauseSeconds":3600,"everySeconds":10,
            "onStreamLoss":"repeat","streamLossSeconds":600"#;
        let settings = Settings::of(&draft(all)).unwrap();
        assert_eq!((settings.shards, settings.every_seconds), (8, Some(10)));
        assert_eq!(settings.on_stream_loss, OnStreamLoss::Repeat);
    }
}
