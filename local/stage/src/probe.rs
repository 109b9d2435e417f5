//! What a test sees of the deployed stack from outside: queues of its own, and the events on the
//! bus.
//!
//! The adapter for SQS of this crate. Everything here fails the test that calls it by panicking.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName, QueueAttributeName};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stack::Stack;

/// How long a test waits for something that takes part of a second.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes queues and reads them.
#[derive(Debug, Clone)]
pub struct Probe {
    sqs: aws_sdk_sqs::Client,
    eventbridge: aws_sdk_eventbridge::Client,
    bus: String,
    patience: Duration,
}

impl Probe {
    /// A probe in the stack that `config` leads to.
    pub fn new(stack: &Stack, config: &SdkConfig) -> Self {
        Self {
            sqs: aws_sdk_sqs::Client::new(config),
            eventbridge: aws_sdk_eventbridge::Client::new(config),
            bus: stack.outputs.event_bus_name.clone(),
            patience: PATIENCE,
        }
    }

    /// The same, for what takes longer than part of a second.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// A new queue, by its URL. No one deletes it: the local cloud ends with the tests.
    pub async fn queue(&self) -> String {
        let name = format!("test-{}", Uuid::new_v4());
        let queue = self.sqs.create_queue().queue_name(name).send().await;
        queue.unwrap().queue_url.unwrap()
    }

    /// A new queue that gets the events of one source whose data matches a pattern, e.g.
    /// `{"userId": ["…"]}`.
    pub async fn listen(&self, source: &str, data: Value) -> String {
        let pattern = json!({ "source": [source], "detail": { "data": data } });
        self.listen_by(pattern).await
    }

    /// A new queue that gets the services' own events about one channel, whichever service they are
    /// from.
    pub async fn listen_to_channel(&self, channel_id: &str) -> String {
        let pattern = json!({
            "source": [{ "prefix": "cuepoint." }],
            "detail": { "data": { "channelId": [channel_id] } },
        });
        self.listen_by(pattern).await
    }

    /// A new queue that gets everything on the bus.
    pub async fn listen_to_all(&self) -> String {
        self.listen_by(json!({ "source": [{ "prefix": "" }] }))
            .await
    }

    async fn listen_by(&self, pattern: Value) -> String {
        let queue = self.queue().await;
        let attributes = self
            .sqs
            .get_queue_attributes()
            .queue_url(&queue)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await;
        let arn = attributes.unwrap().attributes.unwrap()[&QueueAttributeName::QueueArn].clone();
        let rule = format!("test-{}", Uuid::new_v4());
        self.eventbridge
            .put_rule()
            .event_bus_name(&self.bus)
            .name(&rule)
            .event_pattern(pattern.to_string())
            .send()
            .await
            .unwrap();
        let target = Target::builder().id("queue").arn(arn).build().unwrap();
        let put = self
            .eventbridge
            .put_targets()
            .event_bus_name(&self.bus)
            .rule(&rule)
            .targets(target)
            .send()
            .await;
        assert_eq!(put.unwrap().failed_entry_count, 0);
        queue
    }

    /// Takes messages from a queue until `wanted` of them are of interest, and leaves the others.
    pub async fn receive(
        &self,
        queue: &str,
        wanted: usize,
        of_interest: impl Fn(&Message) -> bool,
    ) -> Vec<Message> {
        let enough = |found: &[Message]| found.len() >= wanted;
        self.take(queue, enough, of_interest).await
    }

    /// Takes messages from a queue until there are enough of them.
    pub async fn receive_until(
        &self,
        queue: &str,
        enough: impl Fn(&[Message]) -> bool,
    ) -> Vec<Message> {
        self.take(queue, enough, |_| true).await
    }

    async fn take(
        &self,
        queue: &str,
        enough: impl Fn(&[Message]) -> bool,
        of_interest: impl Fn(&Message) -> bool,
    ) -> Vec<Message> {
        let mut found = Vec::new();
        let end = Instant::now() + self.patience;
        while !enough(&found) {
            assert!(Instant::now() < end, "only {} messages came", found.len());
            // What is left is soon there again, for others who look for it.
            for message in self.look(queue, 3, 1).await {
                if of_interest(&message) {
                    let receipt = message.receipt_handle().unwrap();
                    let delete = self.sqs.delete_message().queue_url(queue);
                    delete.receipt_handle(receipt).send().await.unwrap();
                    found.push(message);
                }
            }
        }
        found
    }

    /// Messages that wait in a queue, or come within two seconds: at most ten, which stay there.
    pub async fn waiting(&self, queue: &str) -> Vec<Message> {
        self.look(queue, 0, 2).await
    }

    /// All messages that wait in a queue, however many. They are there again in half a minute.
    pub async fn all_waiting(&self, queue: &str) -> Vec<Message> {
        let mut all = Vec::new();
        loop {
            match self.look(queue, 30, 1).await {
                some if some.is_empty() => return all,
                some => all.extend(some),
            }
        }
    }

    /// Whether nothing comes to a queue for two seconds.
    pub async fn stays_empty(&self, queue: &str) -> bool {
        self.waiting(queue).await.is_empty()
    }

    /// Up to ten messages, hidden from others for so many seconds.
    async fn look(&self, queue: &str, hidden: i32, wait: i32) -> Vec<Message> {
        let answer = self
            .sqs
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(10)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .visibility_timeout(hidden)
            .wait_time_seconds(wait)
            .send()
            .await;
        answer.unwrap().messages.unwrap_or_default()
    }
}

/// Asks until there is an answer.
pub async fn until<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < end, "it did not happen");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A message's attribute, when it has it.
pub fn attribute<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.message_attributes()?.get(name)?.string_value()
}

/// When a message was sent to its queue, in milliseconds since 1970.
pub fn sent_at(message: &Message) -> i64 {
    let attributes = message.attributes().unwrap();
    let sent_at = &attributes[&MessageSystemAttributeName::SentTimestamp];
    sent_at.parse().unwrap()
}

/// Detail type and detail of an event as the bus delivered it.
pub fn delivered(message: &Message) -> (String, Value) {
    let delivery: Value = serde_json::from_str(message.body().unwrap()).unwrap();
    let detail_type = delivery["detail-type"].as_str().unwrap().to_owned();
    (detail_type, delivery["detail"].clone())
}
