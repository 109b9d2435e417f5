//! The table `entitlements`, which belongs to the entitlement service: read only.

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use cuepoint_shared::{
    aws::AwsError,
    ids::{ChannelId, UserId},
};

use crate::rules::Entitlement;

/// Why an entitlement was not read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] AwsError),
    /// The item is not an entitlement.
    #[error("the item for channel {channel_id} is not an entitlement")]
    Unreadable {
        /// The item's channel. Its other key is a viewer, who is not named, and what is wrong with
        /// it is not told: serde's words may repeat what is in it.
        channel_id: ChannelId,
    },
}

/// The read model of entitlements.
#[derive(Debug, Clone)]
pub struct Entitlements {
    client: Client,
    table: String,
}

impl Entitlements {
    /// The table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Reads consistently what is known of a viewer and a channel, so that a revocation counts as
    /// soon as it is written.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer, or not with an entitlement.
    pub async fn get(
        &self,
        user_id: &UserId,
        channel_id: &ChannelId,
    ) -> Result<Option<Entitlement>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("userId", AttributeValue::S(user_id.to_string()))
            .key("channelId", AttributeValue::S(channel_id.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| AwsError::new("GetItem", &error))?;
        answer
            .item
            .map(serde_dynamo::from_item)
            .transpose()
            .map_err(|_| StoreError::Unreadable {
                channel_id: channel_id.clone(),
            })
    }
}
