//! The stream of answers, delivered again and in other pieces, as Lambda may.

use anyhow::{Context, bail};
use aws_sdk_dynamodbstreams::{
    Client,
    types::{AttributeValue, Record, ShardIteratorType},
};
use fastrand::Rng;
use serde_json::{Map, Value, json};
use stage::Stack;

use crate::chaos::question::{Answered, Functions};

/// The function that counts the stream.
const COUNTER: &str = "live-tally";
/// How often a batch is delivered before it is given up.
const ATTEMPTS: u32 = 100;

/// The stream from some moment on.
pub struct Tail {
    client: Client,
    /// Where each of its shards was.
    iterators: Vec<String>,
}

impl Tail {
    /// From now on.
    ///
    /// # Errors
    /// When the stream cannot be read.
    pub async fn of(stack: &Stack) -> anyhow::Result<Self> {
        let client = Client::new(&stack.sdk_config().await);
        let table = &stack.outputs.answers_table;
        let streams = client.list_streams().table_name(table).send().await?;
        let arn = streams
            .streams()
            .first()
            .and_then(|stream| stream.stream_arn());
        let arn = arn.context("the table has no stream")?.to_owned();
        let described = client.describe_stream().stream_arn(&arn).send().await?;
        let described = described.stream_description.context("no description")?;
        let mut iterators = Vec::new();
        for shard in described.shards() {
            let start = client
                .get_shard_iterator()
                .stream_arn(&arn)
                .set_shard_id(shard.shard_id.clone())
                .shard_iterator_type(ShardIteratorType::Latest)
                .send()
                .await?;
            iterators.extend(start.shard_iterator);
        }
        Ok(Self { client, iterators })
    }

    /// The records of new answers of a run, oldest first, as Lambda delivers them.
    ///
    /// # Errors
    /// When the stream cannot be read.
    pub async fn of_run(&self, run_id: &str) -> anyhow::Result<Vec<Value>> {
        let mut records = Vec::new();
        for start in &self.iterators {
            let mut iterator = Some(start.clone());
            while let Some(at) = iterator {
                let page = self.client.get_records().shard_iterator(at).send().await?;
                records.extend(
                    page.records()
                        .iter()
                        .filter_map(|record| delivered(record, run_id)),
                );
                iterator = page
                    .next_shard_iterator
                    .filter(|_| !page.records.unwrap_or_default().is_empty());
            }
        }
        Ok(records)
    }
}

/// A record in the form in which Lambda delivers it, if it is of this run.
fn delivered(record: &Record, run_id: &str) -> Option<Value> {
    let change = record.dynamodb()?;
    let item = change.new_image()?;
    let ours = item.get("partition")?.as_s().ok()?.contains(run_id);
    let image: Map<_, _> = item
        .iter()
        .map(|(name, value)| (name.clone(), attribute(value)))
        .collect();
    ours.then(|| {
        json!({
            "eventID": record.event_id(), "eventName": "INSERT", "eventSource": "aws:dynamodb",
            "dynamodb": {"NewImage": image, "SequenceNumber": change.sequence_number()},
        })
    })
}

/// An answer has texts and numbers only.
fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        _ => Value::Null,
    }
}

/// Cuts a stream into batches as Lambda may deliver them in the end: each begins at or before the
/// first record that was not delivered yet, and none is left out.
pub fn resplit(length: usize, random: &mut Rng) -> Vec<std::ops::Range<usize>> {
    let mut done = 0;
    let mut batches = Vec::new();
    while done < length {
        let start = random.usize(0..=done);
        let end = (start + random.usize(1..=length)).min(length);
        batches.push(start..end);
        done = done.max(end);
    }
    batches
}

/// Delivers a batch to the function that counts answers, again and again until it succeeds.
/// `stream_shard` is where it came from.
///
/// # Errors
/// When it does not succeed.
pub async fn deliver(
    functions: &Functions,
    records: &[Value],
    stream_shard: Option<&str>,
) -> anyhow::Result<u32> {
    let mut batch = json!({ "Records": records });
    if let Some(shard) = stream_shard {
        batch["shardId"] = json!(shard);
    }
    let mut said: Answered = Err(String::new());
    for attempt in 1..=ATTEMPTS {
        said = functions.call(COUNTER, &batch).await?;
        if said.is_ok() {
            return Ok(attempt);
        }
    }
    bail!("{COUNTER} failed {ATTEMPTS} times: {said:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_delivered_and_none_before_those_ahead_of_it() {
        for seed in 0..200 {
            let mut random = Rng::with_seed(seed);
            let length = random.usize(0..50);
            let mut done = 0;
            for batch in resplit(length, &mut random) {
                assert!(batch.start <= done && batch.start < batch.end, "{batch:?}");
                done = done.max(batch.end);
            }
            assert_eq!(done, length);
        }
    }
}
