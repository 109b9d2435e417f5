//! What is played.

use quiz_orchestrator::capacity;
use serde::Serialize;

/// An audience and its quiz. Times are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// How many watch, and answer.
    pub audience: u32,
    /// How long they have, in seconds.
    pub window_seconds: u32,
    /// How many questions the quiz has.
    pub questions: u32,
    /// How many shards the answers are spread over.
    pub shards: u32,
    /// The soonest that the video shows a question.
    pub video_from_ms: u32,
    /// The latest.
    pub video_to_ms: u32,
    /// How long half of the audience thinks, at most.
    pub median_ms: u32,
    /// How much thinking times differ: the standard deviation of their logarithm.
    pub spread: f64,
    /// How long the audience takes to come in, in seconds: it signs in and gets its tokens then.
    pub joining_seconds: u32,
    /// How long the show is watched, in seconds.
    pub show_seconds: u32,
    /// Which idle environment gets the next request: the one that was used last, or the one that has
    /// waited longest. AWS does not say.
    pub last_used_first: bool,
    /// What everything random is drawn from.
    pub seed: u64,
}

impl Plan {
    /// How an audience of this size is expected to be, with the shards that it gets.
    ///
    /// Nobody has published how fast the players of a live trivia show answer. These are
    /// assumptions: the video is two to four seconds late, and half of the audience taps within
    /// three and a half seconds of seeing the question.
    pub fn of(audience: u32, window_seconds: u32) -> Self {
        Self {
            audience,
            window_seconds,
            questions: 12,
            shards: capacity::shards(audience),
            video_from_ms: 2_000,
            video_to_ms: 4_000,
            median_ms: 3_500,
            spread: 0.45,
            joining_seconds: 600,
            show_seconds: 900,
            last_used_first: false,
            seed: 1,
        }
    }
}
