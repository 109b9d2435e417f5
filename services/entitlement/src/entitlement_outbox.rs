//! The function `entitlement-outbox`: changes of the table, from its stream, to the bus and to IVS.
//!
//! Idempotent by the stream record: it gives the published event its id, so that a record that is
//! delivered again publishes the same event again and consumers drop it; revoking sessions again
//! changes nothing, and a record revokes up to its own version only, so that one that comes late
//! does no harm to a newer grant.
//!
//! A record that can never work is parked with its reason. Anything that may pass fails the whole
//! batch, which the stream then delivers again in order, until the failing record is too old (see
//! [`Patience`]): then that one is parked as well, and the others go on. What an operator delivers
//! again is never too old: its failure is the operator's to hear. Records are parked last, when nothing
//! of their batch has to come again: so each is parked once, but for a crash in between.
//!
//! A record that was parked because IVS did not revoke is published all the same: the entitlement
//! has ended, and what comes after it is not to overtake it. What is left to an operator is to have
//! it delivered again, which revokes, and publishes the same event again.

use cuepoint_shared::{
    aws::{AwsError, Failure},
    dead_letters::DeadLetters,
    event_bus::{EventBus, Outgoing, PublishError},
    streams::{self, DeadRecord, Patience, Sifted, StreamBatch},
};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;

use crate::{
    announcement::{self, Announcement, RecordError},
    rules::Effect,
    viewer_sessions::{Revocation, RevokeError, ViewerSessions},
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
            | OutboxError::Publish(
                PublishError::Call(call) | PublishError::Entries { first: call, .. },
            ) => Some(call.failure),
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

/// A record that makes something known.
struct Change<'a> {
    record: &'a Value,
    event: Outgoing,
    revocation: Option<Revocation>,
}

/// Why a record can never be made known.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl<'a> Change<'a> {
    /// What a record makes known; none when it changed nothing in effect.
    fn read(record: &'a Value) -> Result<Option<Self>, Unusable> {
        let Some(announcement) = announcement::read(record)? else {
            return Ok(None);
        };
        let Announcement {
            effect,
            entitlement,
            ..
        } = &announcement;
        let revocation = (*effect == Effect::Revoked).then(|| Revocation {
            pair: (entitlement.channel_id.clone(), entitlement.user_id.clone()),
            up_to_version: entitlement.viewer_session_version,
        });
        Ok(Some(Self {
            record,
            event: announcement.event()?,
            revocation,
        }))
    }
}

/// Handles batches of stream records.
#[derive(Debug, Clone)]
pub struct OutboxHandler {
    sessions: ViewerSessions,
    bus: EventBus,
    dead_letters: DeadLetters,
    patience: Patience,
}

impl OutboxHandler {
    /// What the function is called in its dead letters.
    pub const FUNCTION: &'static str = "entitlement-outbox";

    /// A handler that revokes at `sessions`, publishes on `bus` and parks in `dead_letters`.
    pub fn new(
        sessions: ViewerSessions,
        bus: EventBus,
        dead_letters: DeadLetters,
        patience: Patience,
    ) -> Self {
        Self {
            sessions,
            bus,
            dead_letters,
            patience,
        }
    }

    /// Makes a batch of changes known.
    ///
    /// # Errors
    /// `Throttled` or `Unavailable`: the whole batch has to come again.
    pub async fn handle(&self, event: LambdaEvent<StreamBatch>) -> Result<(), Diagnostic> {
        let records = &event.payload.records;
        let patience = self.patience.with(&event.payload);
        let request_id = &event.context.request_id;
        let mut counts = Counts::default();
        let outcome = self.handle_records(records, patience, &mut counts).await;
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
        patience: Patience,
        counts: &mut Counts,
    ) -> Result<(), OutboxError> {
        let Sifted {
            read: changes,
            mut dead,
        } = streams::sift(records, Change::read);
        counts.revoked = changes.iter().filter(|c| c.revocation.is_some()).count();
        counts.granted = changes.len() - counts.revoked;
        dead.extend(self.revoke(&changes, patience).await?);
        let given_up = self.publish(&changes, &dead, patience).await?;
        dead.extend(given_up);
        streams::park(&dead, &self.dead_letters)
            .await
            .map_err(OutboxError::Park)?;
        counts.parked = dead.len();
        Ok(())
    }

    /// Ends the sessions of all viewers who are revoked. Returns the records for which that can never
    /// work, or has not worked for too long.
    async fn revoke<'a>(
        &self,
        changes: &[Change<'a>],
        patience: Patience,
    ) -> Result<Vec<DeadRecord<'a>>, OutboxError> {
        let revocations: Vec<_> = changes
            .iter()
            .filter_map(|change| change.revocation.clone())
            .collect();
        let failed = self.sessions.revoke(&revocations).await;
        let mut dead = Vec::new();
        for Change {
            record, revocation, ..
        } in changes
        {
            let pair = revocation.as_ref().map(|revocation| &revocation.pair);
            let Some(error) = pair.and_then(|pair| failed.get(pair)) else {
                continue;
            };
            let reason = match error.may_pass() {
                true => patience.gives_up(record, error),
                false => Some(format!("viewer sessions were not revoked: {error}")),
            };
            let reason = reason.ok_or_else(|| OutboxError::Revoke(error.clone()))?;
            dead.push(DeadRecord { record, reason });
        }
        Ok(dead)
    }

    /// Publishes all changes. Returns those that the bus has not taken for too long; whoever delivers
    /// one of the `dead` again has it published too.
    async fn publish<'a>(
        &self,
        changes: &[Change<'a>],
        dead: &[DeadRecord<'a>],
        patience: Patience,
    ) -> Result<Vec<DeadRecord<'a>>, OutboxError> {
        let events: Vec<_> = changes.iter().map(|change| change.event.clone()).collect();
        let Err(error) = self.bus.publish(&events).await else {
            return Ok(Vec::new());
        };
        let is_dead = |record| dead.iter().any(|dead| std::ptr::eq(dead.record, record));
        let failed = changes.iter().map(|change| change.record);
        let failed = failed.filter(|record| !is_dead(*record));
        let given_up = patience.gives_up_all(failed, &error);
        given_up.ok_or(OutboxError::Publish(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_type_says_whether_a_limit_was_met() {
        let error = |failure, code: &str| {
            let call = AwsError {
                operation: "BatchStartViewerSessionRevocation",
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
