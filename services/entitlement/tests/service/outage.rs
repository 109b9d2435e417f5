//! `entitlement-outbox`, when IVS or the bus does not answer for hours.

use cuepoint_shared::dead_letters::{EVENT_ID, REASON};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stage::probe::attribute;

use crate::outbox::{self, GIVE_UP, Outbox, event, record};

/// The record of a change that was made so many minutes ago.
fn aged(minutes: i64, mut record: Value) -> Value {
    let created = Timestamp::now() - SignedDuration::from_mins(minutes);
    record["dynamodb"]["ApproximateCreationDateTime"] = json!(created.as_second());
    record
}

#[tokio::test]
async fn what_ivs_does_not_take_for_hours_is_parked_with_its_reason_and_can_be_delivered_again() {
    let outbox = Outbox::new().await;
    let (granted, revoked) = (outbox.image("granted", 1), outbox.image("revoked", 1));
    let waiting = aged(GIVE_UP - 2, record("1", Some(granted.clone()), &revoked));
    outbox.ivs.fail_all(429, "ThrottlingException");
    for _ in 0..3 {
        let failure = outbox.handle(std::slice::from_ref(&waiting)).await;
        assert_eq!(failure.unwrap_err().error_type, "Throttled");
    }
    assert!(outbox.cloud.probe.stays_empty(&outbox.parked).await);

    // Later. What comes after it goes on.
    let late = aged(GIVE_UP + 2, record("1", Some(granted), &revoked));
    let next = record("2", Some(revoked.clone()), &outbox.image("granted", 2));
    outbox.handle(&[late.clone(), next]).await.unwrap();
    let parked = outbox.parked(1).await;
    let reason = attribute(&parked[0], REASON).unwrap();
    assert!(
        reason.starts_with("gave up after 5h 32m")
            && reason.contains(": BatchStartViewerSessionRevocation failed: ThrottlingException:"),
        "{reason}"
    );
    let once = [
        event("entitlement-granted", "entitlement/2", 2),
        event("entitlement-revoked", "entitlement/1", 1),
    ];
    let mut published = outbox.published(2).await;
    published.sort();
    assert_eq!(published, once);
    assert!(outbox.ivs.taken().is_empty());

    // An operator has the record delivered again, which is as old as it was. While IVS is still
    // out that fails, and nothing is parked; when IVS is back it is done.
    let body: Value = serde_json::from_str(parked[0].body().unwrap()).unwrap();
    assert_eq!(body, late);
    let failure = outbox.redrive(std::slice::from_ref(&body)).await;
    assert_eq!(failure.unwrap_err().error_type, "Throttled");
    assert!(outbox.cloud.probe.stays_empty(&outbox.parked).await);
    outbox.ivs.recover();
    outbox.redrive(&[body]).await.unwrap();
    let up_to_its_own_version = outbox.pair(&outbox.cloud.viewer, 1);
    let revocation = json!({ "viewerSessions": [up_to_its_own_version] });
    assert_eq!(outbox.ivs.taken(), [revocation]);
    assert_eq!(outbox.published(1).await, once[1..]);
    assert!(outbox.cloud.probe.stays_empty(&outbox.parked).await);
}

#[tokio::test]
async fn what_the_bus_does_not_take_for_hours_is_parked_too() {
    let outbox = Outbox::new().await;
    let config = aws_sdk_eventbridge::config::Builder::from(&outbox.cloud.stack.sdk_config().await)
        .endpoint_url("http://127.0.0.1:9")
        .retry_config(aws_sdk_eventbridge::config::retry::RetryConfig::disabled());
    let bus = aws_sdk_eventbridge::Client::from_conf(config.build());
    let handler = outbox::handler(&outbox.cloud, &outbox.ivs, bus, &outbox.parked).await;
    let outbox = Outbox { handler, ..outbox };
    let granted = outbox.image("granted", 1);
    let (young, old) = (
        aged(GIVE_UP - 2, record("1", None, &granted)),
        aged(GIVE_UP + 2, record("2", None, &granted)),
    );
    let failure = outbox.handle(&[old.clone(), young]).await.unwrap_err();
    assert_eq!(failure.error_type, "Unavailable");
    assert!(outbox.cloud.probe.stays_empty(&outbox.parked).await);

    // Lambda halves a batch that fails.
    outbox.handle(&[old]).await.unwrap();
    let parked = outbox.parked(1).await;
    assert_eq!(attribute(&parked[0], EVENT_ID), Some("2"));
    let reason = attribute(&parked[0], REASON).unwrap();
    assert!(
        reason.contains("PutEvents failed: NoConnection"),
        "{reason}"
    );
}
