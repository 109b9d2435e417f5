//! What the tests need of the local cloud.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use cuepoint_shared::dead_letters::DeadLetters;
use entitlement::store::EntitlementStore;
use serde_json::{Value, json};
use stage::{Probe, Stack, upstream};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use uuid::Uuid;

/// Tests that need the deployed functions as they are hold it together; one that kills them holds it
/// alone.
static FUNCTIONS: RwLock<()> = RwLock::const_new(());

/// How long the deployed function may take until it has no message left to take in.
const TAKEN_IN: Duration = Duration::from_secs(180);

/// Nobody kills the deployed functions meanwhile.
pub(crate) async fn calm() -> RwLockReadGuard<'static, ()> {
    FUNCTIONS.read().await
}

/// Nobody else needs the deployed functions meanwhile.
pub(crate) async fn alone() -> RwLockWriteGuard<'static, ()> {
    FUNCTIONS.write().await
}

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
        self.item_of(&self.viewer).await
    }

    /// The same for another viewer.
    pub(crate) async fn item_of(&self, viewer: &str) -> Option<Item> {
        let answer = self
            .dynamodb
            .get_item()
            .table_name(&self.stack.outputs.entitlements_table)
            .key("userId", AttributeValue::S(viewer.to_owned()))
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
        self.listen_to(std::slice::from_ref(&self.viewer)).await
    }

    /// The same for other viewers.
    pub(crate) async fn listen_to(&self, viewers: &[String]) -> String {
        let data = json!({ "userId": viewers });
        self.probe.listen("cuepoint.entitlement", data).await
    }

    /// Waits until the queue of the deployed `entitlement-intake` is empty, and nothing of it is
    /// being worked on.
    pub(crate) async fn all_taken_in(&self) {
        let queue = self.intake_queue().await;
        let end = Instant::now() + TAKEN_IN;
        let mut empty = 0;
        // Events may be on their way from the bus: more than one look is needed.
        while empty < 5 {
            assert!(Instant::now() < end, "messages are left");
            let attributes = self
                .sqs
                .get_queue_attributes()
                .queue_url(&queue)
                .attribute_names(QueueAttributeName::All)
                .send()
                .await;
            let attributes = attributes.unwrap().attributes.unwrap();
            let none = |name| attributes[&name] == "0";
            let nothing = none(QueueAttributeName::ApproximateNumberOfMessages)
                && none(QueueAttributeName::ApproximateNumberOfMessagesNotVisible);
            empty = if nothing { empty + 1 } else { 0 };
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// How long the queue waits before it delivers again what was not done, in seconds.
    pub(crate) async fn deliver_again_after(&self, seconds: u32) {
        let set = self
            .sqs
            .set_queue_attributes()
            .queue_url(self.intake_queue().await)
            .attributes(QueueAttributeName::VisibilityTimeout, seconds.to_string())
            .send();
        set.await.unwrap();
    }

    async fn intake_queue(&self) -> String {
        let name = format!("{}-entitlement-intake", self.stack.outputs.event_bus_name);
        let queue = self.sqs.get_queue_url().queue_name(name).send().await;
        queue.unwrap().queue_url.unwrap()
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
