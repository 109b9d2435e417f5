//! The window of a question: when an answer counts.
//!
//! ```text
//! openedAt ──── seconds + latency allowance ──── closesAt ────── drain ─────── tallyAt
//!    an answer that is received in here counts      │  its write ends │ tolerance │ final tally
//! ```
//! The cue reaches viewers seconds after it was pushed: the latency allowance gives them those
//! seconds back. The time of an answer is checked before it is written, by the clock of the function
//! that takes it, and the write is given up [`CLOCK_TOLERANCE`] before the drain is over. So every
//! answer that was acknowledged is in the table when the tally counts it, also when the clock of the
//! function that counts is ahead by as much.

use std::{ops::RangeInclusive, time::Duration};

use cuepoint_shared::ids::QuestionId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How many options a question has.
pub const OPTIONS: RangeInclusive<u32> = 2..=10;
/// How many seconds viewers may have.
pub const SECONDS: RangeInclusive<u32> = 5..=120;
/// How far the clocks of two functions may be apart.
pub const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(1);
/// The shortest drain: it leaves a second for the write of an answer.
pub const LEAST_DRAIN: SignedDuration = SignedDuration::from_secs(2);
/// How many shards answers may be spread over: as many as ten million viewers get.
pub const SHARDS: RangeInclusive<u32> = 1..=4_000;

/// Where a window is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowStatus {
    /// Answers are taken, until its time is over.
    Open,
    /// Answers are no longer taken.
    Closed,
    /// The answers are counted.
    Tallied,
    /// The question does not count.
    Voided,
}

/// What a question's answers are measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// How many options there are.
    pub options: u32,
    /// The index of the correct one; none in a poll.
    #[serde(default)]
    pub correct: Option<u32>,
    /// How long viewers have, in seconds.
    pub seconds: u32,
    /// How many shards the answers are spread over.
    pub shards: u32,
}

/// The window of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// The question.
    pub question_id: QuestionId,
    /// What its answers are measured by.
    #[serde(flatten)]
    pub rules: Rules,
    /// From when on answers count.
    pub opened_at: Timestamp,
    /// From when on they do not.
    pub closes_at: Timestamp,
    /// From when on no answer is still being written.
    pub tally_at: Timestamp,
    /// Where it is in its life.
    pub status: WindowStatus,
    /// The final tally, by option.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Vec<u64>>,
}

/// Rules that no question can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRules {
    /// Too few or too many options.
    #[error("{0} options")]
    Options(u32),
    /// The correct option is none of them.
    #[error("option {0} cannot be correct")]
    Correct(u32),
    /// Too little or too much time.
    #[error("{0} seconds")]
    Seconds(u32),
    /// No shards, or too many.
    #[error("{0} shards")]
    Shards(u32),
}

/// Why a window cannot change as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Answers may still come.
    #[error("the window is open until {0}")]
    StillOpen(Timestamp),
    /// The question does not count.
    #[error("the window was voided")]
    Voided,
}

/// Whether an answer is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is.
    Open,
    /// The window has not opened yet.
    TooEarly,
    /// The window has closed, and an answer that came in time may still be under way.
    Draining,
    /// The window has closed, and every answer that came in time is in the table or never will be.
    Closed,
    /// The question does not count.
    Voided,
}

impl Rules {
    /// Checks their bounds.
    ///
    /// # Errors
    /// [`InvalidRules`]
    pub fn check(self) -> Result<Self, InvalidRules> {
        if !OPTIONS.contains(&self.options) {
            return Err(InvalidRules::Options(self.options));
        }
        if let Some(correct) = self.correct.filter(|&correct| correct >= self.options) {
            return Err(InvalidRules::Correct(correct));
        }
        if !SECONDS.contains(&self.seconds) {
            return Err(InvalidRules::Seconds(self.seconds));
        }
        if !SHARDS.contains(&self.shards) {
            return Err(InvalidRules::Shards(self.shards));
        }
        Ok(self)
    }
}

impl Window {
    /// Opens a window now.
    pub fn open(
        question_id: QuestionId,
        rules: Rules,
        latency_allowance: SignedDuration,
        drain: SignedDuration,
        now: Timestamp,
    ) -> Self {
        let closes_at =
            now + SignedDuration::from_secs(i64::from(rules.seconds)) + latency_allowance;
        Self {
            question_id,
            rules,
            opened_at: now,
            closes_at,
            tally_at: closes_at + drain,
            status: WindowStatus::Open,
            counts: None,
        }
    }

    /// Whether an answer that is received now is taken.
    pub fn admission(&self, now: Timestamp) -> Admission {
        match self.status {
            WindowStatus::Voided => Admission::Voided,
            // A window is there only once it was opened: the clock is behind.
            _ if now < self.opened_at - CLOCK_TOLERANCE => Admission::TooEarly,
            _ if now < self.closes_at => Admission::Open,
            _ if now < self.tally_at => Admission::Draining,
            _ => Admission::Closed,
        }
    }

    /// How long answers are still taken; nothing once it is closed.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        Duration::try_from(self.closes_at.duration_since(now)).unwrap_or_default()
    }

    /// How it stands now: a window closes by time, before the saga says so.
    pub fn status_at(&self, now: Timestamp) -> WindowStatus {
        match self.status {
            WindowStatus::Open if now >= self.closes_at => WindowStatus::Closed,
            status => status,
        }
    }

    /// The longest that the write of an answer may take, its retries included: the drain without
    /// [`CLOCK_TOLERANCE`].
    pub fn write_time(&self) -> Duration {
        let drain = self.tally_at.duration_since(self.closes_at);
        Duration::try_from(drain - CLOCK_TOLERANCE).unwrap_or_default()
    }

    /// Closes it. `None`: it is closed already.
    ///
    /// # Errors
    /// [`Refusal`] before all writes have ended, and when it was voided.
    pub fn close(&self, now: Timestamp) -> Result<Option<Self>, Refusal> {
        match self.status {
            WindowStatus::Voided => Err(Refusal::Voided),
            WindowStatus::Closed | WindowStatus::Tallied => Ok(None),
            WindowStatus::Open if now < self.tally_at => Err(Refusal::StillOpen(self.tally_at)),
            WindowStatus::Open => Ok(Some(self.with_status(WindowStatus::Closed))),
        }
    }

    /// Whether its answers can be counted: `Some` with the counts when they were.
    ///
    /// # Errors
    /// [`Refusal`] when it was not closed, or was voided.
    pub fn tallied(&self) -> Result<Option<&[u64]>, Refusal> {
        match self.status {
            WindowStatus::Open => Err(Refusal::StillOpen(self.tally_at)),
            WindowStatus::Closed => Ok(None),
            WindowStatus::Tallied => Ok(Some(self.counts.as_deref().unwrap_or_default())),
            WindowStatus::Voided => Err(Refusal::Voided),
        }
    }

    /// With its final counts.
    #[must_use]
    pub fn with_counts(&self, counts: Vec<u64>) -> Self {
        Self {
            counts: Some(counts),
            ..self.with_status(WindowStatus::Tallied)
        }
    }

    /// Voids it, so that its answers never count. `None`: it is voided already, or tallied, which
    /// is not taken back.
    pub fn void(&self) -> Option<Self> {
        match self.status {
            WindowStatus::Open | WindowStatus::Closed => {
                Some(self.with_status(WindowStatus::Voided))
            }
            WindowStatus::Tallied | WindowStatus::Voided => None,
        }
    }

    fn with_status(&self, status: WindowStatus) -> Self {
        Self {
            status,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000 + seconds).unwrap()
    }

    const RULES: Rules = Rules {
        options: 4,
        correct: Some(1),
        seconds: 15,
        shards: 1,
    };

    fn window() -> Window {
        let (allowance, drain) = (SignedDuration::from_secs(5), SignedDuration::from_secs(3));
        Window::open("q1".parse().unwrap(), RULES, allowance, drain, at(0))
    }

    #[test]
    fn it_closes_after_seconds_and_allowance_and_is_tallied_after_the_drain() {
        let window = window();
        assert_eq!((window.closes_at, window.tally_at), (at(20), at(23)));
        assert_eq!(window.write_time(), Duration::from_secs(2));
        let millisecond = SignedDuration::from_millis(1);
        let behind = at(0) - CLOCK_TOLERANCE;
        assert_eq!(window.admission(behind - millisecond), Admission::TooEarly);
        assert_eq!(window.admission(behind), Admission::Open);
        assert_eq!(window.remaining(at(0)), Duration::from_secs(20));
        assert_eq!(window.remaining(at(21)), Duration::ZERO);
        assert_eq!(window.admission(at(20) - millisecond), Admission::Open);
        assert_eq!(window.admission(at(20)), Admission::Draining);
        assert_eq!(window.admission(at(23)), Admission::Closed);
        assert_eq!(window.status_at(at(20)), WindowStatus::Closed);
    }

    proptest! {
        /// Three clocks, each up to half a second off, so that two differ by a second at most: of
        /// the function that opens, of the one that takes the answer, of the one that tallies.
        #[test]
        fn an_answer_that_is_acknowledged_was_written_before_it_is_tallied(
            [opener, api, saga] in prop::array::uniform3(-500..=500_i64),
            drain in 2_000..=10_000_i64,
            received in 0..30_000_i64,
            written_after in 0..10_000_u64,
            tallied in 0..40_000_i64,
        ) {
            // Times are true ones, in milliseconds since the window was opened.
            let off = SignedDuration::from_millis;
            let by_clock = |offset: i64, time: i64| at(0) + off(offset) + off(time);
            let (allowance, drain) = (SignedDuration::from_secs(5), off(drain));
            let question = "q1".parse().unwrap();
            let window = Window::open(question, RULES, allowance, drain, by_clock(opener, 0));

            let admitted = window.admission(by_clock(api, received)) == Admission::Open;
            let written_after = Duration::from_millis(written_after);
            let in_time = written_after <= window.write_time();
            let acknowledged = admitted && in_time;
            let closed = window.close(by_clock(saga, tallied)).is_ok();
            let written = received + i64::try_from(written_after.as_millis()).unwrap();
            prop_assert!(
                !(acknowledged && closed) || written <= tallied,
                "written at {written}, tallied at {tallied}"
            );
        }
    }

    #[test]
    fn it_is_closed_after_the_drain_and_then_tallied_once() {
        let window = window();
        assert_eq!(window.close(at(22)), Err(Refusal::StillOpen(at(23))));
        assert_eq!(
            window.tallied(),
            Err(Refusal::StillOpen(at(23))),
            "not closed yet"
        );
        let closed = window.close(at(23)).unwrap().unwrap();
        assert_eq!(closed.close(at(24)), Ok(None));
        assert_eq!(closed.tallied(), Ok(None));
        let tallied = closed.with_counts(vec![1, 2, 0, 0]);
        assert_eq!(tallied.tallied(), Ok(Some(&[1, 2, 0, 0][..])));
        assert_eq!(tallied.close(at(23)), Ok(None));
    }

    #[test]
    fn a_voided_window_counts_nothing_and_a_tallied_one_is_not_taken_back() {
        let voided = window().void().unwrap();
        assert_eq!(voided.void(), None);
        assert_eq!(voided.admission(at(1)), Admission::Voided);
        assert_eq!(voided.close(at(30)), Err(Refusal::Voided));
        assert_eq!(voided.tallied(), Err(Refusal::Voided));
        let closed = window().close(at(30)).unwrap().unwrap();
        assert!(closed.void().is_some());
        assert_eq!(closed.with_counts(vec![0; 4]).void(), None);
    }

    #[test]
    fn rules_are_bounded() {
        assert_eq!(RULES.check(), Ok(RULES));
        let wrong = |change: fn(&mut Rules)| {
            let mut rules = RULES;
            change(&mut rules);
            rules.check().unwrap_err()
        };
        assert_eq!(wrong(|r| r.options = 1), InvalidRules::Options(1));
        assert_eq!(wrong(|r| r.options = 11), InvalidRules::Options(11));
        assert_eq!(wrong(|r| r.correct = Some(4)), InvalidRules::Correct(4));
        assert_eq!(wrong(|r| r.seconds = 0), InvalidRules::Seconds(0));
        assert_eq!(wrong(|r| r.shards = 0), InvalidRules::Shards(0));
    }
}
