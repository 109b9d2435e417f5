//! The handler of `live-tally` itself, fed with records in every way a stream may deliver them.

use answer_collector::{live_tally::LiveTallyHandler, store::tallies::TallyStore};
use cuepoint_shared::{
    dead_letters::{FUNCTION, REASON},
    streams::StreamBatch,
};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde_json::{Value, json};

use crate::cloud::Cloud;

fn record(cloud: &Cloud, shard: u32, sequence: u32, choice: u32) -> Value {
    let partition = format!("{}#{shard}", cloud.question("q1"));
    json!({
        "eventID": format!("e{sequence}"), "eventName": "INSERT",
        "dynamodb": {
            "SequenceNumber": format!("{sequence}00000000000000000000"),
            "NewImage": {
                "partition": {"S": partition}, "viewerId": {"S": format!("viewer-{sequence}")},
                "choice": {"N": choice.to_string()}, "name": {"S": "Ada"},
                "receivedAt": {"S": "2026-11-22T08:00:00.5Z"}
            }
        }
    })
}

/// So many answers over three shards, the options in turn.
fn stream(cloud: &Cloud, length: u32) -> Vec<Value> {
    (0..length)
        .map(|n| record(cloud, n % 3, n + 1, n % 4))
        .collect()
}

async fn deliver(
    tally: &LiveTallyHandler,
    records: &[Value],
    shard: Option<&str>,
) -> Result<(), Diagnostic> {
    let batch = StreamBatch {
        records: records.to_vec(),
        shard_id: shard.map(str::to_owned),
        redrive: false,
    };
    tally
        .handle(LambdaEvent::new(batch, Context::default()))
        .await
}

async fn live(cloud: &Cloud) -> Vec<u64> {
    cloud
        .tallies()
        .live(&cloud.question("q1"), 4)
        .await
        .unwrap()
}

#[tokio::test]
async fn redelivered_and_resplit_batches_change_nothing_idempotent() {
    let cloud = Cloud::new().await;
    let tally = cloud.live_tally(&cloud.queue().await);
    let records = stream(&cloud, 40);
    for delivered in [0..10, 0..10, 0..25, 5..15, 20..30, 24..40, 0..40] {
        deliver(&tally, &records[delivered], None).await.unwrap();
    }
    assert_eq!(live(&cloud).await, [10, 10, 10, 10]);
}

#[tokio::test]
async fn shards_of_the_stream_count_side_by_side() {
    let cloud = Cloud::new().await;
    let tally = cloud.live_tally(&cloud.queue().await);
    let records = stream(&cloud, 24);
    // The answers of one partition never come in two shards of the stream at the same time, but
    // their numbers need not rise from one shard to the next.
    let (later, earlier) = records.split_at(12);
    for _ in 0..2 {
        deliver(&tally, earlier, Some("shardId-1")).await.unwrap();
        deliver(&tally, later, Some("shardId-2")).await.unwrap();
    }
    assert_eq!(live(&cloud).await, [6, 6, 6, 6]);
}

#[tokio::test]
async fn a_record_that_can_never_be_counted_is_parked_and_the_others_count() {
    let cloud = Cloud::new().await;
    let parked = cloud.queue().await;
    let tally = cloud.live_tally(&parked);
    let mut records = stream(&cloud, 4);
    let bad = record(&cloud, 0, 9, 10);
    records.insert(2, bad.clone());
    deliver(&tally, &records, None).await.unwrap();
    assert_eq!(live(&cloud).await, [1, 1, 1, 1]);
    let letters = cloud.receive(&parked, |found| !found.is_empty()).await;
    assert_eq!(
        serde_json::from_str::<Value>(letters[0].body().unwrap()).unwrap(),
        bad
    );
    let attributes = letters[0].message_attributes().unwrap();
    assert_eq!(attributes[FUNCTION].string_value(), Some("live-tally"));
    assert!(
        attributes[REASON]
            .string_value()
            .unwrap()
            .contains("option 10")
    );
}

#[tokio::test]
async fn what_could_not_be_counted_comes_again() {
    let cloud = Cloud::new().await;
    let parked = cloud.queue().await;
    // Nobody listens on port 1.
    let config = aws_sdk_dynamodb::config::Builder::from(&cloud.stack.sdk_config().await)
        .endpoint_url("http://127.0.0.1:1")
        .retry_config(aws_sdk_dynamodb::config::retry::RetryConfig::disabled());
    let unreachable = aws_sdk_dynamodb::Client::from_conf(config.build());
    let mut broken = cloud.live_tally(&parked);
    broken.tallies = TallyStore::new(unreachable, cloud.stack.outputs.tallies_table.clone());
    let records = stream(&cloud, 8);
    let failed = deliver(&broken, &records, None).await.unwrap_err();
    assert_eq!(failed.error_type, "Unavailable");
    assert_eq!(live(&cloud).await, [0, 0, 0, 0]);
    deliver(&cloud.live_tally(&parked), &records, None)
        .await
        .unwrap();
    assert_eq!(live(&cloud).await, [2, 2, 2, 2]);
}
