//! The function `answer-recorder`: publishes the accepted answers to a question as
//! `answers-recorded`, once they are settled.
//!
//! An order to record comes through a queue, about when the question is tallied (see
//! [`crate::recording`]). The answers are read shard by shard, by consistent queries, and packed in
//! that order. They do not change any more, so that the same events with the same ids come of them
//! however often they are recorded, and wherever an earlier recording was cut off: consumers drop
//! repeats by event id. Answers of a question that was voided meanwhile are recorded too: they were
//! accepted, and `question-voided` says that they do not count.
//!
//! An order that can never be carried out is parked with its reason and counts as done; any other
//! failure leaves its message, and no other, in the queue. One that has failed so often that the
//! queue would soon give it up, without a reason, is parked here too; so is one that could not say
//! that it failed, since the function was ended over it each time.

use std::future;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use cuepoint_shared::{
    aws::AwsError,
    clock::Clock,
    dead_letters::DeadLetters,
    event_bus::{EventBus, Outgoing, PublishError},
    events::{AnswersRecorded, Event},
    telemetry,
};
use futures::TryStreamExt;
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent};
use tracing::{info, warn};

use crate::{
    keys::QuestionKey,
    packing::Packer,
    recording::RecordingOrder,
    store::{StoreError, answers::AnswerStore, windows::WindowStore},
};

/// The events of how many pages of answers are published at the same time. With the pages that are
/// read ahead this bounds the memory, however many answers there are.
pub const PUBLISHED_AT_ONCE: usize = 4;

/// The attribute that says how often a message was received, this time included.
const RECEIVE_COUNT: &str = "ApproximateReceiveCount";

/// Records answers.
#[derive(Debug, Clone)]
pub struct AnswerRecorderHandler {
    /// When questions may be answered.
    pub windows: WindowStore,
    /// The answers.
    pub answers: AnswerStore,
    /// Where events go.
    pub bus: EventBus,
    /// Where orders go that can never be carried out.
    pub dead_letters: DeadLetters,
    /// How often an order is received before it is given up.
    pub give_up_after_receives: u32,
    /// The time.
    pub clock: Clock,
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    /// So many answers are in so many events.
    Recorded {
        answers: usize,
        events: usize,
    },
    /// The question was never asked.
    NeverAsked,
    Parked,
}

/// Why answers are not recorded now.
#[derive(Debug, thiserror::Error)]
enum RecordingError {
    #[error("answers are still being written, until {0}")]
    TooEarly(Timestamp),
    #[error("the one before was ended before it was done")]
    NeverDone,
    #[error(transparent)]
    Park(#[from] AwsError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AnswerRecorderHandler {
    /// What the function is called in its dead letters.
    pub const FUNCTION: &'static str = "answer-recorder";

    /// Carries out a batch of orders one after the other, and names those to deliver again.
    ///
    /// # Errors
    /// None: a failure concerns single messages.
    pub async fn handle(
        &self,
        event: LambdaEvent<SqsEvent>,
    ) -> Result<SqsBatchResponse, Diagnostic> {
        let mut response = SqsBatchResponse::default();
        for message in &event.payload.records {
            if self.carry_out(message).await.is_err() {
                let mut failure = BatchItemFailure::default();
                // Lambda takes an empty identifier as a failure of the whole batch.
                failure.item_identifier = message.message_id.clone().unwrap_or_default();
                response.batch_item_failures.push(failure);
            }
        }
        Ok(response)
    }

    async fn carry_out(&self, message: &SqsMessage) -> Result<(), RecordingError> {
        let body = message.body.as_deref().unwrap_or_default();
        let (question, done) = match serde_json::from_str::<RecordingOrder>(body) {
            Ok(order) => {
                let question = QuestionKey::from(order);
                let recorded = match self.record(&question, receive_count(message)).await {
                    Err(error) => self.failed(message, error).await,
                    done => done,
                };
                (question.to_string(), recorded)
            }
            Err(error) => {
                let reason = format!("not an order: {}", telemetry::where_broken(&error));
                ("-".to_owned(), self.park(body, &reason).await)
            }
        };
        match done {
            Ok(done) => {
                info!(question, outcome = ?done, "recorded");
                Ok(())
            }
            Err(error) => {
                warn!(question, %error, "the order must come again");
                Err(error)
            }
        }
    }

    /// Records a question's answers, as the order that was received so often says.
    async fn record(&self, question: &QuestionKey, received: u32) -> Result<Done, RecordingError> {
        let Some(window) = self.windows.get(question).await? else {
            return Ok(Done::NeverAsked);
        };
        if (self.clock)() < window.tally_at {
            return Err(RecordingError::TooEarly(window.tally_at));
        }
        // A delivery that fails is parked by itself: this many come only when they could not.
        if received > self.give_up_after_receives {
            return Err(RecordingError::NeverDone);
        }
        let mut packer = Packer::new(question.clone(), window.tally_at);
        let (mut answers, mut events) = (0, 0);
        self.answers
            .pages(question, window.rules.shards)
            .map_err(RecordingError::from)
            .map_ok(|page| {
                answers += page.len();
                self.publish(packer.extend(page))
            })
            .try_buffer_unordered(PUBLISHED_AT_ONCE)
            .try_for_each(|published| {
                events += published;
                future::ready(Ok(()))
            })
            .await?;
        events += self.publish(packer.finish()).await?;
        Ok(Done::Recorded { answers, events })
    }

    async fn publish(
        &self,
        events: impl IntoIterator<Item = Event<AnswersRecorded>>,
    ) -> Result<usize, RecordingError> {
        let outgoing = events.into_iter().map(|event| Outgoing::new(&event));
        let outgoing: Vec<_> = outgoing.collect::<Result<_, _>>()?;
        self.bus.publish(&outgoing).await?;
        Ok(outgoing.len())
    }

    /// Parks an order that can never be carried out, or that was received too often.
    async fn failed(
        &self,
        message: &SqsMessage,
        error: RecordingError,
    ) -> Result<Done, RecordingError> {
        let body = message.body.as_deref().unwrap_or_default();
        let received = receive_count(message);
        match &error {
            RecordingError::TooEarly(_) => Err(error),
            RecordingError::Store(
                StoreError::Unreadable { .. }
                | StoreError::UnreadablePage { .. }
                | StoreError::OutOfOrder(_),
            ) => self.park(body, &error.to_string()).await,
            _ if received >= self.give_up_after_receives => {
                let reason = format!("gave up after {received} deliveries: {error}");
                self.park(body, &reason).await
            }
            _ => Err(error),
        }
    }

    async fn park(&self, body: &str, reason: &str) -> Result<Done, RecordingError> {
        self.dead_letters.park(body, reason, None).await?;
        Ok(Done::Parked)
    }
}

/// How often a message was received. One that does not say so is as good as new.
fn receive_count(message: &SqsMessage) -> u32 {
    let count = message.attributes.get(RECEIVE_COUNT);
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}
