//! The table `tallies`: by question, the live counts of each part of its answers.
//!
//! A part is a shard as one stream shard tells it: `<shard>#<stream shard>`, with `-` where Lambda
//! does not name the stream shard. Its item has the counts `c0`, `c1`, … and the mark
//! `lastSequence`: the highest sequence number that is in them.

use std::collections::HashMap;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use cuepoint_shared::aws::AwsError;
use serde::Deserialize;

use super::{Item, StoreError, read, text};
use crate::{
    keys::{Partition, QuestionKey},
    live::{Addition, Sequence},
};

/// The table.
#[derive(Debug, Clone)]
pub struct TallyStore {
    client: Client,
    table: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mark {
    last_sequence: Sequence,
}

impl TallyStore {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The highest sequence number that is counted in a part.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn mark(
        &self,
        partition: &Partition,
        stream_shard: Option<&str>,
    ) -> Result<Option<Sequence>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key(partition, stream_shard)))
            .projection_expression("lastSequence")
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("GetItem", &error))?;
        let Some(item) = answer.item else {
            return Ok(None);
        };
        let mark: Mark = read(&partition.question.to_string(), item)?;
        Ok(Some(mark.last_sequence))
    }

    /// Adds to the counts of a part and moves its mark, if the mark is still as it was read; false
    /// when it is not.
    ///
    /// # Errors
    /// [`StoreError::Aws`]
    pub async fn add(
        &self,
        partition: &Partition,
        stream_shard: Option<&str>,
        before: Option<&Sequence>,
        addition: &Addition,
    ) -> Result<bool, StoreError> {
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(partition, stream_shard)))
            .expression_attribute_values(":last", text(addition.last.as_str()));
        update = match before {
            None => update.condition_expression("attribute_not_exists(lastSequence)"),
            Some(mark) => update
                .condition_expression("lastSequence = :before")
                .expression_attribute_values(":before", text(mark.as_str())),
        };
        let mut adds = Vec::new();
        for (option, &count) in addition
            .counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
        {
            adds.push(format!("{} :n{option}", attribute(option)));
            let count = AttributeValue::N(count.to_string());
            update = update.expression_attribute_values(format!(":n{option}"), count);
        }
        let expression = format!("SET lastSequence = :last ADD {}", adds.join(", "));
        match update.update_expression(expression).send().await {
            Ok(_) => Ok(true),
            Err(error) => {
                let failed = AwsError::new("UpdateItem", &error);
                match error
                    .into_service_error()
                    .is_conditional_check_failed_exception()
                {
                    true => Ok(false),
                    false => Err(failed.into()),
                }
            }
        }
    }

    /// How many chose each of so many options, as far as the stream has told.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn live(&self, question: &QuestionKey, options: u32) -> Result<Vec<u64>, StoreError> {
        let mut counts = vec![0; options as usize];
        let mut parts = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("question = :question")
            .expression_attribute_values(":question", text(question.to_string()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| AwsError::new("Query", &error))?;
            for (option, count) in counts.iter_mut().enumerate() {
                if let Some(AttributeValue::N(number)) = part.get(&attribute(option)) {
                    *count += number
                        .parse::<u64>()
                        .map_err(|error| StoreError::Unreadable {
                            key: question.to_string(),
                            source: serde::de::Error::custom(error),
                        })?;
                }
            }
        }
        Ok(counts)
    }
}

fn attribute(option: usize) -> String {
    format!("c{option}")
}

fn key(partition: &Partition, stream_shard: Option<&str>) -> Item {
    let part = format!("{}#{}", partition.shard, stream_shard.unwrap_or("-"));
    HashMap::from([
        ("question".to_owned(), text(partition.question.to_string())),
        ("part".to_owned(), text(part)),
    ])
}
