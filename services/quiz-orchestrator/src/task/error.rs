//! How the tasks fail.

use cuepoint_shared::{
    aws::{AwsError, Failure},
    ids::RunId,
    telemetry,
};
use lambda_runtime::Diagnostic;

use crate::{
    compensation::InvalidTrigger,
    order::InvalidOrder,
    run::{NoStart, Refusal},
    settings::InvalidRun,
    store::StoreError,
    video::VideoError,
};

/// Why a task failed. The state machine tells the kinds apart by their error type.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A limit was met.
    #[error("throttled: {0}")]
    Throttled(String),
    /// Something behind it failed; it may pass.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// There is no video to put a cue into.
    #[error("{0}")]
    ChannelNotBroadcasting(String),
    /// Another run is on air on the channel.
    #[error("{0}")]
    ChannelTaken(String),
    /// The run was moved, and is another execution's.
    #[error("run {0} was moved, and is another execution's")]
    Replaced(RunId),
    /// A producer cancelled the run.
    #[error("run {0} was cancelled")]
    RunCancelled(RunId),
    /// There is no such quiz, run, question or channel.
    #[error("{0}")]
    NotFound(String),
    /// The run's status does not allow it, or its time is another run's.
    #[error("{0}")]
    Conflict(String),
    /// The task can never work as it was given.
    #[error("{0}")]
    InvalidInput(String),
}

impl TaskError {
    /// Why a run refuses a task.
    pub fn refused(run_id: &RunId, refusal: Refusal) -> Self {
        match refusal {
            Refusal::Cancelled => Self::RunCancelled(run_id.clone()),
            Refusal::Status(_) => Self::Conflict(format!("run {run_id}: {refusal}")),
        }
    }

    /// Why a run does not start.
    pub fn not_started(run_id: &RunId, why: NoStart) -> Self {
        match why {
            NoStart::Replaced => Self::Replaced(run_id.clone()),
            NoStart::TooLate(_) => Self::Conflict(format!("run {run_id}: {why}")),
            NoStart::Refused(refusal) => Self::refused(run_id, refusal),
        }
    }

    /// Why an input is no task. Only where it is broken, since the error's own words may repeat
    /// what viewers wrote.
    pub fn unreadable(error: &serde_json::Error) -> Self {
        let place = telemetry::where_broken(error);
        Self::InvalidInput(format!("not a task of this function: {place}"))
    }

    /// The error type that Lambda reports.
    pub fn error_type(&self) -> &'static str {
        match self {
            Self::Throttled(_) => "Throttled",
            Self::Unavailable(_) => "Unavailable",
            Self::ChannelNotBroadcasting(_) => "ChannelNotBroadcasting",
            Self::ChannelTaken(_) => "ChannelTaken",
            Self::Replaced(_) => "Replaced",
            Self::RunCancelled(_) => "RunCancelled",
            Self::NotFound(_) => "NotFound",
            Self::Conflict(_) => "Conflict",
            Self::InvalidInput(_) => "InvalidInput",
        }
    }
}

impl From<AwsError> for TaskError {
    fn from(error: AwsError) -> Self {
        match error.failure {
            Failure::Throttled => Self::Throttled(error.to_string()),
            Failure::Unavailable => Self::Unavailable(error.to_string()),
            Failure::Refused => Self::InvalidInput(error.to_string()),
        }
    }
}

impl From<StoreError> for TaskError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Aws(error) => error.into(),
            StoreError::ChannelTaken { .. } => Self::ChannelTaken(error.to_string()),
            StoreError::ChannelBooked { .. } | StoreError::ChannelFull(_) => {
                Self::Conflict(error.to_string())
            }
            StoreError::Contended(_) => Self::Unavailable(error.to_string()),
            StoreError::Unreadable { .. } => Self::InvalidInput(error.to_string()),
        }
    }
}

impl From<VideoError> for TaskError {
    fn from(error: VideoError) -> Self {
        match error {
            VideoError::NotBroadcasting(_) => Self::ChannelNotBroadcasting(error.to_string()),
            VideoError::TooLarge(error) => Self::InvalidInput(error.to_string()),
            VideoError::Aws(error) => error.into(),
        }
    }
}

impl From<InvalidOrder> for TaskError {
    fn from(error: InvalidOrder) -> Self {
        Self::InvalidInput(error.to_string())
    }
}

impl From<InvalidTrigger> for TaskError {
    fn from(error: InvalidTrigger) -> Self {
        Self::InvalidInput(error.to_string())
    }
}

impl From<InvalidRun> for TaskError {
    fn from(error: InvalidRun) -> Self {
        Self::InvalidInput(error.to_string())
    }
}

impl From<TaskError> for Diagnostic {
    fn from(error: TaskError) -> Self {
        Self {
            error_type: error.error_type().to_owned(),
            error_message: error.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Task;

    fn aws(failure: Failure) -> AwsError {
        AwsError {
            operation: "PutMetadata",
            failure,
            code: "Code".into(),
            message: "words".into(),
        }
    }

    #[test]
    fn each_failure_has_the_type_that_the_state_machine_knows() {
        let run: RunId = "run".parse().unwrap();
        let off_air = VideoError::NotBroadcasting("arn".into());
        let taken = StoreError::ChannelTaken {
            channel_id: "c".parse().unwrap(),
            holder: "other".parse().unwrap(),
        };
        let cases: [(TaskError, &str); 8] = [
            (taken.into(), "ChannelTaken"),
            (TaskError::not_started(&run, NoStart::Replaced), "Replaced"),
            (off_air.into(), "ChannelNotBroadcasting"),
            (VideoError::Aws(aws(Failure::Throttled)).into(), "Throttled"),
            (
                StoreError::Aws(aws(Failure::Unavailable)).into(),
                "Unavailable",
            ),
            (aws(Failure::Refused).into(), "InvalidInput"),
            (TaskError::refused(&run, Refusal::Cancelled), "RunCancelled"),
            (
                TaskError::refused(&run, Refusal::Status(crate::run::RunStatus::Aborted)),
                "Conflict",
            ),
        ];
        for (error, expected) in cases {
            assert_eq!(Diagnostic::from(error).error_type, expected);
        }
    }

    #[test]
    fn an_unreadable_task_is_refused_without_its_values() {
        let broken = r#"{"op":"push-leaderboard","quizId":"a","runId":"b","top":[["Ada","Bob"]]}"#;
        let error = serde_json::from_str::<Task>(broken).unwrap_err();
        assert!(error.to_string().contains("Bob"), "the danger: {error}");
        let said = TaskError::unreadable(&error).to_string();
        assert!(said.contains("Data error at line"), "{said}");
        assert!(!said.contains("Ada") && !said.contains("Bob"), "{said}");
    }
}
