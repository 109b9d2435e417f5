//! What ivs-local tells about streams reaches the stack's bus, where a rule can act on it.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use std::time::{Duration, Instant};

use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::types::QueueAttributeName;
use cuepoint_e2e::publisher::{Publisher, ffmpeg};
use serde_json::{Value, json};
use stage::Stack;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);

/// A new queue that gets the stream events of one channel: its client and URL.
async fn listen(stack: &Stack, channel_arn: &str) -> (aws_sdk_sqs::Client, String) {
    let config = stack.sdk_config().await;
    let sqs = aws_sdk_sqs::Client::new(&config);
    let name = format!("test-{}", Uuid::new_v4());
    let queue = sqs.create_queue().queue_name(&name).send().await.unwrap();
    let queue = queue.queue_url.unwrap();
    let arn = sqs
        .get_queue_attributes()
        .queue_url(&queue)
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await
        .unwrap()
        .attributes
        .unwrap()[&QueueAttributeName::QueueArn]
        .clone();
    let eventbridge = aws_sdk_eventbridge::Client::new(&config);
    let pattern = json!({
        "source": ["local.ivs"],
        "detail-type": ["IVS Stream State Change"],
        "resources": [channel_arn],
    });
    let bus = &stack.outputs.event_bus_name;
    let rule = eventbridge.put_rule().event_bus_name(bus).name(&name);
    let rule = rule.event_pattern(pattern.to_string()).send().await;
    rule.unwrap();
    let target = Target::builder().id("queue").arn(arn).build().unwrap();
    let put = eventbridge.put_targets().event_bus_name(bus).rule(&name);
    let put = put.targets(target).send().await.unwrap();
    assert_eq!(put.failed_entry_count, 0);
    (sqs, queue)
}

/// Waits for an event with this name.
async fn told(sqs: &aws_sdk_sqs::Client, queue: &str, name: &str) -> Value {
    let end = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < end, "{name:?} was not told");
        let receive = sqs.receive_message().queue_url(queue).wait_time_seconds(1);
        let received = receive.send().await.unwrap();
        let events = received.messages().iter();
        let found = events
            .map(|message| serde_json::from_str::<Value>(message.body().unwrap()).unwrap())
            .find(|event| event["detail"]["event_name"] == name);
        if let Some(event) = found {
            return event;
        }
    }
}

#[tokio::test]
async fn a_rule_sees_a_stream_start_and_end() {
    let stack = Stack::load().unwrap();
    let ivs = stack.ivs_client().await;
    let created = ivs.create_channel().name("rehearsal").send().await.unwrap();
    let channel = created.channel.unwrap();
    let arn = channel.arn().unwrap();
    let (sqs, queue) = listen(&stack, arn).await;

    let key = created.stream_key.unwrap().value.unwrap();
    let ingest = channel.ingest_endpoint().unwrap();
    let publisher = Publisher::start(&ffmpeg(), &format!("rtmp://{ingest}/app/{key}"));
    let publisher = publisher.unwrap();
    let start = told(&sqs, &queue, "Stream Start").await;
    assert_eq!(start["resources"], json!([arn]));
    assert_eq!(start["region"], stack.region);
    assert_eq!(start["detail"]["channel_name"], "rehearsal");
    let live = ivs.get_stream().channel_arn(arn).send().await.unwrap();
    let live = live.stream.unwrap();
    assert_eq!(start["detail"]["stream_id"].as_str(), live.stream_id());

    drop(publisher);
    let end = told(&sqs, &queue, "Stream End").await;
    assert_eq!(end["detail"]["stream_id"], start["detail"]["stream_id"]);
    ivs.delete_channel().arn(arn).send().await.unwrap();
}
