//! Answers counted live: a batch of the stream's records through the handler, JSON in, with DynamoDB
//! answered from memory.

use std::{hint::black_box, time::Duration};

use answer_collector::{live_tally::LiveTallyHandler, store::tallies::TallyStore};
use anyhow::ensure;
use bytes::Bytes;
use cuepoint_shared::{aws, dead_letters::DeadLetters, telemetry};
use lambda_runtime::{Context, LambdaEvent};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fixture::{OPTIONS, QUESTION, QUIZ, RUN, TALLIES};
use crate::{
    api_request::viewer,
    cpus::Cpus,
    function::REGION,
    memory,
    slices::{self, Contender},
};

/// How long a turn is: some batches.
const SLICE: Duration = Duration::from_millis(100);
/// How often each has its turn.
const ROUNDS: usize = 20;
/// How many records a batch has: the most that the event source gives, and a tenth of it, as when
/// little comes.
pub(super) const RECORDS: [u64; 2] = [1_000, 100];
/// How many partitions the answers of a batch are of.
pub(super) const PARTITIONS: u64 = 4;

/// Records per second on one core, by the size of their batches as in [`RECORDS`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Rates {
    pub(super) records: [f64; 2],
}

/// Measures batches of both sizes in turn, in this process.
pub(super) fn measure() -> anyhow::Result<Rates> {
    telemetry::init();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let sdk = runtime.block_on(aws::config());
    // As if nothing was counted yet, however often.
    let client = memory::client(&sdk, |_: &str, _: &[u8]| Bytes::from_static(b"{}"));
    let handler = LiveTallyHandler {
        tallies: TallyStore::new(client, TALLIES.to_owned()),
        dead_letters: DeadLetters::new(
            aws_sdk_sqs::Client::new(&sdk),
            "https://sqs.example.com/dlq".to_owned(),
            "live-tally",
        ),
    };
    let count = |text: &[u8]| -> anyhow::Result<()> {
        let event = LambdaEvent::new(serde_json::from_slice(text)?, Context::default());
        let counted = runtime.block_on(handler.handle(event));
        counted.map_err(|failed| anyhow::anyhow!("{failed:?}"))
    };
    let mut failed = 0_u64;
    let texts = RECORDS.map(|records| batch(records).to_string());
    texts.iter().try_for_each(|text| count(text.as_bytes()))?;
    let failures = std::sync::Mutex::new(&mut failed);
    let mut contenders = texts.each_ref().map(|text| {
        Contender::new(|_| {
            if count(black_box(text.as_bytes())).is_err() {
                **failures
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner) += 1;
            }
        })
    });
    slices::compare(Cpus::choose()?.measured, &mut contenders, SLICE, ROUNDS)?;
    let batches = contenders.each_ref().map(Contender::per_second);
    drop(contenders);
    ensure!(failed == 0, "{failed} batches failed");
    let [large, small] = RECORDS.map(|records| records as f64);
    Ok(Rates {
        records: [batches[0] * large, batches[1] * small],
    })
}

/// What Lambda hands over of the stream of the table `answers`: so many new answers.
fn batch(records: u64) -> Value {
    let records: Vec<Value> = (0..records).map(record).collect();
    json!({ "Records": records })
}

fn record(number: u64) -> Value {
    let partition = format!("{QUIZ}#{RUN}#{QUESTION}#{}", number % PARTITIONS);
    let viewer = viewer(number);
    let choice = number % u64::from(OPTIONS);
    json!({
        "eventID": format!("{number:032x}"),
        "eventName": "INSERT",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": 1_795_348_800.0,
            "Keys": { "partition": { "S": partition }, "viewerId": { "S": viewer } },
            "NewImage": {
                "partition": { "S": partition },
                "viewerId": { "S": viewer },
                "choice": { "N": choice.to_string() },
                "receivedAt": { "S": "2026-11-22T12:00:00.123Z" },
                "name": { "S": "A Viewer" },
            },
            "SequenceNumber": format!("{}", 400_000_000_000_000_000_000_u128 + u128::from(number)),
            "SizeBytes": 222,
            "StreamViewType": "NEW_IMAGE",
        },
        "eventSourceARN":
            "arn:aws:dynamodb:eu-west-1:000000000000:table/answers/stream/2026-11-22T12:00:00.000",
    })
}

#[cfg(test)]
mod tests {
    use cuepoint_shared::streams::{Change, StreamBatch};

    use super::*;

    #[test]
    fn a_batch_reads_as_new_answers_of_several_partitions() {
        let batch: StreamBatch = serde_json::from_value(batch(8)).unwrap();
        let partitions: std::collections::BTreeSet<String> = batch
            .records
            .iter()
            .map(|record| Change::<Value>::read(record).unwrap().new.unwrap())
            .map(|item| item["partition"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(partitions.len(), 4);
    }
}
