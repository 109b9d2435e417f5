//! Step Functions: starting an execution.

use aws_sdk_sfn::{Client, error::ProvideErrorMetadata};
use cuepoint_shared::aws::AwsError;

/// The state machines of an account.
#[derive(Debug, Clone)]
pub struct Sagas {
    client: Client,
}

impl Sagas {
    /// The state machines that this client sees.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Starts an execution. One of the same name is there already: that is as good.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn start(&self, machine: &str, name: &str, input: &str) -> Result<(), AwsError> {
        let answer = self
            .client
            .start_execution()
            .state_machine_arn(machine)
            .name(name)
            .input(input)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ExecutionAlreadyExists") => Ok(()),
            Err(error) => Err(AwsError::new("StartExecution", &error)),
        }
    }
}
