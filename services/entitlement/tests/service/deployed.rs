//! The deployed functions, from the bus through queue, table and stream back to the bus.

use cuepoint_shared::dead_letters::{EVENT_ID, FUNCTION, REASON};
use serde_json::json;
use uuid::Uuid;

use crate::cloud::{Cloud, attribute, delivered, upstream};

#[tokio::test]
async fn what_upstream_says_comes_back_as_what_is_in_effect() {
    let cloud = Cloud::new().await;
    let published = cloud.listen().await;
    let data = json!({ "userId": cloud.viewer, "channelId": cloud.channel_id() });
    let order = upstream(1, &format!("order-{}", cloud.viewer), data);
    cloud.put_event("user-entitled", &order).await;
    cloud.put_event("user-entitled", &order).await;

    let messages = cloud.receive(&published, 1, |_| true).await;
    let (detail_type, detail) = delivered(&messages[0]);
    assert_eq!(detail_type, "entitlement-granted");
    assert_eq!(detail["data"]["viewerSessionVersion"], 1);
    let correlation_id = &order["metadata"]["correlationId"];
    assert_eq!(&detail["metadata"]["correlationId"], correlation_id);
    assert!(cloud.stays_empty(&published).await, "published once");
}

#[tokio::test]
async fn a_malformed_event_ends_in_the_dead_letter_queue_and_writes_nothing() {
    let cloud = Cloud::new().await;
    let event_id = format!("order-{}", Uuid::new_v4());
    let mut order = upstream(1, &event_id, json!({ "channelId": cloud.channel_id() }));
    cloud.put_event("user-entitled", &order).await;

    let ours = |message: &_| attribute(message, EVENT_ID) == Some(event_id.as_str());
    let queue = &cloud.stack.outputs.entitlement_intake_dlq_url;
    let parked = cloud.receive(queue, 1, ours).await;
    assert_eq!(attribute(&parked[0], FUNCTION), Some("entitlement-intake"));
    let reason = attribute(&parked[0], REASON).unwrap();
    assert!(reason.contains("missing field `userId`"), "{reason}");
    assert_eq!(delivered(&parked[0]).1, order);

    // The same for a viewer, so that there is a place in the table where nothing may be.
    order["metadata"]["schemaVersion"] = json!(2);
    order["data"]["userId"] = json!(cloud.viewer);
    cloud.put_event("user-entitled", &order).await;
    cloud.receive(queue, 1, ours).await;
    assert!(cloud.item().await.is_none());

    order["metadata"]["schemaVersion"] = json!(1);
    cloud.put_event("user-entitled", &order).await;
    let item = cloud.until(async || cloud.item().await).await;
    assert_eq!(item["eventId"], event_id.as_str());
}
