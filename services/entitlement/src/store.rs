//! The table `entitlements`: one item per viewer and channel.
//!
//! A write names the item that it was decided on: the event that item holds, or that there is
//! none. So of two functions that decide at the same time one fails, reads again and decides anew.
//! An item's event only ever gets newer, hence an event that was seen once never stands there again.

use aws_sdk_dynamodb::{
    Client, error::ProvideErrorMetadata, operation::get_item::GetItemOutput, types::AttributeValue,
};
use cuepoint_shared::{
    aws::AwsError,
    ids::{ChannelId, UserId},
};
use jiff::Timestamp;

use crate::rules::{self, Entitlement};

/// When the item was written, for the operator.
const APPLIED_AT: &str = "appliedAt";
/// From when DynamoDB may delete the item, in seconds since 1970: the table's time to live.
const DELETE_AFTER: &str = "deleteAfter";

/// Why an entitlement was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] AwsError),
    /// The item is not an entitlement. Someone else wrote it, or an older version of this service.
    #[error("the item for channel {channel_id} is not an entitlement")]
    Unreadable {
        /// The item's channel. Its other key is a viewer, who is not named, and what is wrong with
        /// it is not told: serde's words may repeat what is in it.
        channel_id: ChannelId,
    },
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It was made.
    Written,
    /// Another write came first; nothing was changed.
    LostRace,
}

/// The table.
#[derive(Debug, Clone)]
pub struct EntitlementStore {
    client: Client,
    table: String,
}

impl EntitlementStore {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Reads consistently what is known of a viewer and a channel.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer, or not with an entitlement.
    pub async fn get(
        &self,
        user_id: &UserId,
        channel_id: &ChannelId,
    ) -> Result<Option<Entitlement>, StoreError> {
        let GetItemOutput { item, .. } = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("userId", AttributeValue::S(user_id.to_string()))
            .key("channelId", AttributeValue::S(channel_id.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("GetItem", &error))?;
        item.map(serde_dynamo::from_item)
            .transpose()
            .map_err(|_| StoreError::Unreadable {
                channel_id: channel_id.clone(),
            })
    }

    /// Replaces `read`, which [`EntitlementStore::get`] returned for this viewer and channel.
    ///
    /// # Errors
    /// [`AwsError`]: it is unknown whether it was written.
    pub async fn put(
        &self,
        entitlement: &Entitlement,
        read: Option<&Entitlement>,
        applied_at: Timestamp,
    ) -> Result<Put, AwsError> {
        let mut item: std::collections::HashMap<String, AttributeValue> =
            serde_dynamo::to_item(entitlement).expect("an entitlement is a map of plain values");
        item.insert(
            APPLIED_AT.to_owned(),
            AttributeValue::S(applied_at.to_string()),
        );
        if let Some(time) = rules::delete_after(entitlement) {
            let seconds = time.as_second().to_string();
            item.insert(DELETE_AFTER.to_owned(), AttributeValue::N(seconds));
        }
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item));
        let put = match read {
            None => put.condition_expression("attribute_not_exists(userId)"),
            Some(read) => put
                .condition_expression("eventId = :event AND occurredAt = :occurred")
                .expression_attribute_values(":event", AttributeValue::S(read.event_id.to_string()))
                .expression_attribute_values(
                    ":occurred",
                    AttributeValue::S(read.occurred_at.to_string()),
                ),
        };
        match put.send().await {
            Ok(_) => Ok(Put::Written),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {
                Ok(Put::LostRace)
            }
            Err(error) => Err(AwsError::new("PutItem", &error)),
        }
    }
}
