//! The table `answers`: by partition, one answer per viewer. An answer never changes.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client, Config,
    config::timeout::TimeoutConfig,
    operation::{put_item::PutItemError, query::builders::QueryFluentBuilder},
    types::ReturnValuesOnConditionCheckFailure,
};
use cuepoint_shared::{aws::AwsError, events::RecordedAnswer, ids::UserId};
use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Item, StoreError, read, text};
use crate::keys::{Partition, QuestionKey};

/// How many shards are read ahead of the one whose answers are taken, a page of each. A page has
/// at most 1 MB (DynamoDB's limit of a query).
const AHEAD: usize = 4;

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
        let key = partition.to_string();
        let mut item: Item = serde_dynamo::to_item(answer).expect("an answer is texts and numbers");
        item.insert("partition".to_owned(), text(&key));
        let limits = TimeoutConfig::builder()
            .operation_timeout(within)
            .operation_attempt_timeout(within / 2);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(viewerId)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .customize()
            .config_override(Config::builder().timeout_config(limits.build()))
            .send()
            .await;
        let Err(error) = put else {
            return Ok(Put::New);
        };
        let failed = AwsError::new("PutItem", &error);
        match error.into_service_error() {
            PutItemError::ConditionalCheckFailedException(refused) => {
                Ok(Put::Before(read(&key, refused.item.unwrap_or_default())?))
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
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("partition", text(&key))
            .key("viewerId", text(viewer_id.as_str()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("GetItem", &error))?;
        answer.item.map(|item| read(&key, item)).transpose()
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
