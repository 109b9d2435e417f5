//! `entitlement-intake`, with the deployed table.

use aws_lambda_events::sqs::SqsEvent;
use cuepoint_shared::dead_letters::{EVENT_ID, FUNCTION, REASON};
use entitlement::{entitlement_intake::IntakeHandler, store::EntitlementStore};
use jiff::Timestamp;
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};

use stage::probe::attribute;

use crate::cloud::{Cloud, upstream};

/// The deliveries after which the handler gives up.
const GIVE_UP: u32 = 95;

impl Cloud {
    async fn intake(&self) -> IntakeHandler {
        let dead_letters = self.dead_letters(&self.probe.queue().await, IntakeHandler::FUNCTION);
        IntakeHandler::new(self.store(), dead_letters, GIVE_UP, Timestamp::now)
    }

    fn granted(&self, second: u32, event_id: &str) -> String {
        let data = json!({ "userId": self.viewer, "channelId": self.channel_id() });
        delivery("user-entitled", &upstream(second, event_id, data))
    }

    fn revoked(&self, second: u32, event_id: &str) -> String {
        let data = json!({
            "userId": self.viewer,
            "channelId": self.channel_id(),
            "reason": "refund",
        });
        delivery(
            "user-entitlement-revoked",
            &upstream(second, event_id, data),
        )
    }
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn delivery(detail_type: &str, detail: &Value) -> String {
    json!({ "detail-type": detail_type, "source": "shop.example", "detail": detail }).to_string()
}

/// Hands a batch to the handler; the places in it of what has to come again.
async fn deliver(handler: &IntakeHandler, bodies: &[String]) -> Vec<usize> {
    let bodies: Vec<_> = bodies.iter().map(|body| (body.clone(), 1)).collect();
    deliver_again(handler, &bodies).await
}

/// The same, of messages that were received so many times.
async fn deliver_again(handler: &IntakeHandler, messages: &[(String, u32)]) -> Vec<usize> {
    let records: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(place, (body, received))| {
            json!({
                "messageId": place.to_string(),
                "body": body,
                "attributes": { "ApproximateReceiveCount": received.to_string() },
            })
        })
        .collect();
    let batch: SqsEvent = serde_json::from_value(json!({ "Records": records })).unwrap();
    let event = LambdaEvent::new(batch, Context::default());
    let response = handler.handle(event).await.unwrap();
    let mut failed: Vec<_> = response
        .batch_item_failures
        .iter()
        .map(|failure| failure.item_identifier.parse().unwrap())
        .collect();
    failed.sort_unstable();
    failed
}

#[tokio::test]
async fn an_event_is_applied_with_all_it_says() {
    let cloud = Cloud::new().await;
    let data = json!({
        "userId": cloud.viewer,
        "channelId": cloud.channel_id(),
        "validFrom": "2026-11-22T10:00:00Z",
        "validUntil": "2026-11-22T12:00:00.5Z",
        "maximumResolution": "FULL_HD",
    });
    let body = delivery("user-entitled", &upstream(1, "order-1", data));
    assert!(deliver(&cloud.intake().await, &[body]).await.is_empty());

    let mut item = cloud.item().await.unwrap();
    let applied_at = item.remove("appliedAt").unwrap();
    assert!(applied_at.as_str().unwrap().parse::<Timestamp>().is_ok());
    let expected = json!({
        "userId": cloud.viewer,
        "channelId": cloud.channel_id(),
        "status": "granted",
        "validFrom": "2026-11-22T10:00:00Z",
        "validUntil": "2026-11-22T12:00:00.5Z",
        "maximumResolution": "FULL_HD",
        "viewerSessionVersion": 1,
        "occurredAt": "2020-01-01T00:00:01Z",
        "eventId": "order-1",
        "correlationId": "cause-of-order-1",
        // Ninety days after it has run out.
        "deleteAfter": at("2027-02-20T12:00:00Z").as_second(),
    });
    assert_eq!(Value::Object(item), expected);
}

#[tokio::test]
async fn the_same_event_twice_changes_nothing_idempotent() {
    let cloud = Cloud::new().await;
    let handler = cloud.intake().await;
    let body = cloud.granted(1, "order-1");
    assert!(
        deliver(&handler, std::slice::from_ref(&body))
            .await
            .is_empty()
    );
    let first = cloud.item().await.unwrap();
    assert!(deliver(&handler, &[body.clone(), body]).await.is_empty());
    assert_eq!(cloud.item().await.unwrap(), first, "also not its appliedAt");
}

#[tokio::test]
async fn the_newest_event_decides_whatever_the_order() {
    let cloud = Cloud::new().await;
    let handler = cloud.intake().await;
    let status = async || {
        let item = cloud.item().await.unwrap();
        (
            item["status"].as_str().unwrap().to_owned(),
            item["viewerSessionVersion"].as_u64().unwrap(),
        )
    };
    deliver(&handler, &[cloud.revoked(2, "refund-1")]).await;
    assert_eq!(status().await, ("revoked".to_owned(), 1));
    assert_eq!(cloud.item().await.unwrap()["reason"], "refund");
    deliver(&handler, &[cloud.granted(1, "order-1")]).await;
    assert_eq!(status().await, ("revoked".to_owned(), 1));
    deliver(&handler, &[cloud.granted(3, "order-2")]).await;
    assert_eq!(status().await, ("granted".to_owned(), 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_functions_at_once_agree_on_the_newest() {
    let cloud = Cloud::new().await;
    let handler = cloud.intake().await;
    // Twelve functions with an event each, which the queue delivers again only if it failed.
    let functions: Vec<_> = (1..=12)
        .map(|second| {
            let handler = handler.clone();
            let body = match second % 3 {
                0 => cloud.revoked(second, &format!("refund-{second}")),
                _ => cloud.granted(second, &format!("order-{second}")),
            };
            tokio::spawn(async move {
                while !deliver(&handler, std::slice::from_ref(&body))
                    .await
                    .is_empty()
                {}
            })
        })
        .collect();
    for function in functions {
        function.await.unwrap();
    }
    let item = cloud.item().await.unwrap();
    assert_eq!(item["eventId"], "refund-12");
    assert_eq!(item["status"], "revoked");
}

#[tokio::test]
async fn a_batch_about_one_viewer_ends_with_the_newest() {
    let cloud = Cloud::new().await;
    let handler = cloud.intake().await;
    let batch: Vec<_> = (1..=10)
        .rev()
        .map(|second| match second % 3 {
            1 => cloud.revoked(second, &format!("refund-{second}")),
            _ => cloud.granted(second, &format!("order-{second}")),
        })
        .collect();
    let mut failed = deliver(&handler, &batch).await;
    while !failed.is_empty() {
        let again: Vec<_> = failed.iter().map(|&place| batch[place].clone()).collect();
        failed = deliver(&handler, &again).await;
    }
    let item = cloud.item().await.unwrap();
    assert_eq!(item["eventId"], "refund-10");
    assert_eq!(item["status"], "revoked");
}

#[tokio::test]
async fn an_event_from_the_future_is_parked_and_does_not_keep_out_the_next() {
    let cloud = Cloud::new().await;
    let queue = cloud.probe.queue().await;
    let dead_letters = cloud.dead_letters(&queue, IntakeHandler::FUNCTION);
    let now = || "2020-01-01T00:00:00Z".parse().unwrap();
    let handler = IntakeHandler::new(cloud.store(), dead_letters, GIVE_UP, now);
    let data = json!({ "userId": cloud.viewer, "channelId": cloud.channel_id() });
    let mut future = upstream(1, "order-1", data);
    future["metadata"]["occurredAt"] = json!("2020-01-01T00:15:01Z");
    let future = delivery("user-entitled", &future);
    let batch = [future.clone(), cloud.granted(2, "order-2")];
    assert!(deliver(&handler, &batch).await.is_empty());

    let parked = cloud.probe.receive(&queue, 1, |_| true).await;
    assert_eq!(parked[0].body(), Some(future.as_str()));
    assert_eq!(attribute(&parked[0], EVENT_ID), Some("order-1"));
    let reason = attribute(&parked[0], REASON).unwrap();
    assert!(reason.contains("in the future"), "{reason}");
    assert_eq!(cloud.item().await.unwrap()["eventId"], "order-2");
}

#[tokio::test]
async fn what_can_never_be_applied_is_parked_and_the_rest_is_not_held_up() {
    let cloud = Cloud::new().await;
    let queue = cloud.probe.queue().await;
    let dead_letters = cloud.dead_letters(&queue, IntakeHandler::FUNCTION);
    let handler = IntakeHandler::new(cloud.store(), dead_letters, GIVE_UP, Timestamp::now);
    let no_channel = upstream(1, "order-1", json!({ "userId": cloud.viewer }));
    let malformed = delivery("user-entitled", &no_channel);
    let batch = [malformed.clone(), cloud.granted(2, "order-2")];
    assert!(deliver(&handler, &batch).await.is_empty());

    let parked = cloud.probe.receive(&queue, 1, |_| true).await;
    assert_eq!(parked[0].body(), Some(malformed.as_str()));
    assert_eq!(attribute(&parked[0], EVENT_ID), Some("order-1"));
    assert_eq!(attribute(&parked[0], FUNCTION), Some("entitlement-intake"));
    let reason = attribute(&parked[0], REASON).unwrap();
    assert!(reason.contains("missing field `channelId`"), "{reason}");
    assert_eq!(cloud.item().await.unwrap()["eventId"], "order-2");
}

impl Cloud {
    /// The deployed table, behind an endpoint where nothing answers.
    async fn unreachable_store(&self) -> EntitlementStore {
        let config = self.stack.sdk_config().await;
        let unreachable = aws_sdk_dynamodb::config::Builder::from(&config)
            .endpoint_url("http://127.0.0.1:9")
            .retry_config(aws_sdk_dynamodb::config::retry::RetryConfig::disabled())
            .build();
        EntitlementStore::new(
            aws_sdk_dynamodb::Client::from_conf(unreachable),
            self.stack.outputs.entitlements_table.clone(),
        )
    }

    /// A handler whose table does not answer, and its dead-letter queue.
    async fn intake_without_a_table(&self) -> (IntakeHandler, String) {
        let queue = self.probe.queue().await;
        let dead_letters = self.dead_letters(&queue, IntakeHandler::FUNCTION);
        let store = self.unreachable_store().await;
        let handler = IntakeHandler::new(store, dead_letters, GIVE_UP, Timestamp::now);
        (handler, queue)
    }
}

#[tokio::test]
async fn only_what_failed_comes_again() {
    let cloud = Cloud::new().await;
    let (handler, queue) = cloud.intake_without_a_table().await;
    let batch = [
        cloud.granted(1, "order-1"),
        "not an event".to_owned(),
        cloud.granted(2, "order-2"),
    ];
    assert_eq!(deliver(&handler, &batch).await, [0, 2]);
    assert_eq!(cloud.probe.receive(&queue, 1, |_| true).await.len(), 1);
    assert!(cloud.item().await.is_none());
}

#[tokio::test]
async fn what_failed_too_often_is_parked_with_its_reason_before_the_queue_would() {
    let cloud = Cloud::new().await;
    let (handler, queue) = cloud.intake_without_a_table().await;
    let batch = [
        (cloud.granted(1, "order-1"), GIVE_UP - 1),
        (cloud.granted(2, "order-2"), GIVE_UP),
    ];
    assert_eq!(deliver_again(&handler, &batch).await, [0]);
    let parked = cloud.probe.receive(&queue, 1, |_| true).await;
    assert_eq!(parked[0].body(), Some(batch[1].0.as_str()));
    assert_eq!(attribute(&parked[0], EVENT_ID), Some("order-2"));
    let reason = attribute(&parked[0], REASON).unwrap();
    assert!(
        reason.starts_with("gave up after 95 deliveries: GetItem failed: NoConnection"),
        "{reason}"
    );

    // What cannot be parked either stays where it is.
    let nowhere = cloud.dead_letters(&format!("{queue}-gone"), IntakeHandler::FUNCTION);
    let store = cloud.unreachable_store().await;
    let handler = IntakeHandler::new(store, nowhere, GIVE_UP, Timestamp::now);
    assert_eq!(deliver_again(&handler, &batch).await, [0, 1]);

    // Delivered again, as from the dead-letter queue, it is tried anew.
    let handler = cloud.intake().await;
    assert!(
        deliver_again(&handler, &[(batch[1].0.clone(), 99)])
            .await
            .is_empty()
    );
    assert_eq!(cloud.item().await.unwrap()["eventId"], "order-2");
}
