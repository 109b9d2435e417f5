//! An audience's answers, recorded: read page by page, packed and published, as `answer-recorder`
//! does it on its one core, in a process that does nothing else.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use answer_collector::{
    answer_recorder::AnswerRecorderHandler,
    store::{answers::AnswerStore, windows::WindowStore},
};
use anyhow::ensure;
use aws_lambda_events::sqs::SqsEvent;
use bytes::Bytes;
use cuepoint_shared::{
    aws,
    dead_letters::DeadLetters,
    event_bus::EventBus,
    events::{AnswersRecorded, Event},
    telemetry,
};
use jiff::Timestamp;
use lambda_runtime::{Context, LambdaEvent};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Value, json};

use super::{
    audience::Audience,
    fixture::{ANSWERS, QUESTION, QUIZ, RUN, WINDOWS},
    tally::{TIMES, cpu_time, millis},
};
use crate::{memory, statistics::median};

/// How many answers are recorded.
const RECORDED: u64 = 1_000_000;
/// In how many shards they are.
const SHARDS: u64 = 100;

/// Answers that were recorded, on one core.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Recorded {
    /// How many.
    pub(super) answers: u64,
    /// In how many shards they were.
    pub(super) shards: u64,
    /// In how many events they are.
    pub(super) events: u64,
    /// CPU time of each answer, in microseconds: the median.
    pub(super) cpu_us: f64,
}

/// Measures it, in this process.
pub(super) fn measure() -> anyhow::Result<Recorded> {
    telemetry::init();
    // As `answer-recorder` has it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(Arc::new(Audience::new(RECORDED, SHARDS))))
}

async fn run(audience: Arc<Audience>) -> anyhow::Result<Recorded> {
    let sdk = aws::config().await;
    let dynamodb = memory::client(&sdk, Arc::clone(&audience));
    let published = Arc::new(Published::default());
    let bus = memory::http_client({
        let published = Arc::clone(&published);
        move |_: &str, request: &[u8]| published.take(request)
    });
    let bus = aws_sdk_eventbridge::config::Builder::from(&sdk).http_client(bus);
    let handler = AnswerRecorderHandler {
        windows: WindowStore::new(dynamodb.clone(), WINDOWS.to_owned()),
        answers: AnswerStore::new(dynamodb, ANSWERS.to_owned()),
        bus: EventBus::new(
            aws_sdk_eventbridge::Client::from_conf(bus.build()),
            "bus".to_owned(),
        ),
        dead_letters: DeadLetters::new(
            aws_sdk_sqs::Client::new(&sdk),
            "https://sqs.example.com/dlq".to_owned(),
            AnswerRecorderHandler::FUNCTION,
        ),
        give_up_after_receives: 3,
        clock: Timestamp::now,
    };
    let record = async || {
        let event = LambdaEvent::new(order()?, Context::default());
        let done = handler.handle(event).await;
        let done = done.map_err(|failed| anyhow::anyhow!("{failed:?}"))?;
        let left = done.batch_item_failures.len();
        ensure!(left == 0, "the answers were not recorded");
        Ok(())
    };
    // Once with a close look.
    published.read.store(true, Ordering::Relaxed);
    record().await?;
    published.read.store(false, Ordering::Relaxed);
    let answers = published.answers.load(Ordering::Relaxed);
    ensure!(
        answers == audience.answers(),
        "{answers} answers were recorded"
    );
    let mut took = Vec::new();
    for _ in 0..TIMES {
        published.events.store(0, Ordering::Relaxed);
        let before = cpu_time();
        record().await?;
        took.push(millis(cpu_time() - before) * 1e3 / audience.answers() as f64);
    }
    Ok(Recorded {
        answers: audience.answers(),
        shards: audience.shards(),
        events: published.events.load(Ordering::Relaxed),
        cpu_us: median(&took),
    })
}

/// What Lambda hands over of the queue.
fn order() -> serde_json::Result<SqsEvent> {
    let order = json!({ "quizId": QUIZ, "runId": RUN, "questionId": QUESTION });
    serde_json::from_value(json!({ "Records": [{
        "messageId": "00000000-0000-4000-8000-000000000001",
        "body": order.to_string(),
        "attributes": { "ApproximateReceiveCount": "1" },
    }] }))
}

/// What was published.
#[derive(Debug, Default)]
struct Published {
    events: AtomicU64,
    /// How many answers are in them, as far as they were read.
    answers: AtomicU64,
    /// Whether events are read, which takes as long as to write them.
    read: AtomicBool,
}

/// A call of PutEvents.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEvents<E> {
    entries: Vec<E>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    detail: String,
}

impl Published {
    /// Takes all that is in a call. What is no call is not answered, which fails it.
    fn take(&self, request: &[u8]) -> Bytes {
        self.read(request)
            .map(|entries| {
                let ids: Vec<Value> = (0..entries)
                    .map(|_| json!({ "EventId": "11710aed-b79e-4468-a20b-bb3c0c3b4860" }))
                    .collect();
                self.events.fetch_add(entries as u64, Ordering::Relaxed);
                let answer = json!({ "FailedEntryCount": 0, "Entries": ids });
                answer.to_string().into()
            })
            .unwrap_or_default()
    }

    /// How many events a call has.
    fn read(&self, request: &[u8]) -> serde_json::Result<usize> {
        if !self.read.load(Ordering::Relaxed) {
            let call: PutEvents<IgnoredAny> = serde_json::from_slice(request)?;
            return Ok(call.entries.len());
        }
        let call: PutEvents<Entry> = serde_json::from_slice(request)?;
        for Entry { detail } in &call.entries {
            let event: Event<AnswersRecorded> = serde_json::from_str(detail)?;
            let answers = event.data.answers.len() as u64;
            self.answers.fetch_add(answers, Ordering::Relaxed);
        }
        Ok(call.entries.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_of_a_call_is_taken() {
        let call = json!({ "Entries": [{ "Detail": "{\"a\":[1]}" }, { "Detail": "{}" }] });
        let published = Published::default();
        let answer = published.take(call.to_string().as_bytes());
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["Entries"].as_array().unwrap().len(), 2);
        assert_eq!(answer["FailedEntryCount"], 0);
        assert_eq!(published.events.load(Ordering::Relaxed), 2);
        // Read closely, these are none.
        published.read.store(true, Ordering::Relaxed);
        assert!(published.take(call.to_string().as_bytes()).is_empty());
    }
}
