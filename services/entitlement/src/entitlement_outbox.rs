//! The function `entitlement-outbox`: changes of the table, from its stream, to the bus and to IVS.
//!
//! Idempotent by the stream record: it gives the published event its id, so that a record that is
//! delivered again publishes the same event again and consumers drop it; revoking sessions again
//! changes nothing. A record that can never work is parked with its reason. Anything that may pass
//! fails the whole batch, which the stream then delivers again in order; a record of it that was
//! parked may then be parked once more.

use cuepoint_shared::{
    aws::{AwsError, Failure},
    dead_letters::DeadLetters,
    event_bus::{EventBus, PublishError},
    streams::{self, StreamBatch},
};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;

use crate::{
    announcement::{self, Announcement},
    rules::Effect,
    viewer_sessions::{RevokeError, ViewerSessions},
};

/// Why a batch has to come again.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The dead-letter queue did not take a record.
    #[error(transparent)]
    Park(AwsError),
    /// IVS did not revoke a viewer's sessions now.
    #[error(transparent)]
    Revoke(RevokeError),
    /// The bus did not take the events.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl From<OutboxError> for Diagnostic {
    fn from(error: OutboxError) -> Self {
        let call = match &error {
            OutboxError::Park(call)
            | OutboxError::Revoke(RevokeError::Call(call))
            | OutboxError::Publish(PublishError::Call(call)) => Some(call.failure),
            _ => None,
        };
        let error_type = match call {
            Some(Failure::Throttled) => "Throttled",
            _ => "Unavailable",
        };
        Diagnostic {
            error_type: error_type.to_owned(),
            error_message: error.to_string(),
        }
    }
}

/// What was done with a batch, for the log.
#[derive(Debug, Default)]
struct Counts {
    granted: usize,
    revoked: usize,
    parked: usize,
}

/// Handles batches of stream records.
#[derive(Debug, Clone)]
pub struct OutboxHandler {
    sessions: ViewerSessions,
    bus: EventBus,
    dead_letters: DeadLetters,
}

impl OutboxHandler {
    /// What the function is called in its dead letters.
    pub const FUNCTION: &'static str = "entitlement-outbox";

    /// A handler that revokes at `sessions`, publishes on `bus` and parks in `dead_letters`.
    pub fn new(sessions: ViewerSessions, bus: EventBus, dead_letters: DeadLetters) -> Self {
        Self {
            sessions,
            bus,
            dead_letters,
        }
    }

    /// Makes a batch of changes known.
    ///
    /// # Errors
    /// `Throttled` or `Unavailable`: the whole batch has to come again.
    pub async fn handle(&self, event: LambdaEvent<StreamBatch>) -> Result<(), Diagnostic> {
        let records = &event.payload.records;
        let request_id = &event.context.request_id;
        let mut counts = Counts::default();
        let outcome = self.handle_records(records, &mut counts).await;
        let Counts {
            granted,
            revoked,
            parked,
        } = counts;
        match outcome {
            Ok(()) => {
                tracing::info!(
                    records = records.len(),
                    granted,
                    revoked,
                    parked,
                    request_id,
                    "changes published"
                );
                Ok(())
            }
            Err(error) => {
                let error = Diagnostic::from(error);
                tracing::error!(
                    records = records.len(),
                    parked,
                    error = error.error_message,
                    error_type = error.error_type,
                    request_id,
                    "batch has to come again"
                );
                Err(error)
            }
        }
    }

    /// Sessions first: `entitlement-revoked` says that playback has been revoked.
    async fn handle_records(
        &self,
        records: &[Value],
        counts: &mut Counts,
    ) -> Result<(), OutboxError> {
        let mut outgoing = Vec::new();
        for record in records {
            match announcement::read(record) {
                Ok(None) => {}
                Ok(Some(announcement)) => {
                    match announcement.effect {
                        Effect::Granted => counts.granted += 1,
                        Effect::Revoked => {
                            counts.revoked += 1;
                            counts.parked += self.revoke(record, &announcement).await?;
                        }
                    }
                    outgoing.push(announcement.event()?);
                }
                Err(error) => {
                    self.park(record, &error.to_string()).await?;
                    counts.parked += 1;
                }
            }
        }
        Ok(self.bus.publish(&outgoing).await?)
    }

    /// Ends the viewer's sessions. When that can never work, the record is kept for an operator:
    /// then it returns 1, the number of records parked.
    async fn revoke(
        &self,
        record: &Value,
        Announcement { entitlement, .. }: &Announcement,
    ) -> Result<usize, OutboxError> {
        let revoked = self
            .sessions
            .revoke(
                &entitlement.channel_id,
                &entitlement.user_id,
                entitlement.viewer_session_version,
            )
            .await;
        match revoked {
            Ok(()) => Ok(0),
            Err(error) if error.may_pass() => Err(OutboxError::Revoke(error)),
            Err(error) => {
                let reason = format!("viewer sessions were not revoked: {error}");
                self.park(record, &reason).await?;
                Ok(1)
            }
        }
    }

    async fn park(&self, record: &Value, reason: &str) -> Result<(), OutboxError> {
        streams::park(record, reason, &self.dead_letters)
            .await
            .map_err(OutboxError::Park)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_type_says_whether_a_limit_was_met() {
        let error = |failure, code: &str| {
            let call = AwsError {
                operation: "StartViewerSessionRevocation",
                failure,
                code: code.to_owned(),
                message: "slower".to_owned(),
            };
            Diagnostic::from(OutboxError::Revoke(call.into())).error_type
        };
        assert_eq!(
            error(Failure::Throttled, "ThrottlingException"),
            "Throttled"
        );
        assert_eq!(error(Failure::Unavailable, "Timeout"), "Unavailable");
    }
}
