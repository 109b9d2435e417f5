//! The table `answers`: by partition, one answer per viewer. An answer never changes.
//!
//! In the place of an answer there may be a *refusal*: the viewer was told that the time is over
//! while an earlier try of theirs could still have been under way. The refusal keeps that out, so
//! that who was refused is not counted after all. It has no `choice`, and is not among the answers
//! that are read. How whole partitions are read is in [`super::answer_pages`].

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::{
    Client, Config,
    config::{Builder, retry::RetryPartition, timeout::TimeoutConfig},
    operation::put_item::PutItemError,
    types::{KeysAndAttributes, ReturnValuesOnConditionCheckFailure},
};
use cuepoint_shared::{aws::AwsError, ids::UserId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Item, StoreError,
    direct_put::{self, Attempt, CONDITION, DirectPut},
    read, text,
};
use crate::keys::{NotAPartition, Partition, QuestionKey};

/// The most keys that are read at once (DynamoDB's limit of a BatchGetItem).
const MAX_KEYS: usize = 100;
/// How often keys are asked for that were not looked at.
pub const BATCH_ATTEMPTS: u32 = 5;
/// How much longer it is waited before each time.
pub const BATCH_PAUSE: Duration = Duration::from_millis(50);
/// What it is called when keys are never looked at (DynamoDB developer guide, "Error handling").
const THROTTLED: &str = "ThrottlingException";

/// A viewer's answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Whose it is.
    pub viewer_id: UserId,
    /// The index of the option they chose.
    pub choice: u32,
    /// When it was received.
    pub received_at: Timestamp,
    /// The name they appear under.
    pub name: String,
}

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It is kept.
    New,
    /// The viewer has answered before.
    Before(Answer),
    /// The viewer was told before that it is too late.
    Refused,
}

/// The table.
#[derive(Debug, Clone)]
pub struct AnswerStore {
    pub(super) client: Client,
    pub(super) table: String,
    pub(super) direct: DirectPut,
    retries: RetryPartition,
}

impl AnswerStore {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self {
            client,
            table,
            direct: DirectPut::default(),
            retries: direct_put::retries(),
        }
    }

    /// Keeps an answer if the viewer has none yet, or gives up after `within`, its retries
    /// included. What is given up is not acknowledged; it may or may not have been kept, and the
    /// same answer sent again finds out.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn put(
        &self,
        partition: &Partition,
        answer: &Answer,
        within: Duration,
    ) -> Result<Put, StoreError> {
        let until = Instant::now() + within;
        let attempt = within / 2;
        let key = partition.to_string();
        let sent = self.direct.attempt(&self.table, &key, answer, attempt);
        let config = match sent.await {
            Attempt::Kept => return Ok(Put::New),
            Attempt::Failed(outcome) => Config::builder().http_client(outcome.http_client()),
            Attempt::NotMade => Config::builder().interceptor(self.direct.learner()),
        };
        let limits = TimeoutConfig::builder()
            .operation_timeout(until.saturating_duration_since(Instant::now()))
            .operation_attempt_timeout(attempt);
        let config = config.timeout_config(limits.build());
        let config = config.retry_partition(self.retries.clone());
        let item = serde_dynamo::to_item(answer).expect("an answer is texts and numbers");
        self.put_first(partition, item, Some(config)).await
    }

    /// Keeps that the viewer is refused, if they have no answer: from now on they have none.
    ///
    /// # Errors
    /// [`StoreError`]: the answer may or may not be kept out.
    pub async fn refuse(
        &self,
        partition: &Partition,
        viewer_id: &UserId,
        at: Timestamp,
    ) -> Result<Option<Answer>, StoreError> {
        let item = HashMap::from([
            ("viewerId".to_owned(), text(viewer_id.as_str())),
            ("refusedAt".to_owned(), text(at.to_string())),
        ]);
        match self.put_first(partition, item, None).await? {
            Put::New | Put::Refused => Ok(None),
            Put::Before(answer) => Ok(Some(answer)),
        }
    }

    async fn put_first(
        &self,
        partition: &Partition,
        mut item: Item,
        config: Option<Builder>,
    ) -> Result<Put, StoreError> {
        let key = partition.to_string();
        item.insert("partition".to_owned(), text(&key));
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(CONDITION)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .customize();
        if let Some(config) = config {
            put = put.config_override(config);
        }
        let Err(error) = put.send().await else {
            return Ok(Put::New);
        };
        let failed = AwsError::new("PutItem", &error);
        match error.into_service_error() {
            PutItemError::ConditionalCheckFailedException(refused) => {
                let before = answer(&key, refused.item.unwrap_or_default())?;
                Ok(before.map_or(Put::Refused, Put::Before))
            }
            _ => Err(failed.into()),
        }
    }

    /// A viewer's answer, if they have one.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get(
        &self,
        partition: &Partition,
        viewer_id: &UserId,
    ) -> Result<Option<Answer>, StoreError> {
        let key = partition.to_string();
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("partition", text(&key))
            .key("viewerId", text(viewer_id.as_str()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("GetItem", &error))?;
        match found.item {
            Some(item) => answer(&key, item),
            None => Ok(None),
        }
    }

    /// A viewer's answers in these partitions, one of each question.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of_viewer(
        &self,
        partitions: &[Partition],
        viewer_id: &UserId,
    ) -> Result<Vec<(QuestionKey, Answer)>, StoreError> {
        let mut answers = Vec::new();
        for partitions in partitions.chunks(MAX_KEYS) {
            self.take_of_viewer(partitions, viewer_id, &mut answers)
                .await?;
        }
        Ok(answers)
    }

    async fn take_of_viewer(
        &self,
        partitions: &[Partition],
        viewer_id: &UserId,
        answers: &mut Vec<(QuestionKey, Answer)>,
    ) -> Result<(), StoreError> {
        let keys = partitions.iter().map(|partition| {
            HashMap::from([
                ("partition".to_owned(), text(partition.to_string())),
                ("viewerId".to_owned(), text(viewer_id.as_str())),
            ])
        });
        let mut wanted: Vec<Item> = keys.collect();
        for attempt in 0..BATCH_ATTEMPTS {
            if wanted.is_empty() {
                return Ok(());
            }
            tokio::time::sleep(BATCH_PAUSE * attempt).await;
            let (found, rest) = self.batch(wanted).await?;
            for item in found {
                let partition = partition_of(&item)?;
                let kept = answer(&partition.to_string(), item)?;
                answers.extend(kept.map(|answer| (partition.question, answer)));
            }
            wanted = rest;
        }
        match wanted.is_empty() {
            true => Ok(()),
            false => Err(AwsError::listed("BatchGetItem", Some(THROTTLED), None).into()),
        }
    }

    /// The items of these keys, and the keys that were not looked at.
    async fn batch(&self, keys: Vec<Item>) -> Result<(Vec<Item>, Vec<Item>), StoreError> {
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build()
            .expect("the keys are set");
        let found = self
            .client
            .batch_get_item()
            .request_items(&self.table, wanted)
            .send()
            .await
            .map_err(|error| AwsError::new("BatchGetItem", &error))?;
        let items = found.responses.unwrap_or_default().remove(&self.table);
        let rest = found
            .unprocessed_keys
            .unwrap_or_default()
            .remove(&self.table);
        let rest = rest.map_or_else(Vec::new, |rest| rest.keys);
        Ok((items.unwrap_or_default(), rest))
    }
}

/// What stands in a viewer's place: an answer, or none when it is a refusal.
fn answer(key: &str, item: Item) -> Result<Option<Answer>, StoreError> {
    match item.contains_key("choice") {
        true => read(key, item).map(Some),
        false => Ok(None),
    }
}

/// Where an item is from.
fn partition_of(item: &Item) -> Result<Partition, StoreError> {
    let key = item.get("partition").and_then(|key| key.as_s().ok());
    let key = key.cloned().unwrap_or_default();
    key.parse()
        .map_err(|error: NotAPartition| StoreError::Unreadable {
            key,
            source: serde::de::Error::custom(error),
        })
}
