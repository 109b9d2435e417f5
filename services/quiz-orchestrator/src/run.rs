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

use cuepoint_shared::{
    events::Text,
    ids::{ChannelId, CorrelationId, QuizId, RunId},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    channel_schedule::Slot,
    quiz::Quiz,
    settings::{self, InvalidRun, RunDraft, Settings},
    timing::AnswerTiming,
};

/// How long after its time a run may still start. One that could not is ended: its audience has
/// gone, and its time on the channel is over.
pub const LATEST_START: SignedDuration = SignedDuration::from_mins(10);

/// Where a run is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Waiting for its start.
    Scheduled,
    /// On air.
    Running,
    /// On air until it is undone, because a producer cancelled it.
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
    /// When it ends, as planned.
    pub ends_at: Timestamp,
    /// How it goes on.
    #[serde(flatten)]
    pub settings: Settings,
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

/// Why a run does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoStart {
    /// It was moved: the execution of its new time has it, or will.
    #[error("the run was moved, and is another execution's")]
    Replaced,
    /// Its start was too long ago: nobody waits for it any more, and others count on the channel.
    #[error("it should have started at {0}")]
    TooLate(Timestamp),
    /// It is cancelled or over.
    #[error(transparent)]
    Refused(#[from] Refusal),
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

/// An execution of the saga on whose behalf a run is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker<'a> {
    /// Its ARN.
    pub id: &'a str,
    /// When the run was to start as it was found for the execution, if that is known.
    pub starts_at: Option<Timestamp>,
}

/// What a change of status announces on the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announcement {
    /// `quiz-scheduled`
    Scheduled,
    /// `quiz-started`
    Started,
    /// `quiz-cancel-requested`
    CancelRequested,
    /// `quiz-completed`
    Completed,
    /// `quiz-aborted`
    Aborted,
    /// `quiz-cancelled`
    Cancelled,
}

/// What the change from one run (none: it is new) to another announces, if anything. A run that was
/// moved is scheduled anew.
pub fn announcement(before: Option<&Run>, after: &Run) -> Option<Announcement> {
    let moved = before.is_some_and(|before| before.starts_at != after.starts_at);
    let asked_again = after.status == RunStatus::Cancelling;
    if before.is_some_and(|before| before.status == after.status) && !moved && !asked_again {
        return None;
    }
    Some(match after.status {
        RunStatus::Scheduled => Announcement::Scheduled,
        RunStatus::Running => Announcement::Started,
        RunStatus::Cancelling => Announcement::CancelRequested,
        RunStatus::Completed => Announcement::Completed,
        RunStatus::Aborted => Announcement::Aborted,
        RunStatus::Cancelled => Announcement::Cancelled,
    })
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
        quiz: &Quiz,
        run_id: RunId,
        draft: RunDraft,
        timing: &AnswerTiming,
        now: Timestamp,
    ) -> Result<Self, InvalidRun> {
        let starts_at = settings::start(draft.starts_at, now)?;
        let settings = Settings::of(&draft)?;
        let correlation_id = run_id
            .as_str()
            .parse()
            .expect("a run id is a correlation id by its characters");
        Ok(Self {
            quiz_id: quiz.quiz_id.clone(),
            run_id,
            channel_id: draft.channel_id,
            status: RunStatus::Scheduled,
            starts_at,
            ends_at: starts_at + timing.of_run(quiz, &settings),
            settings,
            execution_id: None,
            reason: None,
            failed_step: None,
            correlation_id,
            started_at: None,
            changed_at: now,
            revision: 0,
        })
    }

    /// The time that it needs on its channel, as planned.
    pub fn slot(&self) -> Slot {
        Slot {
            quiz_id: self.quiz_id.clone(),
            run_id: self.run_id.clone(),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
        }
    }

    /// A producer moves it to another time, while it waits. The execution that had it loses it:
    /// another one is started for the new time. `None`: it starts then already.
    ///
    /// # Errors
    /// [`Refusal`] when it has started or is over.
    pub fn moved(&self, starts_at: Timestamp, now: Timestamp) -> Result<Option<Self>, Refusal> {
        if self.status != RunStatus::Scheduled {
            return Err(Refusal::Status(self.status));
        }
        if starts_at == self.starts_at {
            return Ok(None);
        }
        let mut run = self.changed(RunStatus::Scheduled, now);
        run.starts_at = starts_at;
        run.ends_at = starts_at + self.planned();
        run.execution_id = None;
        Ok(Some(run))
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

    /// It goes on air, if it gets its channel, for as long as it was planned. `None`: it is on air
    /// already.
    ///
    /// # Errors
    /// [`NoStart`] when it is not this execution's any more, is too late, cancelled or over.
    pub fn start(&self, execution_id: &str, now: Timestamp) -> Result<Option<Self>, NoStart> {
        if self.execution_id.as_deref() != Some(execution_id) {
            return Err(NoStart::Replaced);
        }
        match self.status {
            RunStatus::Running => Ok(None),
            RunStatus::Scheduled if now.duration_since(self.starts_at) > LATEST_START => {
                Err(NoStart::TooLate(self.starts_at))
            }
            RunStatus::Scheduled => {
                let mut run = self.changed(RunStatus::Running, now);
                run.started_at = Some(now);
                run.ends_at = now + self.planned();
                Ok(Some(run))
            }
            _ => Err(self.refusal().into()),
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
    /// it has ended, or since another execution than the asking one has it. A run that was moved is
    /// for the execution of its new time, also before that has claimed it.
    pub fn abort(
        &self,
        asker: Option<Asker<'_>>,
        failed_step: &str,
        reason: &str,
        now: Timestamp,
    ) -> Option<Self> {
        let theirs = asker.is_some_and(|asker| match self.execution_id.as_deref() {
            Some(holder) => holder != asker.id,
            None => asker.starts_at.is_some_and(|at| at != self.starts_at),
        });
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

    /// A producer cancels it: at once while it waits; while it is on air, it is then undone. Asked
    /// again while it is not yet undone, it is announced again. `None`: it is cancelled already.
    ///
    /// # Errors
    /// [`Refusal`] when it is over.
    pub fn cancel(&self, now: Timestamp) -> Result<Option<Self>, Refusal> {
        match self.status {
            RunStatus::Scheduled => Ok(Some(self.changed(RunStatus::Cancelled, now))),
            RunStatus::Running | RunStatus::Cancelling => {
                Ok(Some(self.changed(RunStatus::Cancelling, now)))
            }
            RunStatus::Cancelled => Ok(None),
            ended => Err(Refusal::Status(ended)),
        }
    }

    fn planned(&self) -> SignedDuration {
        self.ends_at.duration_since(self.starts_at)
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
