//! How every function talks to AWS: one configuration, and one error type at the edge.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sqs::{
    config::{StalledStreamProtectionConfig, http::HttpResponse},
    error::{ProvideErrorMetadata, SdkError},
};

/// The longest one call may take, its retries included.
pub const OPERATION_TIMEOUT: Duration = Duration::from_millis(4_000);

/// How often a call is made that fails in a way that may pass, and how long it is waited before: the
/// SDK's standard. What is waited is drawn evenly, up to twice as long each time.
pub fn retries() -> RetryConfig {
    RetryConfig::standard()
}

/// The SDK's configuration: region, credentials and endpoints from the environment, and timeouts
/// short enough that a function answers before it is ended.
pub async fn config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .retry_config(retries())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(Duration::from_millis(1_000))
                .operation_attempt_timeout(Duration::from_millis(2_000))
                .operation_timeout(OPERATION_TIMEOUT)
                .build(),
        )
        // It watches over long bodies, at a price in every call (`cargo xtask bench tokens`). Ours are
        // short, and an attempt that stalls is given up by its timeout.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .load()
        .await
}

/// What can be done about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A limit was met: try again, later and slower.
    Throttled,
    /// A timeout, no connection or an error of the service: may pass.
    Unavailable,
    /// The request itself was refused: the same call will not pass.
    Refused,
}

/// A call to AWS that failed after the SDK's own retries.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} failed: {code}: {message}")]
pub struct AwsError {
    /// The API operation, e.g. `PutItem`.
    pub operation: &'static str,
    /// What can be done about it.
    pub failure: Failure,
    /// The service's error code, or `Timeout` or `NoConnection`.
    pub code: String,
    /// The service's own words.
    pub message: String,
}

impl AwsError {
    /// Classifies what the SDK reported.
    pub fn new<E: ProvideErrorMetadata>(
        operation: &'static str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self {
        let (failure, code, message) = match error {
            SdkError::TimeoutError(_) => (Failure::Unavailable, "Timeout", "no answer in time"),
            SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
                (Failure::Unavailable, "NoConnection", "no usable answer")
            }
            SdkError::ServiceError(service) => {
                let code = service.err().code().unwrap_or("Unknown");
                let status = service.raw().status().as_u16();
                let message = service.err().message().unwrap_or("no message");
                (classify(code, status), code, message)
            }
            _ => (
                Failure::Refused,
                "InvalidRequest",
                "the request could not be built",
            ),
        };
        Self {
            operation,
            failure,
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }

    /// Classifies an error that an answer lists for one entry of a request. It comes without a
    /// status, so its code alone decides.
    pub fn listed(operation: &'static str, code: Option<&str>, message: Option<&str>) -> Self {
        let code = code.unwrap_or("Unknown");
        let status = match code {
            "InternalServerException"
            | "InternalServerError"
            | "InternalException"
            | "InternalFailure"
            | "ServiceUnavailable"
            | "ServiceUnavailableException" => 500,
            _ => 400,
        };
        Self {
            operation,
            failure: classify(code, status),
            code: code.to_owned(),
            message: message.unwrap_or("no message").to_owned(),
        }
    }

    /// Whether the same call may succeed later.
    pub fn may_pass(&self) -> bool {
        self.failure != Failure::Refused
    }
}

/// The codes that AWS services use when a limit is met ("Error retries" in their SDK references).
fn classify(code: &str, status: u16) -> Failure {
    match code {
        "ThrottlingException"
        | "ThrottledException"
        | "Throttling"
        | "TooManyRequestsException"
        | "ProvisionedThroughputExceededException"
        // SQS has names of its own.
        | "RequestThrottled"
        | "KmsThrottled"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "TransactionInProgressException" => Failure::Throttled,
        _ if status == 429 => Failure::Throttled,
        _ if status >= 500 => Failure::Unavailable,
        _ => Failure::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_may_not() {
        assert_eq!(classify("ThrottlingException", 400), Failure::Throttled);
        assert_eq!(classify("RequestThrottled", 400), Failure::Throttled);
        assert_eq!(classify("Whatever", 429), Failure::Throttled);
        assert_eq!(classify("InternalServerError", 500), Failure::Unavailable);
        assert_eq!(classify("ValidationException", 400), Failure::Refused);
    }

    #[test]
    fn an_entrys_error_is_classified_by_its_code() {
        let failure = |code| AwsError::listed("Batch", code, None).failure;
        assert_eq!(failure(Some("ThrottlingException")), Failure::Throttled);
        assert_eq!(
            failure(Some("InternalServerException")),
            Failure::Unavailable
        );
        assert_eq!(failure(Some("ResourceNotFoundException")), Failure::Refused);
        assert_eq!(failure(None), Failure::Refused);
    }
}
