//! The function `entitlement-intake`: events from the bus, through a queue, into the table.
//!
//! Idempotent by the event's `occurredAt` and `eventId`: an event that was applied before, or that
//! a newer one overtook, changes nothing. A message that can never be applied is parked with its
//! reason and counts as done; any other failure leaves its message, and no other, in the queue. A
//! message that has failed so often that the queue would soon give it up, without a reason, is
//! parked here too, with its last one.

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use cuepoint_shared::{aws::AwsError, clock::Clock, dead_letters::DeadLetters, ids::EventId};
use futures::{StreamExt, stream};
use lambda_runtime::{Diagnostic, LambdaEvent};

use crate::{
    delivery,
    rules::{self, Change, Outcome},
    store::{EntitlementStore, Put, StoreError},
};

/// How often an event is decided anew because another write came first. Events about the same
/// viewer and channel at the same moment are few.
const MAX_ATTEMPTS: usize = 8;

/// How many messages are handled at the same time: all of a batch, so that it takes no longer than
/// its slowest message. Those about the same viewer and channel race like those of two functions.
const PARALLEL: usize = 10;

/// The attribute that says how often a message was received, this time included.
const RECEIVE_COUNT: &str = "ApproximateReceiveCount";

/// Why a message stays in the queue.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The table or the dead-letter queue did not do its part.
    #[error(transparent)]
    Call(#[from] AwsError),
    /// Every attempt to write lost against another.
    #[error("{MAX_ATTEMPTS} writes lost against others for the same viewer and channel")]
    Contended,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Handled {
    Applied,
    /// It changed nothing: repeated, or overtaken by a newer event.
    Ignored,
    Parked,
}

/// Handles batches of messages.
#[derive(Debug, Clone)]
pub struct IntakeHandler {
    store: EntitlementStore,
    dead_letters: DeadLetters,
    give_up_after_receives: u32,
    now: Clock,
}

impl IntakeHandler {
    /// What the function is called in its dead letters.
    pub const FUNCTION: &'static str = "entitlement-intake";

    /// A handler that writes to `store` and parks in `dead_letters`, also what still fails when it
    /// was received `give_up_after_receives` times.
    pub fn new(
        store: EntitlementStore,
        dead_letters: DeadLetters,
        give_up_after_receives: u32,
        now: Clock,
    ) -> Self {
        Self {
            store,
            dead_letters,
            give_up_after_receives,
            now,
        }
    }

    /// Applies a batch, and names the messages to deliver again.
    ///
    /// # Errors
    /// None: a failure concerns single messages.
    pub async fn handle(
        &self,
        event: LambdaEvent<SqsEvent>,
    ) -> Result<SqsBatchResponse, Diagnostic> {
        let messages = event.payload.records;
        let (mut applied, mut ignored, mut parked) = (0, 0, 0);
        let mut failures = Vec::new();
        let mut first_error = None;
        let work: Vec<_> = messages
            .iter()
            .map(|message| async move { (message, self.handle_message(message).await) })
            .collect();
        let mut work = stream::iter(work).buffer_unordered(PARALLEL);
        while let Some((message, handled)) = work.next().await {
            match handled {
                Ok(Handled::Applied) => applied += 1,
                Ok(Handled::Ignored) => ignored += 1,
                Ok(Handled::Parked) => parked += 1,
                Err(error) => {
                    first_error.get_or_insert_with(|| error.to_string());
                    let mut failure = BatchItemFailure::default();
                    // Lambda takes an empty identifier as a failure of the whole batch.
                    failure.item_identifier = message.message_id.clone().unwrap_or_default();
                    failures.push(failure);
                }
            }
        }
        let failed = failures.len();
        tracing::info!(
            messages = messages.len(),
            applied,
            ignored,
            parked,
            failed,
            error = first_error,
            request_id = event.context.request_id,
            "events taken in"
        );
        let mut response = SqsBatchResponse::default();
        response.batch_item_failures = failures;
        Ok(response)
    }

    async fn handle_message(&self, message: &SqsMessage) -> Result<Handled, IntakeError> {
        let body = message.body.as_deref().unwrap_or_default();
        let change = match delivery::read(body, (self.now)()) {
            Ok(change) => change,
            Err(error) => {
                let event_id = delivery::event_id(body);
                return self.park(body, &error.to_string(), event_id.as_ref()).await;
            }
        };
        match self.apply(&change).await {
            Ok(handled) => Ok(handled),
            Err(ApplyError::Unreadable(reason)) => {
                self.park(body, &reason, Some(&change.event_id)).await
            }
            Err(ApplyError::Failed(error)) => {
                let received = receive_count(message);
                if received < self.give_up_after_receives {
                    return Err(error);
                }
                let reason = format!("gave up after {received} deliveries: {error}");
                self.park(body, &reason, Some(&change.event_id)).await
            }
        }
    }

    /// Reads, decides and writes, until no other write comes in between.
    async fn apply(&self, change: &Change) -> Result<Handled, ApplyError> {
        for _ in 0..MAX_ATTEMPTS {
            let current = self.store.get(&change.user_id, &change.channel_id).await?;
            let next = match rules::apply(current.as_ref(), change) {
                Outcome::Applied(next) => next,
                Outcome::Repeated | Outcome::Superseded => return Ok(Handled::Ignored),
            };
            let put = self.store.put(&next, current.as_ref(), (self.now)()).await;
            match put.map_err(IntakeError::Call)? {
                Put::Written => return Ok(Handled::Applied),
                Put::LostRace => {}
            }
        }
        Err(IntakeError::Contended.into())
    }

    async fn park(
        &self,
        body: &str,
        reason: &str,
        event_id: Option<&EventId>,
    ) -> Result<Handled, IntakeError> {
        self.dead_letters
            .park(body, reason, event_id.map(EventId::as_str))
            .await?;
        Ok(Handled::Parked)
    }
}

/// How often a message was received. One that does not say so is as good as new.
fn receive_count(message: &SqsMessage) -> u32 {
    let count = message.attributes.get(RECEIVE_COUNT);
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// Why an event was not applied.
enum ApplyError {
    /// What stands in its place cannot be read, now or later.
    Unreadable(String),
    /// It may work later.
    Failed(IntakeError),
}

impl From<IntakeError> for ApplyError {
    fn from(error: IntakeError) -> Self {
        Self::Failed(error)
    }
}

impl From<StoreError> for ApplyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Call(error) => Self::Failed(error.into()),
            StoreError::Unreadable { .. } => Self::Unreadable(error.to_string()),
        }
    }
}
