//! The outbox handler itself, fed with records: what it publishes, parks, and asks for again.

use aws_sdk_sqs::types::QueueAttributeName;
use cuepoint_shared::{
    dead_letters::{DeadLetters, FUNCTION, REASON},
    event_bus::EventBus,
    streams::{Patience, StreamBatch},
};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, LambdaEvent};
use quiz_orchestrator::quiz_outbox::QuizOutboxHandler;
use serde_json::{Value, json};

use crate::cloud::{Cloud, delivered};

fn handler(cloud: &Cloud, bus: aws_sdk_eventbridge::Client, queue: &str) -> QuizOutboxHandler {
    QuizOutboxHandler {
        bus: EventBus::new(bus, cloud.stack.outputs.event_bus_name.clone()),
        dead_letters: DeadLetters::new(cloud.sqs.clone(), queue.to_owned(), "quiz-outbox"),
        patience: Patience::new(SignedDuration::from_mins(330), Timestamp::now),
    }
}

fn record(quiz_id: &str, event_id: &str, status: &str) -> Value {
    json!({
        "eventID": event_id, "eventName": "INSERT",
        "dynamodb": {
            "Keys": {"pk": {"S": format!("QUIZ#{quiz_id}")}, "sk": {"S": "RUN#run"}},
            "SequenceNumber": "1",
            "NewImage": {
                "quizId": {"S": quiz_id}, "runId": {"S": "run"}, "channelId": {"S": "c"},
                "status": {"S": status}, "startsAt": {"S": "2026-11-22T08:00:00Z"},
                "endsAt": {"S": "2026-11-22T08:05:00Z"},
                "expectedAudience": {"N": "1"}, "shards": {"N": "1"}, "pauseSeconds": {"N": "5"},
                "correlationId": {"S": "run"}, "changedAt": {"S": "2026-11-22T08:00:01Z"},
                "revision": {"N": "0"}
            }
        }
    })
}

fn batch(records: Vec<Value>) -> LambdaEvent<StreamBatch> {
    LambdaEvent::new(
        StreamBatch {
            records,
            shard_id: None,
            redrive: false,
        },
        Context::default(),
    )
}

#[tokio::test]
async fn a_redelivered_record_repeats_its_event_id_and_a_bad_one_does_not_hold_up_others() {
    let cloud = Cloud::new().await;
    let quiz_id = cloud.quiz().await;
    let heard = cloud.listen(&quiz_id).await;
    let parked = cloud.queue().await;
    let handler = handler(&cloud, cloud.eventbridge.clone(), &parked);
    let id = quiz_id.as_str();
    let bad = record(id, "e-bad", "no such status");
    let records = || {
        vec![
            record(id, "e1", "scheduled"),
            bad.clone(),
            record(id, "e2", "aborted"),
        ]
    };
    handler.handle(batch(records())).await.unwrap();
    handler.handle(batch(records())).await.unwrap();

    let mut events: Vec<_> = cloud
        .receive(&heard, 4)
        .await
        .iter()
        .map(delivered)
        .map(|(kind, detail)| {
            (
                kind,
                detail["metadata"]["eventId"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    events.sort();
    let aborted = ("quiz-aborted".to_owned(), "e2".to_owned());
    let scheduled = ("quiz-scheduled".to_owned(), "e1".to_owned());
    assert_eq!(
        events,
        [aborted.clone(), aborted, scheduled.clone(), scheduled]
    );

    let letters = cloud.receive(&parked, 2).await;
    let attributes = letters[0].message_attributes().unwrap();
    assert_eq!(attributes[FUNCTION].string_value(), Some("quiz-outbox"));
    assert!(
        attributes[REASON]
            .string_value()
            .unwrap()
            .contains("no such status")
    );
    assert_eq!(
        serde_json::from_str::<Value>(letters[0].body().unwrap()).unwrap(),
        bad
    );
}

#[tokio::test]
async fn what_may_pass_later_fails_the_whole_batch() {
    let cloud = Cloud::new().await;
    let parked = cloud.queue().await;
    // Nobody listens on port 1.
    let config = aws_sdk_eventbridge::config::Builder::from(&cloud.stack.sdk_config().await)
        .endpoint_url("http://127.0.0.1:1")
        .retry_config(aws_sdk_eventbridge::config::retry::RetryConfig::disabled());
    let unreachable = aws_sdk_eventbridge::Client::from_conf(config.build());
    let handler = handler(&cloud, unreachable, &parked);
    let created = |minutes_ago: i64, mut record: Value| {
        let at = Timestamp::now() - SignedDuration::from_mins(minutes_ago);
        record["dynamodb"]["ApproximateCreationDateTime"] = json!(at.as_second());
        record
    };
    let fresh = created(300, record("quiz", "e1", "scheduled"));
    let failed = handler.handle(batch(vec![fresh])).await;
    assert_eq!(failed.unwrap_err().error_type, "Unavailable");
    let waiting = cloud
        .sqs
        .get_queue_attributes()
        .queue_url(&parked)
        .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
        .send()
        .await
        .unwrap();
    let count = &waiting.attributes.unwrap()[&QueueAttributeName::ApproximateNumberOfMessages];
    assert_eq!(count, "0", "it is not parked");

    // An operator who delivers it again hears of the failure, however old it is.
    let old = created(340, record("quiz", "e1", "scheduled"));
    let mut redriven = batch(vec![old.clone()]);
    redriven.payload.redrive = true;
    let failed = handler.handle(redriven).await;
    assert_eq!(failed.unwrap_err().error_type, "Unavailable");

    // Until it has failed for too long.
    handler.handle(batch(vec![old.clone()])).await.unwrap();
    let letters = cloud.receive(&parked, 1).await;
    let reason = letters[0].message_attributes().unwrap()[REASON].string_value();
    let reason = reason.unwrap();
    assert!(
        reason.starts_with("gave up after 5h 40m") && reason.contains("PutEvents failed"),
        "{reason}"
    );
    let body: Value = serde_json::from_str(letters[0].body().unwrap()).unwrap();
    assert_eq!(body, old);
}
