//! The tables of this service in DynamoDB, one module each.
//!
//! - [`windows`]: when a question may be answered, and its final tally; with them [`leaderboards`];
//! - [`answers`]: one answer per viewer and question; whole partitions of them with [`answer_pages`];
//!   the write of one, which is made most, with [`direct_put`];
//! - [`tallies`]: the live counts.

pub mod answer_pages;
pub mod answers;
mod direct_put;
pub mod leaderboards;
mod page_query;
pub mod tallies;
pub mod windows;

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use cuepoint_shared::aws::AwsError;
use serde::de::DeserializeOwned;

type Item = HashMap<String, AttributeValue>;

/// A table could not be used.
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
    /// A page of items is not what this service writes.
    #[error("a page of {key} cannot be read: {place}")]
    UnreadablePage {
        /// Its partition key.
        key: String,
        /// Where it is broken.
        place: String,
    },
    /// A page of items is not in the order of their sort keys, or does not go on where the one
    /// before it ended.
    #[error("a page of {0} is out of order")]
    OutOfOrder(String),
    /// An answer names an option that its question does not have.
    #[error("an answer in {key} names option {choice}")]
    UnknownOption {
        /// Its partition key.
        key: String,
        /// The index it names.
        choice: u32,
    },
}

fn read<T: DeserializeOwned>(key: &str, item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(|source| StoreError::Unreadable {
        key: key.to_owned(),
        source,
    })
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}
