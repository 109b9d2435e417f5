//! What the deployed table's stream says about viewers: what must have been published, and in
//! which order.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodbstreams::{
    Client,
    types::{AttributeValue, Record, ShardIteratorType},
};
use entitlement::announcement::{self, Announcement};
use serde_json::{Value, json};

use crate::cloud::Cloud;

/// What the stream makes known of each of these viewers, oldest first.
pub(crate) async fn announced(
    cloud: &Cloud,
    viewers: &[String],
) -> BTreeMap<String, Vec<Announcement>> {
    let viewers: BTreeSet<_> = viewers.iter().map(String::as_str).collect();
    let mut announced: BTreeMap<String, Vec<Announcement>> = BTreeMap::new();
    for record in records(cloud).await {
        let viewer = record["dynamodb"]["Keys"]["userId"]["S"].as_str().unwrap();
        if viewers.contains(viewer)
            && let Some(announcement) = announcement::read(&record).unwrap()
        {
            let of_viewer = announced.entry(viewer.to_owned()).or_default();
            of_viewer.push(announcement);
        }
    }
    announced
}

/// All records, as Lambda would deliver them. The local cloud has one shard.
async fn records(cloud: &Cloud) -> Vec<Value> {
    let table = cloud
        .dynamodb
        .describe_table()
        .table_name(&cloud.stack.outputs.entitlements_table)
        .send()
        .await;
    let arn = table.unwrap().table.unwrap().latest_stream_arn.unwrap();
    let client = Client::new(&cloud.stack.sdk_config().await);
    let stream = client.describe_stream().stream_arn(&arn).send().await;
    let shards = stream.unwrap().stream_description.unwrap().shards.unwrap();
    assert_eq!(shards.len(), 1);
    let iterator = client
        .get_shard_iterator()
        .stream_arn(&arn)
        .shard_id(shards[0].shard_id().unwrap())
        .shard_iterator_type(ShardIteratorType::TrimHorizon)
        .send()
        .await;
    let mut iterator = iterator.unwrap().shard_iterator;
    let mut records = Vec::new();
    while let Some(next) = iterator {
        let page = client.get_records().shard_iterator(next).send().await;
        let page = page.unwrap();
        if page.records().is_empty() {
            break;
        }
        records.extend(page.records().iter().map(to_json));
        iterator = page.next_shard_iterator;
    }
    records
}

fn to_json(record: &Record) -> Value {
    let change = record.dynamodb().unwrap();
    json!({
        "eventID": record.event_id().unwrap(),
        "eventName": record.event_name().unwrap().as_str(),
        "dynamodb": {
            "SequenceNumber": change.sequence_number().unwrap(),
            "Keys": image(change.keys()),
            "OldImage": image(change.old_image()),
            "NewImage": image(change.new_image()),
        },
    })
}

fn image(item: Option<&std::collections::HashMap<String, AttributeValue>>) -> Value {
    let Some(item) = item else {
        return Value::Null;
    };
    item.iter()
        .map(|(name, value)| {
            let value = match value {
                AttributeValue::S(text) => json!({ "S": text }),
                AttributeValue::N(number) => json!({ "N": number }),
                other => panic!("an entitlement has no {other:?}"),
            };
            (name.clone(), value)
        })
        .collect()
}
