//! The life of a run: which change may follow which, and what each change announces.
//!
//! ```text
//! scheduled ─┬─> running ─┬─> completed
//!            │            ├─> cancelling ──> cancelled
//!            │            └─> aborted
//!            ├─> cancelled
//!            └─> aborted
//! ```
//! Every function here takes the run as it was read and gives the run as it should become; the
//! store writes it only if no one else did meanwhile. Each may be repeated: what is so already
//! stays so.

use std::ops::RangeInclusive;

use cuepoint_shared::{
    events::Text,
    ids::{ChannelId, CorrelationId, QuizId, RunId},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::capacity;

/// How long the pause after a question may be, in seconds.
pub const PAUSE_SECONDS: RangeInclusive<u32> = 0..=60;
/// The pause where the producer names none, in seconds.
pub const DEFAULT_PAUSE_SECONDS: u32 = 5;
/// How far in the past a start may lie and still mean "at once".
pub const LATENESS: SignedDuration = SignedDuration::from_secs(60);
/// How far ahead a run may be scheduled: the saga that waits for it lasts 31 days.
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
}

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Waiting for its start.
    Scheduled,
    /// On air.
    Running,
    /// On air until the saga's next step, because a producer cancelled it.
    Cancelling,
    /// All questions were asked and tallied.
    Completed,
    /// It failed and was undone.
    Aborted,
    /// A producer cancelled it.
    Cancelled,
}

/// A run as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The quiz.
    pub quiz_id: QuizId,
    /// The run of it.
    pub run_id: RunId,
    /// Where it runs.
    pub channel_id: ChannelId,
    /// Where it is in its life.
    pub status: RunStatus,
    /// When it starts.
    pub starts_at: Timestamp,
    /// How many viewers are expected.
    pub expected_audience: u32,
    /// How many shards the answers to each of its questions are spread over.
    pub shards: u32,
    /// Seconds between a result and the next question.
    pub pause_seconds: u32,
    /// The execution of the saga that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// Why it was aborted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<2048>>,
    /// The step of the saga that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_step: Option<Text<80>>,
    /// Ties together all that follows from its scheduling.
    pub correlation_id: CorrelationId,
    /// When it went on air.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// Counts its changes, so that no change is made to an outdated run.
    pub revision: u64,
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
}

/// Why a run cannot change as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A producer cancelled it.
    #[error("the run was cancelled")]
    Cancelled,
    /// Its status does not allow it.
    #[error("the run is {}", .0.name())]
    Status(RunStatus),
}

/// What an execution of the saga gets that wants a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The run, as it is to be kept.
    Take(Box<Run>),
    /// It has the run already.
    Ours,
    /// Nothing, and why.
    Refused(String),
}

/// What a change of status announces on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announcement {
    /// `quiz-scheduled`
    Scheduled,
    /// `quiz-started`
    Started,
    /// `quiz-completed`
    Completed,
    /// `quiz-aborted`
    Aborted,
    /// `quiz-cancelled`
    Cancelled,
}

/// What the change from one status (none: the run is new) to another announces, if anything.
pub fn announcement(before: Option<RunStatus>, after: RunStatus) -> Option<Announcement> {
    if before == Some(after) {
        return None;
    }
    match after {
        RunStatus::Scheduled => Some(Announcement::Scheduled),
        RunStatus::Running => Some(Announcement::Started),
        RunStatus::Cancelling => None,
        RunStatus::Completed => Some(Announcement::Completed),
        RunStatus::Aborted => Some(Announcement::Aborted),
        RunStatus::Cancelled => Some(Announcement::Cancelled),
    }
}

impl RunStatus {
    /// As it is written in the table and the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Completed => "completed",
            Self::Aborted => "aborted",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen to the run.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Completed | Self::Aborted | Self::Cancelled)
    }
}

impl Run {
    /// Schedules a quiz.
    ///
    /// # Errors
    /// [`InvalidRun`]: the first thing that is wrong with the request.
    pub fn schedule(
        quiz_id: QuizId,
        run_id: RunId,
        draft: RunDraft,
        now: Timestamp,
    ) -> Result<Self, InvalidRun> {
        let starts_at = draft.starts_at.unwrap_or(now);
        if now.duration_since(starts_at) > LATENESS {
            return Err(InvalidRun::Past);
        }
        if starts_at.duration_since(now) > HORIZON {
            return Err(InvalidRun::TooFarAhead);
        }
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
        let correlation_id = run_id
            .as_str()
            .parse()
            .expect("a run id is a correlation id by its characters");
        Ok(Self {
            quiz_id,
            run_id,
            channel_id: draft.channel_id,
            status: RunStatus::Scheduled,
            starts_at,
            expected_audience,
            shards: capacity::shards(expected_audience),
            pause_seconds,
            execution_id: None,
            reason: None,
            failed_step: None,
            correlation_id,
            started_at: None,
            changed_at: now,
            revision: 0,
        })
    }

    /// One execution of the saga gets a run, and only while it is scheduled.
    pub fn claim(&self, execution_id: &str, now: Timestamp) -> Claim {
        match self.execution_id.as_deref() {
            Some(ours) if ours == execution_id && !self.status.has_ended() => Claim::Ours,
            Some(other) if other != execution_id => {
                Claim::Refused("another execution has the run".to_owned())
            }
            _ if self.status != RunStatus::Scheduled => {
                Claim::Refused(Refusal::Status(self.status).to_string())
            }
            _ => {
                let mut run = self.changed(RunStatus::Scheduled, now);
                run.execution_id = Some(execution_id.to_owned());
                Claim::Take(Box::new(run))
            }
        }
    }

    /// It goes on air, if it gets its channel. `None`: it is on air already.
    ///
    /// # Errors
    /// [`Refusal`] when it is cancelled or over.
    pub fn start(&self, now: Timestamp) -> Result<Option<Self>, Refusal> {
        match self.status {
            RunStatus::Running => Ok(None),
            RunStatus::Scheduled => {
                let mut run = self.changed(RunStatus::Running, now);
                run.started_at = Some(now);
                Ok(Some(run))
            }
            _ => Err(self.refusal()),
        }
    }

    /// Whether the saga may show the audience something of it.
    ///
    /// # Errors
    /// [`Refusal`] when it is cancelled or not on air.
    pub fn on_air(&self) -> Result<(), Refusal> {
        match self.status {
            RunStatus::Running => Ok(()),
            _ => Err(self.refusal()),
        }
    }

    /// Whether the saga may tell the audience that it ends early: only while it has its channel,
    /// which before and after that may be another run's.
    ///
    /// # Errors
    /// [`Refusal`] when it was not started or is over.
    pub fn has_channel(&self) -> Result<(), Refusal> {
        match self.status {
            RunStatus::Running | RunStatus::Cancelling => Ok(()),
            _ => Err(self.refusal()),
        }
    }

    /// All its questions were asked. `None`: it is completed already.
    ///
    /// # Errors
    /// [`Refusal`] when it is cancelled or not on air.
    pub fn complete(&self, now: Timestamp) -> Result<Option<Self>, Refusal> {
        match self.status {
            RunStatus::Completed => Ok(None),
            RunStatus::Running => Ok(Some(self.changed(RunStatus::Completed, now))),
            _ => Err(self.refusal()),
        }
    }

    /// It failed, or ends because a producer asked for it. `None`: there is nothing to end, since
    /// it has ended, or since another execution than this one has it.
    pub fn abort(
        &self,
        execution_id: Option<&str>,
        failed_step: &str,
        reason: &str,
        now: Timestamp,
    ) -> Option<Self> {
        let theirs = matches!(
            (self.execution_id.as_deref(), execution_id),
            (Some(holder), Some(caller)) if holder != caller
        );
        if theirs || self.status.has_ended() {
            return None;
        }
        if self.status == RunStatus::Cancelling {
            return Some(self.changed(RunStatus::Cancelled, now));
        }
        let mut run = self.changed(RunStatus::Aborted, now);
        run.failed_step = Some(Text::shortened(failed_step));
        run.reason = Some(Text::shortened(reason));
        Some(run)
    }

    /// A producer cancels it: at once while it waits, at the saga's next step while it is on air.
    /// `None`: it is so already.
    ///
    /// # Errors
    /// [`Refusal`] when it is over.
    pub fn cancel(&self, now: Timestamp) -> Result<Option<Self>, Refusal> {
        match self.status {
            RunStatus::Scheduled => Ok(Some(self.changed(RunStatus::Cancelled, now))),
            RunStatus::Running => Ok(Some(self.changed(RunStatus::Cancelling, now))),
            RunStatus::Cancelling => Ok(None),
            ended => Err(Refusal::Status(ended)),
        }
    }

    fn changed(&self, status: RunStatus, now: Timestamp) -> Self {
        Self {
            status,
            changed_at: now,
            revision: self.revision + 1,
            ..self.clone()
        }
    }

    fn refusal(&self) -> Refusal {
        match self.status {
            RunStatus::Cancelling | RunStatus::Cancelled => Refusal::Cancelled,
            status => Refusal::Status(status),
        }
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
