//! The deployed functions, from the bus through queue, table and stream back to the bus.

use aws_sdk_sqs::types::Message;
use cuepoint_shared::dead_letters::{EVENT_ID, FUNCTION, REASON};
use serde_json::json;
use stage::probe::{self, attribute, delivered};
use uuid::Uuid;

use crate::cloud::{self, Cloud, upstream};

#[tokio::test]
async fn what_upstream_says_comes_back_once_as_what_is_in_effect() {
    let _calm = cloud::calm().await;
    let cloud = Cloud::new().await;
    let published = cloud.listen().await;
    let data = json!({ "userId": cloud.viewer, "channelId": cloud.channel_id() });
    for (second, upstream_type, detail_type, version) in [
        (1, "user-entitled", "entitlement-granted", 1),
        (2, "user-entitlement-revoked", "entitlement-revoked", 1),
        (3, "user-entitled", "entitlement-granted", 2),
    ] {
        let event_id = format!("order-{second}-{}", cloud.viewer);
        let event = upstream(second, &event_id, data.clone());
        cloud.put_event(upstream_type, &event).await;
        cloud.put_event(upstream_type, &event).await;

        let messages = cloud.probe.receive(&published, 1, |_| true).await;
        let (published_type, detail) = delivered(&messages[0]);
        assert_eq!(published_type, detail_type);
        assert_eq!(detail["data"]["viewerSessionVersion"], version);
        let correlation_id = &event["metadata"]["correlationId"];
        assert_eq!(&detail["metadata"]["correlationId"], correlation_id);
        assert!(cloud.probe.stays_empty(&published).await, "published once");
    }
    // IVS took the revocation: it was not kept for an operator.
    let parked = &cloud.stack.outputs.entitlement_outbox_dlq_url;
    let ours = |message: &Message| message.body().unwrap().contains(&cloud.viewer);
    assert!(!cloud.probe.waiting(parked).await.iter().any(ours));
}

#[tokio::test]
async fn a_malformed_event_ends_in_the_dead_letter_queue_and_writes_nothing() {
    let _calm = cloud::calm().await;
    let cloud = Cloud::new().await;
    let event_id = format!("order-{}", Uuid::new_v4());
    let mut order = upstream(1, &event_id, json!({ "channelId": cloud.channel_id() }));
    cloud.put_event("user-entitled", &order).await;

    let ours = |message: &Message| attribute(message, EVENT_ID) == Some(event_id.as_str());
    let queue = &cloud.stack.outputs.entitlement_intake_dlq_url;
    let parked = cloud.probe.receive(queue, 1, ours).await;
    assert_eq!(attribute(&parked[0], FUNCTION), Some("entitlement-intake"));
    let reason = attribute(&parked[0], REASON).unwrap();
    assert!(reason.contains("missing field `userId`"), "{reason}");
    assert_eq!(delivered(&parked[0]).1, order);

    // The same for a viewer, so that there is a place in the table where nothing may be.
    order["metadata"]["schemaVersion"] = json!(2);
    order["data"]["userId"] = json!(cloud.viewer);
    cloud.put_event("user-entitled", &order).await;
    cloud.probe.receive(queue, 1, ours).await;
    assert!(cloud.item().await.is_none());

    order["metadata"]["schemaVersion"] = json!(1);
    cloud.put_event("user-entitled", &order).await;
    let item = probe::until(async || cloud.item().await).await;
    assert_eq!(item["eventId"], event_id.as_str());
}
