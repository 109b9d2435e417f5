//! What the tests need of the local cloud.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, Target};
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use cuepoint_shared::dead_letters::DeadLetters;
use entitlement::store::EntitlementStore;
use serde_json::{Value, json};
use stage::Stack;
use uuid::Uuid;

/// How long a test waits for something that takes part of a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// The local cloud, and one viewer who is in no other test.
pub(crate) struct Cloud {
    pub(crate) stack: Stack,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) eventbridge: aws_sdk_eventbridge::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) viewer: String,
}

/// An item as plain JSON: its texts and numbers by name.
pub(crate) type Item = serde_json::Map<String, Value>;

impl Cloud {
    pub(crate) async fn new() -> Self {
        let stack = Stack::load().unwrap();
        let config = stack.sdk_config().await;
        Self {
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

    /// A queue of the test's own.
    pub(crate) async fn queue(&self) -> String {
        let name = format!("test-{}", Uuid::new_v4());
        let queue = self.sqs.create_queue().queue_name(name).send().await;
        queue.unwrap().queue_url.unwrap()
    }

    pub(crate) fn dead_letters(&self, queue: &str, function: &'static str) -> DeadLetters {
        DeadLetters::new(self.sqs.clone(), queue.to_owned(), function)
    }

    /// A queue that gets what the service publishes about the test's viewer.
    pub(crate) async fn listen(&self) -> String {
        let queue = self.queue().await;
        let bus = &self.stack.outputs.event_bus_name;
        let arn = self
            .sqs
            .get_queue_attributes()
            .queue_url(&queue)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await
            .unwrap()
            .attributes
            .unwrap()[&QueueAttributeName::QueueArn]
            .clone();
        let rule = format!("test-{}", self.viewer);
        let pattern = json!({
            "source": ["cuepoint.entitlement"],
            "detail": { "data": { "userId": [self.viewer] } },
        });
        self.eventbridge
            .put_rule()
            .event_bus_name(bus)
            .name(&rule)
            .event_pattern(pattern.to_string())
            .send()
            .await
            .unwrap();
        self.eventbridge
            .put_targets()
            .event_bus_name(bus)
            .rule(&rule)
            .targets(Target::builder().id("queue").arn(arn).build().unwrap())
            .send()
            .await
            .unwrap();
        queue
    }

    /// Puts an upstream event on the bus.
    pub(crate) async fn put_event(&self, detail_type: &str, detail: &Value) {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.stack.outputs.event_bus_name)
            .source("shop.example")
            .detail_type(detail_type)
            .detail(detail.to_string())
            .build();
        let answer = self.eventbridge.put_events().entries(entry).send().await;
        assert_eq!(answer.unwrap().failed_entry_count, 0);
    }

    /// Takes messages from a queue until `wanted` of them are of interest, and leaves the others.
    pub(crate) async fn receive(
        &self,
        queue: &str,
        wanted: usize,
        of_interest: impl Fn(&Message) -> bool,
    ) -> Vec<Message> {
        let mut found = Vec::new();
        let end = Instant::now() + PATIENCE;
        while found.len() < wanted {
            assert!(
                Instant::now() < end,
                "{} of {wanted} messages came",
                found.len()
            );
            let answer = self
                .sqs
                .receive_message()
                .queue_url(queue)
                .max_number_of_messages(10)
                .message_attribute_names("All")
                .visibility_timeout(3)
                .wait_time_seconds(1)
                .send()
                .await
                .unwrap();
            for message in answer.messages.unwrap_or_default() {
                if of_interest(&message) {
                    self.sqs
                        .delete_message()
                        .queue_url(queue)
                        .receipt_handle(message.receipt_handle().unwrap())
                        .send()
                        .await
                        .unwrap();
                    found.push(message);
                }
            }
        }
        found
    }

    /// Messages that wait in a queue, or come within a second: at most ten, which stay there.
    pub(crate) async fn waiting(&self, queue: &str) -> Vec<Message> {
        let answer = self
            .sqs
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(10)
            .visibility_timeout(0)
            .wait_time_seconds(1)
            .send()
            .await
            .unwrap();
        answer.messages.unwrap_or_default()
    }

    /// Whether nothing comes to a queue for a while.
    pub(crate) async fn stays_empty(&self, queue: &str) -> bool {
        self.waiting(queue).await.is_empty()
    }

    /// Asks until there is an answer.
    pub(crate) async fn until<T>(&self, ask: impl AsyncFn() -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(Instant::now() < end, "it did not happen");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// A message's attribute.
pub(crate) fn attribute<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.message_attributes()?.get(name)?.string_value()
}

/// The detail of an event as the bus delivered it.
pub(crate) fn delivered(message: &Message) -> (String, Value) {
    let delivery: Value = serde_json::from_str(message.body().unwrap()).unwrap();
    let detail_type = delivery["detail-type"].as_str().unwrap().to_owned();
    (detail_type, delivery["detail"].clone())
}

/// The detail of an upstream event that happened at a second after midnight.
pub(crate) fn upstream(second: u32, event_id: &str, data: Value) -> Value {
    json!({
        "metadata": {
            "eventId": event_id,
            "occurredAt": format!("2026-11-22T00:00:{second:02}Z"),
            "correlationId": format!("cause-of-{event_id}"),
            "schemaVersion": 1,
        },
        "data": data,
    })
}
