//! Step Functions: what became of the executions of the saga, and the start of a compensation.

use aws_sdk_sfn::{Client, types::ExecutionStatus};
use cuepoint_shared::aws::AwsError;
use jiff::Timestamp;
use serde::Serialize;

/// The executions of the saga.
#[derive(Debug, Clone)]
pub struct Executions {
    client: Client,
    compensation_arn: String,
}

/// What Step Functions says of an execution, named as in the event in which it says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Execution {
    /// Its ARN.
    pub execution_arn: String,
    /// E.g. `RUNNING` or `ABORTED`.
    pub status: String,
    /// What it was started with.
    pub input: Option<String>,
    /// What it ended with, if it did not succeed.
    pub error: Option<String>,
    /// Why, if it did not succeed.
    pub cause: Option<String>,
    /// When it ended; `None` while it runs.
    #[serde(skip)]
    pub ended_at: Option<Timestamp>,
}

/// What became of a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It runs, maybe since an earlier start with the same name and input.
    Now,
    /// An execution of this name was started before, and has ended. Step Functions keeps names for 90
    /// days.
    Before,
}

impl Executions {
    /// Talks to Step Functions through this client; starts this machine as the compensation.
    pub fn new(client: Client, compensation_arn: String) -> Self {
        Self {
            client,
            compensation_arn,
        }
    }

    /// What became of an execution. `None`: Step Functions knows none of this ARN, or no more.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn find(&self, arn: &str) -> Result<Option<Execution>, AwsError> {
        let describe = self.client.describe_execution().execution_arn(arn);
        match describe.send().await {
            Ok(found) => Ok(Some(Execution {
                ended_at: ended_at(&found.status, found.stop_date()),
                execution_arn: found.execution_arn,
                status: found.status.as_str().to_owned(),
                input: found.input,
                error: found.error,
                cause: found.cause,
            })),
            Err(error) => {
                let unknown = error
                    .as_service_error()
                    .is_some_and(|e| e.is_execution_does_not_exist());
                match unknown {
                    true => Ok(None),
                    false => Err(AwsError::new("DescribeExecution", &error)),
                }
            }
        }
    }

    /// Starts the compensation under a name, at most once.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn compensate(&self, name: &str, input: String) -> Result<Started, AwsError> {
        let start = self.client.start_execution().name(name).input(input);
        match start.state_machine_arn(&self.compensation_arn).send().await {
            Ok(_) => Ok(Started::Now),
            Err(error) => {
                let before = error
                    .as_service_error()
                    .is_some_and(|e| e.is_execution_already_exists());
                match before {
                    true => Ok(Started::Before),
                    false => Err(AwsError::new("StartExecution", &error)),
                }
            }
        }
    }
}

/// When an execution ended. One that can be redriven has ended like any other.
fn ended_at(
    status: &ExecutionStatus,
    stopped: Option<&aws_sdk_sfn::primitives::DateTime>,
) -> Option<Timestamp> {
    if *status == ExecutionStatus::Running {
        return None;
    }
    let stopped = stopped.and_then(|at| at.to_millis().ok());
    let stopped = stopped.and_then(|at| Timestamp::from_millisecond(at).ok());
    // One that has ended nobody knows when has ended long ago.
    Some(stopped.unwrap_or(Timestamp::UNIX_EPOCH))
}
