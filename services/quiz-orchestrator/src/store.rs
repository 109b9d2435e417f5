//! The table `quizzes` in DynamoDB: quizzes, their runs, and which run has a channel.
//!
//! | pk | sk | item |
//! | --- | --- | --- |
//! | `QUIZ#<quizId>` | `QUIZ` | a quiz; never changes |
//! | `QUIZ#<quizId>` | `RUN#<runId>` | a run; each change counts its `revision` up |
//! | `CHANNEL#<channelId>` | `SCHEDULE` | who is on air on a channel, and its booked times, under a `revision` |
//!
//! A run is written only over the revision that was read, in one transaction with the schedule of
//! its channel where that changes. So whatever runs at the same time, a run makes each change once,
//! a channel has one run on air, and no time of it is booked twice.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{put_item::PutItemError, transact_write_items::TransactWriteItemsError},
    types::{AttributeValue, Put, TransactWriteItem},
};
use cuepoint_shared::{
    aws::{AwsError, Failure},
    ids::{ChannelId, QuizId, RunId},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    channel_schedule::{ChannelSchedule, Slot},
    quiz::Quiz,
    run::Run,
};

mod channel;

type Item = HashMap<String, AttributeValue>;

/// How often a change is tried anew when the run changed under it.
const ATTEMPTS: u32 = 5;

/// The table could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// An item is not what this service writes.
    #[error("an item of {key} cannot be read: {source}")]
    Unreadable {
        /// Its partition key.
        key: String,
        /// What is wrong with it.
        source: serde_dynamo::Error,
    },
    /// A run changed each time it was about to be changed.
    #[error("run {0} is changed by too many at once")]
    Contended(RunId),
    /// A run cannot go on air while another one is.
    #[error("another run has the channel {channel_id}: {holder}")]
    ChannelTaken {
        /// The channel.
        channel_id: ChannelId,
        /// The run that has it.
        holder: RunId,
    },
    /// A run cannot have a time that is another one's.
    #[error("run {} has the channel {channel_id} from {} to {}", .slot.run_id, .slot.starts_at, .slot.ends_at)]
    ChannelBooked {
        /// The channel.
        channel_id: ChannelId,
        /// The time of the other one.
        slot: Slot,
    },
    /// Too many runs wait for the channel.
    #[error("too many runs wait for the channel {0}")]
    ChannelFull(ChannelId),
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is written.
    Done,
    /// Nothing is written: the run or its channel's schedule changed since it was read.
    Outdated,
}

/// The table.
#[derive(Debug, Clone)]
pub struct QuizStore {
    client: Client,
    table: String,
}

impl QuizStore {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Keeps a new quiz, whose id is new and random.
    ///
    /// # Errors
    /// [`StoreError::Aws`]
    pub async fn put_quiz(&self, quiz: &Quiz) -> Result<(), StoreError> {
        self.insert(item(quiz, quiz_key(&quiz.quiz_id), "QUIZ"))
            .await
    }

    /// Keeps a new run and books its time. A run of this id is there already: it was kept by an
    /// earlier attempt of this very call, whose answer was lost. Returns the run as it is kept.
    ///
    /// # Errors
    /// [`StoreError`]: [`StoreError::ChannelBooked`] or [`StoreError::ChannelFull`] when the channel
    /// has no such time.
    pub async fn put_run(&self, run: Run) -> Result<Run, StoreError> {
        for _ in 0..ATTEMPTS {
            if let Some(kept) = self.run(&run.quiz_id, &run.run_id).await? {
                return Ok(kept);
            }
            let schedule = self.booked(&run).await?;
            if self.save(&run, schedule.as_ref()).await? == Saved::Done {
                return Ok(run);
            }
        }
        Err(StoreError::Contended(run.run_id))
    }

    /// A quiz, if there is one of this id.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn quiz(&self, quiz_id: &QuizId) -> Result<Option<Quiz>, StoreError> {
        self.read(quiz_key(quiz_id), "QUIZ".to_owned()).await
    }

    /// A run as it is now, if there is one of this id.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn run(&self, quiz_id: &QuizId, run_id: &RunId) -> Result<Option<Run>, StoreError> {
        self.read(quiz_key(quiz_id), run_key(run_id)).await
    }

    /// Changes a run as `decide` says, from what it is now, and with it the schedule of its channel.
    /// `decide` gives `None` to leave the run as it is, and is asked again when the run or the
    /// schedule changed meanwhile. Returns the run as it is then; `None` when there is no such run.
    ///
    /// # Errors
    /// What `decide` refuses, and [`StoreError`]: [`StoreError::ChannelTaken`] when it was to go
    /// on air, [`StoreError::ChannelBooked`] when it was to be moved.
    pub async fn change_run<E: From<StoreError>>(
        &self,
        quiz_id: &QuizId,
        run_id: &RunId,
        decide: impl Fn(&Run) -> Result<Option<Run>, E>,
    ) -> Result<Option<Run>, E> {
        for _ in 0..ATTEMPTS {
            let Some(run) = self.run(quiz_id, run_id).await? else {
                return Ok(None);
            };
            let Some(changed) = decide(&run)? else {
                return Ok(Some(run));
            };
            let schedule = self.schedule_after(&run, &changed).await?;
            if self.save(&changed, schedule.as_ref()).await? == Saved::Done {
                return Ok(Some(changed));
            }
        }
        Err(StoreError::Contended(run_id.clone()).into())
    }

    /// Writes a run over the revision before it, or as a new one if it has no such, and with it the
    /// schedule of its channel, if that changes.
    ///
    /// # Errors
    /// [`StoreError::Aws`]
    pub async fn save(
        &self,
        run: &Run,
        schedule: Option<&ChannelSchedule>,
    ) -> Result<Saved, StoreError> {
        let mut writes = vec![self.revised(run_item(run), run.revision.checked_sub(1))];
        writes.extend(schedule.map(|schedule| self.schedule_write(&run.channel_id, schedule)));
        let written = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes))
            .send()
            .await;
        let Err(error) = written else {
            return Ok(Saved::Done);
        };
        let failed = AwsError::new("TransactWriteItems", &error);
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let codes: Vec<_> = cancelled
                    .cancellation_reasons()
                    .iter()
                    .map(|reason| reason.code())
                    .collect();
                match is_outdated(&codes) {
                    true => Ok(Saved::Outdated),
                    false => Err(may_pass(failed, &codes).into()),
                }
            }
            _ => Err(failed.into()),
        }
    }

    /// Writes an item over this revision of it; none: it is new.
    fn revised(&self, item: Item, before: Option<u64>) -> TransactWriteItem {
        let put = Put::builder().table_name(&self.table).set_item(Some(item));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => put
                .condition_expression("revision = :before")
                .expression_attribute_values(":before", number(before)),
        };
        let put = put.build().expect("table and item are set");
        TransactWriteItem::builder().put(put).build()
    }

    /// The id in its key is new and random, so an item that is there already was written by an
    /// earlier attempt of this very call, whose answer was lost.
    async fn insert(&self, item: Item) -> Result<(), StoreError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match put {
            Err(error) if is_there(&error) => Ok(()),
            other => other
                .map(|_| ())
                .map_err(|error| AwsError::new("PutItem", &error).into()),
        }
    }

    async fn read<T: DeserializeOwned>(
        &self,
        pk: String,
        sk: String,
    ) -> Result<Option<T>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(&pk))
            .key("sk", text(sk))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("GetItem", &error))?;
        answer
            .item
            .map(serde_dynamo::from_item)
            .transpose()
            .map_err(|source| StoreError::Unreadable { key: pk, source })
    }
}

fn is_there<R>(error: &SdkError<PutItemError, R>) -> bool {
    error
        .as_service_error()
        .is_some_and(PutItemError::is_conditional_check_failed_exception)
}

/// Whether a transaction was cancelled because an item changed, or was being changed by another one.
fn is_outdated(codes: &[Option<&str>]) -> bool {
    let changed = ["ConditionalCheckFailed", "TransactionConflict"];
    codes.iter().flatten().any(|code| changed.contains(code))
}

/// A transaction that met a limit passes when it is tried again.
fn may_pass(error: AwsError, codes: &[Option<&str>]) -> AwsError {
    let passing = ["ThrottlingError", "ProvisionedThroughputExceeded"];
    match codes.iter().flatten().find(|code| passing.contains(code)) {
        Some(code) => AwsError {
            failure: Failure::Throttled,
            code: (*code).to_owned(),
            ..error
        },
        None => error,
    }
}

fn run_item(run: &Run) -> Item {
    item(run, quiz_key(&run.quiz_id), &run_key(&run.run_id))
}

fn item<T: Serialize>(value: &T, pk: String, sk: &str) -> Item {
    let mut item: Item =
        serde_dynamo::to_item(value).expect("quizzes and runs are made of what a table keeps");
    item.insert("pk".to_owned(), text(pk));
    item.insert("sk".to_owned(), text(sk));
    item
}

fn quiz_key(quiz_id: &QuizId) -> String {
    format!("QUIZ#{quiz_id}")
}

fn run_key(run_id: &RunId) -> String {
    format!("RUN#{run_id}")
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_that_met_another_or_a_limit_is_told_from_one_that_is_wrong() {
        assert!(is_outdated(&[None, Some("TransactionConflict")]));
        assert!(is_outdated(&[Some("ConditionalCheckFailed"), Some("None")]));
        assert!(!is_outdated(&[Some("None"), Some("ThrottlingError")]));
        let refused = AwsError {
            operation: "TransactWriteItems",
            failure: Failure::Refused,
            code: "TransactionCanceledException".to_owned(),
            message: String::new(),
        };
        assert!(may_pass(refused.clone(), &[None, Some("ThrottlingError")]).may_pass());
        assert!(!may_pass(refused, &[Some("ItemCollectionSizeLimitExceeded")]).may_pass());
    }
}
