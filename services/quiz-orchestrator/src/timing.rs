//! How long a run takes, as planned when it is scheduled: its channel is booked for so long.
//!
//! A plan is no promise. A run that takes longer, because a step was retried or the stream was
//! waited for, keeps its channel until it ends.

use cuepoint_shared::config::{self, ConfigError};
use jiff::SignedDuration;

use crate::{quiz::Quiz, settings::Settings};

/// What the saga's own steps take around one question.
const STEPS: SignedDuration = SignedDuration::from_secs(3);
/// How long the last result stays before the leaderboard, at most. The state machine has the same.
const BEFORE_LEADERBOARD: SignedDuration = SignedDuration::from_secs(10);

/// What is added to the time that a question gives, as the answers' service is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerTiming {
    /// How long answers are still taken because the video reaches viewers late.
    pub latency_allowance: SignedDuration,
    /// How long after that they are waited for.
    pub drain: SignedDuration,
}

impl AnswerTiming {
    /// As `LATENCY_ALLOWANCE_SECONDS` and `DRAIN_SECONDS` say.
    ///
    /// # Errors
    /// [`ConfigError`] when one is missing or no number.
    pub fn from_env() -> Result<Self, ConfigError> {
        let seconds = |name| {
            config::required_number(name)
                .map(|seconds| SignedDuration::from_secs(i64::from(seconds)))
        };
        Ok(Self {
            latency_allowance: seconds("LATENCY_ALLOWANCE_SECONDS")?,
            drain: seconds("DRAIN_SECONDS")?,
        })
    }

    /// How long a run of this quiz takes with these settings.
    pub fn of_run(&self, quiz: &Quiz, settings: &Settings) -> SignedDuration {
        let seconds = |seconds: u32| SignedDuration::from_secs(i64::from(seconds));
        let pause = seconds(settings.pause_seconds);
        let every = settings.every_seconds.map_or(SignedDuration::ZERO, seconds);
        let asked = quiz.questions.iter().map(|question| {
            seconds(question.seconds) + self.latency_allowance + self.drain + STEPS
        });
        let last = quiz.questions.len().saturating_sub(1);
        let questions = asked.enumerate().map(|(index, asked)| match index {
            index if index == last => asked,
            _ => (asked + pause).max(every),
        });
        let leaderboard = match quiz.has_points() {
            true => pause.min(BEFORE_LEADERBOARD) + STEPS,
            false => SignedDuration::ZERO,
        };
        questions.fold(leaderboard, |sum, one| sum + one)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::settings::RunDraft;

    const TIMING: AnswerTiming = AnswerTiming {
        latency_allowance: SignedDuration::from_secs(5),
        drain: SignedDuration::from_secs(3),
    };

    fn takes(correct: Option<u32>, draft: serde_json::Value) -> i64 {
        let question =
            json!({"question": "?", "answers": ["a", "b"], "correct": correct, "seconds": 10});
        let quiz = json!({"title": "t", "questions": [question, question, question]});
        let quiz = serde_json::from_value(quiz).unwrap();
        let quiz = Quiz::new("quiz".parse().unwrap(), quiz, Timestamp::UNIX_EPOCH).unwrap();
        let draft: RunDraft = serde_json::from_value(draft).unwrap();
        TIMING
            .of_run(&quiz, &Settings::of(&draft).unwrap())
            .as_secs()
    }

    #[test]
    fn a_run_takes_its_questions_their_pauses_and_the_leaderboard() {
        // Each question: 10 + 5 + 3 + 3.
        assert_eq!(
            takes(Some(0), json!({"channelId": "c", "pauseSeconds": 0})),
            63 + 3
        );
        assert_eq!(
            takes(Some(0), json!({"channelId": "c"})),
            63 + 2 * 5 + 5 + 3
        );
        let long = json!({"channelId": "c", "pauseSeconds": 600});
        assert_eq!(takes(Some(0), long), 63 + 2 * 600 + 10 + 3);
        assert_eq!(
            takes(None, json!({"channelId": "c"})),
            63 + 2 * 5,
            "polls have no leaderboard"
        );
    }

    #[test]
    fn questions_spaced_by_time_take_that_or_what_they_need() {
        let spaced = |every| {
            takes(
                None,
                json!({"channelId": "c", "pauseSeconds": 0, "everySeconds": every}),
            )
        };
        assert_eq!(spaced(60), 60 + 60 + 21);
        assert_eq!(
            spaced(10),
            63,
            "they cannot follow faster than they are answered"
        );
    }
}
