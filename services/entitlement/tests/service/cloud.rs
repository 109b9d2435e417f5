//! What the tests need of the local cloud.

use aws_sdk_dynamodb::types::AttributeValue;
use cuepoint_shared::dead_letters::DeadLetters;
use entitlement::store::EntitlementStore;
use serde_json::{Value, json};
use stage::{Probe, Stack, upstream};
use uuid::Uuid;

/// The local cloud, and one viewer who is in no other test.
pub(crate) struct Cloud {
    pub(crate) stack: Stack,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) eventbridge: aws_sdk_eventbridge::Client,
    pub(crate) probe: Probe,
    pub(crate) viewer: String,
    sqs: aws_sdk_sqs::Client,
}

/// An item as plain JSON: its texts and numbers by name.
pub(crate) type Item = serde_json::Map<String, Value>;

impl Cloud {
    pub(crate) async fn new() -> Self {
        let stack = Stack::load().unwrap();
        let config = stack.sdk_config().await;
        Self {
            probe: Probe::new(&stack, &config),
            stack,
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            eventbridge: aws_sdk_eventbridge::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            viewer: Uuid::new_v4().to_string(),
        }
    }

    pub(crate) fn channel_id(&self) -> &str {
        &self.stack.channel.channel_id
    }

    pub(crate) fn store(&self) -> EntitlementStore {
        let table = self.stack.outputs.entitlements_table.clone();
        EntitlementStore::new(self.dynamodb.clone(), table)
    }

    /// The deployed table's item for the test's viewer on the stack's channel.
    pub(crate) async fn item(&self) -> Option<Item> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(&self.stack.outputs.entitlements_table)
            .key("userId", AttributeValue::S(self.viewer.clone()))
            .key("channelId", AttributeValue::S(self.channel_id().to_owned()))
            .consistent_read(true)
            .send()
            .await
            .unwrap();
        answer
            .item
            .map(|item| serde_dynamo::from_item(item).unwrap())
    }

    pub(crate) fn dead_letters(&self, queue: &str, function: &'static str) -> DeadLetters {
        DeadLetters::new(self.sqs.clone(), queue.to_owned(), function)
    }

    /// A queue that gets what the service publishes about the test's viewer.
    pub(crate) async fn listen(&self) -> String {
        let data = json!({ "userId": [self.viewer] });
        self.probe.listen("cuepoint.entitlement", data).await
    }

    /// Puts an upstream event on the bus.
    pub(crate) async fn put_event(&self, detail_type: &str, detail: &Value) {
        let bus = &self.stack.outputs.event_bus_name;
        let put = upstream::put(&self.eventbridge, bus, detail_type, detail);
        put.await.unwrap();
    }
}

/// The detail of an upstream event that happened long ago, at a second after midnight.
pub(crate) fn upstream(second: u32, event_id: &str, data: Value) -> Value {
    json!({
        "metadata": {
            "eventId": event_id,
            "occurredAt": format!("2020-01-01T00:00:{second:02}Z"),
            "correlationId": format!("cause-of-{event_id}"),
            "schemaVersion": 1,
        },
        "data": data,
    })
}
