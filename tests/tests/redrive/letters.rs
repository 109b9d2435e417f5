//! Puts letters into dead-letter queues as AWS and the functions would, and finds what they are
//! about.

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use aws_sdk_dynamodbstreams::types::{AttributeValue, ShardIteratorType};
use aws_sdk_sqs::types::{Message, MessageAttributeValue};
use serde_json::{Value, json};
use stage::Stack;

const PATIENCE: Duration = Duration::from_secs(60);

/// The queues of the stack.
pub(crate) struct Letters(aws_sdk_sqs::Client);

impl Letters {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(aws_sdk_sqs::Client::new(config))
    }

    pub(crate) async fn send(&self, queue: &str, body: &str, attributes: &[(&str, &str)]) {
        let mut send = self.0.send_message().queue_url(queue).message_body(body);
        for (name, value) in attributes {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(*value)
                .build()
                .unwrap();
            send = send.message_attributes(*name, value);
        }
        send.send().await.unwrap();
    }

    /// Waits until a letter about an event is there, and leaves it there.
    pub(crate) async fn await_letter(&self, queue: &str, event_id: &str) {
        self.find(queue, event_id).await;
        // It is hidden for a moment.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }

    /// Deletes the letter about an event.
    pub(crate) async fn take_away(&self, queue: &str, event_id: &str) {
        let letter = self.find(queue, event_id).await;
        let delete = self.0.delete_message().queue_url(queue);
        let receipt = letter.receipt_handle().unwrap();
        delete.receipt_handle(receipt).send().await.unwrap();
    }

    async fn find(&self, queue: &str, event_id: &str) -> Message {
        let end = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < end, "no letter about {event_id}");
            let receive = self.0.receive_message().queue_url(queue);
            let received = receive
                .max_number_of_messages(10)
                .message_attribute_names("All")
                .visibility_timeout(1)
                .wait_time_seconds(1)
                .send()
                .await
                .unwrap();
            let about = |message: &&Message| {
                let id = stage::probe::attribute(message, "eventId");
                id == Some(event_id)
            };
            if let Some(found) = received.messages().iter().find(about) {
                return found.clone();
            }
        }
    }
}

/// A batch in the stream of the table `entitlements`.
pub(crate) struct Batch {
    arn: String,
    shard: String,
    pub(crate) first: String,
    pub(crate) last: String,
}

impl Batch {
    /// What Lambda would send about it.
    pub(crate) fn on_failure(&self, function: &str) -> Value {
        json!({
            "requestContext": {
                "requestId": "7d3e", "condition": "RetryAttemptsExhausted",
                "functionArn": format!("arn:aws:lambda:eu-west-1:000000000000:function:{function}"),
                "approximateInvokeCount": 3,
            },
            "responseContext": {
                "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled",
            },
            "version": "1.0",
            "timestamp": "2026-11-22T08:00:00Z",
            "DDBStreamBatchInfo": {
                "shardId": self.shard, "streamArn": self.arn, "batchSize": 2,
                "startSequenceNumber": self.first, "endSequenceNumber": self.last,
                "approximateArrivalOfFirstRecord": "2026-11-22T08:00:00Z",
                "approximateArrivalOfLastRecord": "2026-11-22T08:00:00Z",
            },
        })
    }
}

/// Where the changes about this person are.
pub(crate) async fn stream(stack: &Stack, user_id: &str) -> Batch {
    let client = aws_sdk_dynamodbstreams::Client::new(&stack.sdk_config().await);
    let mut batch = stream_without_records(stack).await;
    let iterator = client
        .get_shard_iterator()
        .stream_arn(&batch.arn)
        .shard_id(&batch.shard)
        .shard_iterator_type(ShardIteratorType::TrimHorizon)
        .send()
        .await
        .unwrap();
    let mut iterator = iterator.shard_iterator;
    let mut numbers = Vec::new();
    loop {
        let page = client
            .get_records()
            .set_shard_iterator(iterator)
            .send()
            .await
            .unwrap();
        let changes = page.records().iter().filter_map(|record| record.dynamodb());
        let ours = changes.filter(|change| {
            let key = change.keys().and_then(|keys| keys.get("userId"));
            key == Some(&AttributeValue::S(user_id.to_owned()))
        });
        numbers.extend(ours.map(|change| change.sequence_number().unwrap().to_owned()));
        iterator = page.next_shard_iterator.clone();
        if page.records().is_empty() || iterator.is_none() {
            break;
        }
    }
    batch.first = numbers.first().unwrap().clone();
    batch.last = numbers.last().unwrap().clone();
    batch
}

/// A place in the stream where nothing is any more.
pub(crate) async fn stream_without_records(stack: &Stack) -> Batch {
    let client = aws_sdk_dynamodbstreams::Client::new(&stack.sdk_config().await);
    let table = &stack.outputs.entitlements_table;
    let streams = client
        .list_streams()
        .table_name(table)
        .send()
        .await
        .unwrap();
    let arn = streams.streams()[0].stream_arn().unwrap().to_owned();
    let described = client
        .describe_stream()
        .stream_arn(&arn)
        .send()
        .await
        .unwrap();
    let shards = described.stream_description.unwrap();
    Batch {
        shard: shards.shards()[0].shard_id().unwrap().to_owned(),
        first: "1".to_owned(),
        last: "2".to_owned(),
        arn,
    }
}

/// How many executions of the saga have this event as their input.
pub(crate) async fn executions(stack: &Stack, event_id: &str) -> usize {
    let client = aws_sdk_sfn::Client::new(&stack.sdk_config().await);
    let list = client
        .list_executions()
        .state_machine_arn(&stack.outputs.quiz_show_arn);
    let all = list.into_paginator().items().send();
    let mut found = 0;
    for execution in all.collect::<Result<Vec<_>, _>>().await.unwrap() {
        let arn = execution.execution_arn();
        let described = client
            .describe_execution()
            .execution_arn(arn)
            .send()
            .await
            .unwrap();
        found += usize::from(
            described
                .input()
                .is_some_and(|input| input.contains(event_id)),
        );
    }
    found
}
