//! What `answers-recorded` says, as a consumer hears it that drops repeats by event id.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::{
    Client,
    types::{Message, QueueAttributeName},
};
use serde::Deserialize;
use serde_json::{Value, json};
use stage::Stack;
use tokio::time::sleep;
use uuid::Uuid;

use crate::chaos::ledger::Ledger;

/// What an order that failed waits until it comes again, while someone listens, in seconds. The
/// deployed queue's own time is longer than tests wait.
const COMES_AGAIN_AFTER: u32 = 5;
/// Each of these counts orders that are not done.
const NOT_DONE: [QueueAttributeName; 3] = [
    QueueAttributeName::ApproximateNumberOfMessages,
    QueueAttributeName::ApproximateNumberOfMessagesDelayed,
    QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
];

/// A consumer of its own: a rule on the bus, a queue, and what has come.
#[derive(Debug)]
pub struct Recordings {
    sqs: Client,
    /// What comes for this consumer.
    heard: String,
    /// The orders to record.
    orders: String,
    /// How long an order is hidden otherwise, in seconds.
    hidden: String,
    events: BTreeMap<String, Value>,
    /// Ids that came with another content.
    changed: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    run_id: String,
    question_id: String,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    viewer_id: String,
    choice: u32,
}

impl Recordings {
    /// Listens from now on, and lets orders that failed come again soon. [`Recordings::end`] puts
    /// that back.
    ///
    /// # Errors
    /// When the queue or the rule cannot be made.
    pub async fn listen(stack: &Stack) -> anyhow::Result<Self> {
        let config = stack.sdk_config().await;
        let sqs = Client::new(&config);
        let name = format!("recordings-{}", Uuid::new_v4());
        let queue = sqs.create_queue().queue_name(&name).send().await?;
        let heard = queue.queue_url.context("the queue has no URL")?;
        let arn = attribute(&sqs, &heard, &QueueAttributeName::QueueArn).await?;
        let bus = aws_sdk_eventbridge::Client::new(&config);
        bus.put_rule()
            .event_bus_name(&stack.outputs.event_bus_name)
            .name(&name)
            .event_pattern(json!({ "detail-type": ["answers-recorded"] }).to_string())
            .send()
            .await?;
        let put = bus
            .put_targets()
            .event_bus_name(&stack.outputs.event_bus_name)
            .rule(&name)
            .targets(Target::builder().id("queue").arn(arn).build()?)
            .send()
            .await?;
        ensure!(put.failed_entry_count == 0, "the rule takes no target");
        let orders = stack.outputs.answer_recording_queue_url.clone();
        let hidden = attribute(&sqs, &orders, &QueueAttributeName::VisibilityTimeout).await?;
        let recordings = Self {
            sqs,
            heard,
            orders,
            hidden,
            events: BTreeMap::new(),
            changed: Vec::new(),
        };
        recordings.hide_for(&COMES_AGAIN_AFTER.to_string()).await?;
        Ok(recordings)
    }

    /// Lets orders that failed be hidden as long as before.
    ///
    /// # Errors
    /// When SQS refuses.
    pub async fn end(self) -> anyhow::Result<()> {
        self.hide_for(&self.hidden).await
    }

    async fn hide_for(&self, seconds: &str) -> anyhow::Result<()> {
        let set = self.sqs.set_queue_attributes().queue_url(&self.orders);
        set.attributes(QueueAttributeName::VisibilityTimeout, seconds)
            .send()
            .await?;
        Ok(())
    }

    /// Waits until no order is left, and takes what has come. Gives up after so long; returns how many
    /// orders are left then.
    ///
    /// # Errors
    /// When a queue cannot be read, or something else than an event is in it.
    pub async fn settle(&mut self, patience: Duration) -> anyhow::Result<u64> {
        let give_up = Instant::now() + patience;
        let left = loop {
            self.take().await?;
            let left = self.orders_left().await?;
            if left == 0 || Instant::now() > give_up {
                break left;
            }
            sleep(Duration::from_millis(500)).await;
        };
        // What the last order has made.
        self.take().await?;
        Ok(left)
    }

    async fn orders_left(&self) -> anyhow::Result<u64> {
        let mut left = 0;
        for count in &NOT_DONE {
            let count = attribute(&self.sqs, &self.orders, count).await?;
            left += count.parse::<u64>()?;
        }
        Ok(left)
    }

    /// Takes what waits, until nothing more comes within a second.
    ///
    /// # Errors
    /// As [`Recordings::settle`].
    pub async fn take(&mut self) -> anyhow::Result<()> {
        loop {
            let answer = self
                .sqs
                .receive_message()
                .queue_url(&self.heard)
                .max_number_of_messages(10)
                .wait_time_seconds(1)
                .send()
                .await?;
            let messages = answer.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(());
            }
            for message in messages {
                self.keep(&message)?;
                let delete = self.sqs.delete_message().queue_url(&self.heard);
                delete
                    .set_receipt_handle(message.receipt_handle)
                    .send()
                    .await?;
            }
        }
    }

    fn keep(&mut self, message: &Message) -> anyhow::Result<()> {
        let body = message.body.as_deref().unwrap_or_default();
        let event: Value = serde_json::from_str(body)?;
        let detail = event["detail"].clone();
        let id = detail["metadata"]["eventId"].as_str();
        let id = id.context("an event without id")?.to_owned();
        let before = self.events.insert(id.clone(), detail.clone());
        if before.is_some_and(|before| before != detail) {
            self.changed.push(id);
        }
        Ok(())
    }

    /// How what was recorded of a question differs from what its viewers were told, in words.
    ///
    /// # Errors
    /// When an event has another form.
    pub fn compare(&self, run_id: &str, ledger: &Ledger) -> anyhow::Result<Vec<String>> {
        let mut recorded: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        let mut problems = Vec::new();
        for (id, detail) in &self.events {
            let event: Recorded = serde_json::from_value(detail["data"].clone())?;
            if event.run_id != run_id {
                continue;
            }
            if self.changed.contains(id) {
                let question = &event.question_id;
                problems.push(format!(
                    "{question} of run {run_id}: event {id} came with two contents"
                ));
            }
            for answer in event.answers {
                let of_viewer = recorded.entry(answer.viewer_id).or_default();
                of_viewer.push(answer.choice);
            }
        }
        let difference = difference(&ledger.accepted(), &recorded);
        problems.extend(difference.map(|what| format!("answers recorded of run {run_id}: {what}")));
        Ok(problems)
    }
}

/// Each accepted answer must be recorded exactly once, and nothing else.
fn difference(
    accepted: &BTreeMap<&str, u32>,
    recorded: &BTreeMap<String, Vec<u32>>,
) -> Option<String> {
    let missing = accepted
        .keys()
        .filter(|viewer| !recorded.contains_key(**viewer))
        .count();
    let repeated = recorded.values().filter(|choices| choices.len() > 1);
    let repeated = repeated.count();
    let others = recorded
        .iter()
        .filter(|(viewer, choices)| {
            let accepted = accepted.get(viewer.as_str());
            choices.iter().any(|choice| Some(choice) != accepted)
        })
        .count();
    (missing + repeated + others > 0).then(|| {
        let wanted = accepted.len();
        format!("of {wanted} accepted, {missing} are missing, {repeated} are there more than once, {others} were never accepted")
    })
}

async fn attribute(sqs: &Client, queue: &str, name: &QueueAttributeName) -> anyhow::Result<String> {
    let get = sqs.get_queue_attributes().queue_url(queue);
    let attributes = get.attribute_names(name.clone()).send().await?.attributes;
    let value = attributes.and_then(|mut attributes| attributes.remove(name));
    value.with_context(|| format!("the queue has no {}", name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(recorded: &[(&str, &[u32])]) -> Option<String> {
        let recorded = recorded
            .iter()
            .map(|(viewer, choices)| ((*viewer).to_owned(), choices.to_vec()));
        difference(&BTreeMap::from([("a", 1), ("b", 2)]), &recorded.collect())
    }

    #[test]
    fn each_accepted_answer_is_recorded_once_and_nothing_else() {
        assert_eq!(said(&[("a", &[1]), ("b", &[2])]), None);
        let wrong = [
            (said(&[("a", &[1])]), "1 are missing, 0"),
            (said(&[("a", &[1, 1]), ("b", &[2])]), "1 are there more"),
            (said(&[("a", &[1]), ("b", &[3])]), "1 were never"),
            (
                said(&[("a", &[1]), ("b", &[2]), ("c", &[0])]),
                "1 were never",
            ),
        ];
        for (said, part) in wrong {
            assert!(said.clone().unwrap().contains(part), "{said:?}");
        }
    }
}
