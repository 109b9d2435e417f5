//! Lambda: a function's configuration, and calling it.

use std::{collections::HashMap, time::Duration};

use aws_sdk_lambda::{
    Client,
    error::ProvideErrorMetadata,
    primitives::Blob,
    types::{Environment, LastUpdateStatus},
};
use cuepoint_shared::aws::AwsError;
use jiff::Timestamp;
use serde_json::Value;

/// How a function is configured now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configuration {
    /// The variables of its environment.
    pub variables: HashMap<String, String>,
    /// Why the variables cannot be read, when they cannot.
    pub unreadable: Option<String>,
    /// What this configuration is known by: a conditional update names it.
    pub revision: String,
    /// Whether an earlier change has reached the functions that start from now on.
    pub update: Update,
    /// When its configuration or code was last changed, by Lambda's clock.
    pub last_modified: Option<Timestamp>,
    /// How long an invocation may take.
    pub timeout: Duration,
}

/// What became of the last change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// Every function that starts from now on has it.
    Successful,
    /// Not yet.
    InProgress,
    /// Never, and why.
    Failed(String),
}

/// What came of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Updated {
    /// Lambda has taken it.
    Taken,
    /// Somebody else changes, or has just changed, the function: look again.
    Conflict,
}

/// A function that answered with a failure.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InvokeError {
    /// The call itself failed.
    #[error(transparent)]
    Call(#[from] AwsError),
    /// The function failed: what it says of it.
    #[error("{function} failed: {reason}")]
    Function {
        /// Its name.
        function: String,
        /// Type and message of its error, in one line.
        reason: String,
    },
}

/// The functions of an account.
#[derive(Debug, Clone)]
pub struct Functions {
    client: Client,
}

impl Functions {
    /// The functions that this client sees.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// How a function is configured.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn configuration(&self, function: &str) -> Result<Configuration, AwsError> {
        let answer = self
            .client
            .get_function_configuration()
            .function_name(function)
            .send()
            .await
            .map_err(|error| AwsError::new("GetFunctionConfiguration", &error))?;
        let environment = answer.environment();
        let reason = answer
            .last_update_status_reason()
            .unwrap_or("no reason given");
        Ok(Configuration {
            variables: environment
                .and_then(|environment| environment.variables())
                .cloned()
                .unwrap_or_default(),
            unreadable: environment
                .and_then(|environment| environment.error())
                .map(|error| error.message().unwrap_or("no reason given").to_owned()),
            revision: answer.revision_id().unwrap_or_default().to_owned(),
            update: match answer.last_update_status() {
                // A function that never changed has none.
                None | Some(LastUpdateStatus::Successful) => Update::Successful,
                Some(LastUpdateStatus::Failed) => Update::Failed(reason.to_owned()),
                Some(_) => Update::InProgress,
            },
            last_modified: answer.last_modified().and_then(lambda_time),
            timeout: Duration::from_secs(
                answer
                    .timeout()
                    .and_then(|seconds| seconds.try_into().ok())
                    .unwrap_or(LONGEST_TIMEOUT),
            ),
        })
    }

    /// Replaces a function's variables, provided that it still is at this revision.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn set_variables(
        &self,
        function: &str,
        variables: HashMap<String, String>,
        revision: &str,
    ) -> Result<Updated, AwsError> {
        let environment = Environment::builder()
            .set_variables(Some(variables))
            .build();
        let answer = self
            .client
            .update_function_configuration()
            .function_name(function)
            .environment(environment)
            .revision_id(revision)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Updated::Taken),
            Err(error) => match error.code() {
                Some("ResourceConflictException" | "PreconditionFailedException") => {
                    Ok(Updated::Conflict)
                }
                _ => Err(AwsError::new("UpdateFunctionConfiguration", &error)),
            },
        }
    }

    /// Calls a function and waits for its end.
    ///
    /// # Errors
    /// [`InvokeError`], also when the function itself fails.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Result<(), InvokeError> {
        let answer = self
            .client
            .invoke()
            .function_name(function)
            .payload(Blob::new(payload.to_string()))
            .send()
            .await
            .map_err(|error| AwsError::new("Invoke", &error))?;
        if answer.function_error().is_none() {
            return Ok(());
        }
        let said = answer.payload().map(Blob::as_ref).unwrap_or_default();
        Err(InvokeError::Function {
            function: function.to_owned(),
            reason: reason(said),
        })
    }
}

/// The longest that Lambda lets a function run, in seconds.
const LONGEST_TIMEOUT: u64 = 900;

/// Lambda's form of a time, e.g. `2026-11-22T08:00:00.000+0000`.
fn lambda_time(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok()
}

/// What a function says of its failure, in one line. Anything but the two known fields is left out:
/// it might repeat the request.
fn reason(payload: &[u8]) -> String {
    let said: Value = serde_json::from_slice(payload).unwrap_or_default();
    let field = |name: &str| said[name].as_str().filter(|text| !text.is_empty());
    let line = match (field("errorType"), field("errorMessage")) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => "no reason given".to_owned(),
    };
    line.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_last_change_is_read_as_lambda_writes_it() {
        let expected: Timestamp = "2026-11-22T08:00:00.250Z".parse().unwrap();
        assert_eq!(lambda_time("2026-11-22T08:00:00.250+0000"), Some(expected));
        assert_eq!(lambda_time("yesterday"), None);
    }

    #[test]
    fn a_failure_is_told_in_one_line_and_without_the_request() {
        let said = br#"{"errorType":"Throttled","errorMessage":"IVS:\nslower","requestId":"1"}"#;
        assert_eq!(reason(said), "Throttled: IVS: slower");
        assert_eq!(reason(br#"{"errorMessage":"timed out"}"#), "timed out");
        assert_eq!(reason(b"secret"), "no reason given");
    }
}
