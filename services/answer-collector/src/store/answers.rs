//! The table `answers`: by partition, one answer per viewer. An answer never changes.
//!
//! In the place of an answer there may be a *refusal*: the viewer was told that the time is over
//! while an earlier try of theirs could still have been under way. The refusal keeps that out, so
//! that who was refused is not counted after all. It has no `choice`, and is not among the answers
//! that are read.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client, Config,
    config::{Builder, timeout::TimeoutConfig},
    operation::{put_item::PutItemError, query::builders::QueryFluentBuilder},
    types::{KeysAndAttributes, ReturnValuesOnConditionCheckFailure},
};
use cuepoint_shared::{aws::AwsError, events::RecordedAnswer, ids::UserId};
use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Item, StoreError, read, text};
use crate::keys::{NotAPartition, Partition, QuestionKey};

/// How many shards are read ahead of the one whose answers are taken, a page of each. A page has
/// at most 1 MB (DynamoDB's limit of a query).
const AHEAD: usize = 4;

/// The most keys that are read at once (DynamoDB's limit of a BatchGetItem).
pub const MAX_KEYS: usize = 100;
/// How often keys are asked for that were not looked at, and how much longer it is waited before
/// each time.
const BATCH_ATTEMPTS: u32 = 5;
const BATCH_PAUSE: Duration = Duration::from_millis(50);
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
    client: Client,
    table: String,
}

impl AnswerStore {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
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
        let item = serde_dynamo::to_item(answer).expect("an answer is texts and numbers");
        let limits = TimeoutConfig::builder()
            .operation_timeout(within)
            .operation_attempt_timeout(within / 2);
        let limits = Config::builder().timeout_config(limits.build());
        self.put_first(partition, item, Some(limits)).await
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
        limits: Option<Builder>,
    ) -> Result<Put, StoreError> {
        let key = partition.to_string();
        item.insert("partition".to_owned(), text(&key));
        let mut put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(viewerId)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .customize();
        if let Some(limits) = limits {
            put = put.config_override(limits);
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

    /// A viewer's answers in these partitions, one of each question: at most [`MAX_KEYS`].
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of_viewer(
        &self,
        partitions: &[Partition],
        viewer_id: &UserId,
    ) -> Result<Vec<(QuestionKey, Answer)>, StoreError> {
        let keys = partitions.iter().map(|partition| {
            HashMap::from([
                ("partition".to_owned(), text(partition.to_string())),
                ("viewerId".to_owned(), text(viewer_id.as_str())),
            ])
        });
        let mut wanted: Vec<Item> = keys.collect();
        let mut answers = Vec::new();
        for attempt in 0..BATCH_ATTEMPTS {
            if wanted.is_empty() {
                return Ok(answers);
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
            true => Ok(answers),
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

    /// How many chose each of so many options in a partition.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn count(&self, partition: &Partition, options: u32) -> Result<Vec<u64>, StoreError> {
        #[derive(Deserialize)]
        struct Choice {
            choice: u32,
        }
        let mut counts = vec![0; options as usize];
        let count = |Choice { choice }| match counts.get_mut(choice as usize) {
            Some(count) => {
                *count += 1;
                Ok(())
            }
            None => Err(StoreError::UnknownOption {
                key: partition.to_string(),
                choice,
            }),
        };
        self.each(partition, "choice", count).await?;
        Ok(counts)
    }

    /// Every answer of a partition.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn all(&self, partition: &Partition) -> Result<Vec<Answer>, StoreError> {
        let mut answers = Vec::new();
        let push = |answer| {
            answers.push(answer);
            Ok(())
        };
        self.each(partition, "viewerId, choice, receivedAt, #name", push)
            .await?;
        Ok(answers)
    }

    /// All answers to a question, page by page, in bounded memory and in the same order each time:
    /// shard after shard, in each by viewer.
    ///
    /// # Errors
    /// [`StoreError`], as an item of the stream; nothing that comes after it may be used.
    pub fn pages(
        &self,
        question: &QuestionKey,
        shards: u32,
    ) -> impl Stream<Item = Result<Vec<RecordedAnswer>, StoreError>> {
        stream::iter(0..shards)
            .map(|shard| {
                let mut pages = Box::pin(self.pages_of_shard(question.partition(shard)));
                async move {
                    let first = pages.next().await;
                    stream::iter(first).chain(pages)
                }
            })
            .buffered(AHEAD)
            .flatten()
    }

    fn pages_of_shard(
        &self,
        partition: Partition,
    ) -> impl Stream<Item = Result<Vec<RecordedAnswer>, StoreError>> + use<> {
        let key = partition.to_string();
        let query = self.query(&key, "viewerId, choice, receivedAt");
        let pages = query.into_paginator().send();
        stream::unfold((pages, key), |(mut pages, key)| async {
            let page = pages.next().await?;
            let answers = page
                .map_err(|error| AwsError::new("Query", &error).into())
                .and_then(|page| {
                    let items = page.items.unwrap_or_default().into_iter();
                    items.map(|item| read(&key, item)).collect()
                });
            Some((answers, (pages, key)))
        })
    }

    fn query(&self, key: &str, projection: &str) -> QueryFluentBuilder {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#partition = :partition")
            .expression_attribute_names("#partition", "partition")
            .expression_attribute_values(":partition", text(key))
            .projection_expression(projection)
            .filter_expression("attribute_exists(choice)")
            .consistent_read(true);
        match projection.contains("#name") {
            true => query.expression_attribute_names("#name", "name"),
            false => query,
        }
    }

    async fn each<T: DeserializeOwned>(
        &self,
        partition: &Partition,
        projection: &str,
        mut take: impl FnMut(T) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let key = partition.to_string();
        let query = self.query(&key, projection);
        let mut items = query.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| AwsError::new("Query", &error))?;
            take(read(&key, item)?)?;
        }
        Ok(())
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
