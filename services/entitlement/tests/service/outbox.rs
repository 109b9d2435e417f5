//! `entitlement-outbox`, with the real bus, and an IVS that fails when it is told to.

use cuepoint_shared::{
    channels::Channels,
    dead_letters::{EVENT_ID, FUNCTION, REASON},
    event_bus::EventBus,
};
use entitlement::{entitlement_outbox::OutboxHandler, viewer_sessions::ViewerSessions};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde_json::{Value, json};
use stage::{
    IvsStub,
    probe::{attribute, delivered},
};

use crate::cloud::Cloud;

/// The handler, and what it acts on.
struct Outbox {
    cloud: Cloud,
    ivs: IvsStub,
    handler: OutboxHandler,
    published: String,
    parked: String,
}

impl Outbox {
    async fn new() -> Self {
        let cloud = Cloud::new().await;
        let ivs = IvsStub::start("StartViewerSessionRevocation", 200).await;
        let published = cloud.listen().await;
        let parked = cloud.probe.queue().await;
        let channel = &cloud.stack.channel;
        let channels = json!({
            &channel.channel_id: {
                "arn": channel.arn,
                "playbackUrl": channel.playback_url,
                "origins": [channel.origin],
            },
        });
        let handler = OutboxHandler::new(
            ViewerSessions::new(
                ivs.client(&cloud.stack.sdk_config().await),
                Channels::parse(&channels.to_string()).unwrap(),
            ),
            EventBus::new(
                cloud.eventbridge.clone(),
                cloud.stack.outputs.event_bus_name.clone(),
            ),
            cloud.dead_letters(&parked, OutboxHandler::FUNCTION),
        );
        Self {
            cloud,
            ivs,
            handler,
            published,
            parked,
        }
    }

    fn image(&self, status: &str, version: u32) -> Value {
        json!({
            "userId": { "S": self.cloud.viewer },
            "channelId": { "S": self.cloud.channel_id() },
            "status": { "S": status },
            "viewerSessionVersion": { "N": version.to_string() },
            "occurredAt": { "S": "2026-11-22T00:00:01Z" },
            "eventId": { "S": format!("{status}-{version}") },
            "correlationId": { "S": "order-1" },
        })
    }

    async fn handle(&self, records: &[Value]) -> Result<(), Diagnostic> {
        let batch = serde_json::from_value(json!({ "Records": records })).unwrap();
        let event = LambdaEvent::new(batch, Context::default());
        self.handler.handle(event).await
    }

    /// Detail type, event id and version of what was published.
    async fn published(&self, count: usize) -> Vec<(String, String, u64)> {
        let messages = self
            .cloud
            .probe
            .receive(&self.published, count, |_| true)
            .await;
        let mut events: Vec<_> = messages
            .iter()
            .map(|message| {
                let (detail_type, detail) = delivered(message);
                let id = detail["metadata"]["eventId"].as_str().unwrap().to_owned();
                let version = detail["data"]["viewerSessionVersion"].as_u64().unwrap();
                (detail_type, id, version)
            })
            .collect();
        events.sort_by(|a, b| a.1.cmp(&b.1));
        events
    }
}

fn record(id: &str, before: Option<Value>, after: &Value) -> Value {
    let mut record = json!({
        "eventID": id,
        "eventName": "INSERT",
        "dynamodb": { "SequenceNumber": "1", "NewImage": after },
    });
    if let Some(before) = before {
        record["eventName"] = json!("MODIFY");
        record["dynamodb"]["OldImage"] = before;
    }
    record
}

fn event(detail_type: &str, id: &str, version: u64) -> (String, String, u64) {
    (detail_type.to_owned(), id.to_owned(), version)
}

#[tokio::test]
async fn a_batch_delivered_twice_publishes_the_same_events_idempotent() {
    let outbox = Outbox::new().await;
    let (granted, revoked) = (outbox.image("granted", 1), outbox.image("revoked", 1));
    let again = outbox.image("granted", 2);
    let records = [
        record("1", None, &granted),
        record("2", Some(granted.clone()), &granted),
        record("3", Some(granted), &revoked),
        record("4", Some(revoked), &again),
    ];
    let once = [
        event("entitlement-granted", "entitlement/1", 1),
        event("entitlement-revoked", "entitlement/3", 1),
        event("entitlement-granted", "entitlement/4", 2),
    ];
    for _ in 0..2 {
        outbox.handle(&records).await.unwrap();
        assert_eq!(outbox.published(3).await, once);
    }
    assert!(outbox.cloud.probe.stays_empty(&outbox.published).await);
    assert!(outbox.cloud.probe.stays_empty(&outbox.parked).await);
    let revocation = json!({
        "channelArn": outbox.cloud.stack.channel.arn,
        "viewerId": outbox.cloud.viewer,
        "viewerSessionVersionsLessThanOrEqualTo": 1,
    });
    assert_eq!(outbox.ivs.taken(), vec![revocation; 2]);
}

#[tokio::test]
async fn a_revocation_waits_for_ivs_and_is_not_lost() {
    for (status, error, error_type) in [
        (429, "ThrottlingException", "Throttled"),
        (500, "InternalServerException", "Unavailable"),
    ] {
        let outbox = Outbox::new().await;
        let records = [record("1", None, &outbox.image("revoked", 1))];
        outbox.ivs.fail_next(status, error);
        let failure = outbox.handle(&records).await.unwrap_err();
        assert_eq!(failure.error_type, error_type);
        assert!(outbox.cloud.probe.stays_empty(&outbox.published).await);
        assert!(outbox.cloud.probe.stays_empty(&outbox.parked).await);

        outbox.handle(&records).await.unwrap();
        assert_eq!(outbox.ivs.taken().len(), 1);
        assert_eq!(outbox.published(1).await[0].0, "entitlement-revoked");
    }
}

#[tokio::test]
async fn a_revocation_that_ivs_never_takes_is_parked_and_published() {
    let outbox = Outbox::new().await;
    let mut elsewhere = outbox.image("revoked", 1);
    elsewhere["channelId"] = json!({ "S": "not-ours" });
    let records = [
        record("1", None, &outbox.image("revoked", 1)),
        record("2", None, &elsewhere),
    ];
    outbox.ivs.fail_next(404, "ResourceNotFoundException");
    outbox.handle(&records).await.unwrap();
    assert_eq!(outbox.published(2).await.len(), 2);

    let mut parked = outbox
        .cloud
        .probe
        .receive(&outbox.parked, 2, |_| true)
        .await;
    parked.sort_by_key(|message| attribute(message, EVENT_ID).map(str::to_owned));
    let reasons: Vec<_> = parked
        .iter()
        .map(|message| attribute(message, REASON).unwrap())
        .collect();
    assert!(
        reasons[0].contains("ResourceNotFoundException"),
        "{reasons:?}"
    );
    assert!(reasons[1].contains("not-ours"), "{reasons:?}");
    assert_eq!(attribute(&parked[0], FUNCTION), Some("entitlement-outbox"));
    let body: Value = serde_json::from_str(parked[0].body().unwrap()).unwrap();
    assert_eq!(body, records[0]);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_parked_and_the_rest_is_not_held_up() {
    let outbox = Outbox::new().await;
    let broken = record(
        "1",
        None,
        &json!({ "userId": { "S": outbox.cloud.viewer } }),
    );
    let records = [broken, record("2", None, &outbox.image("granted", 1))];
    outbox.handle(&records).await.unwrap();
    let expected = [event("entitlement-granted", "entitlement/2", 1)];
    assert_eq!(outbox.published(1).await, expected);
    let parked = outbox
        .cloud
        .probe
        .receive(&outbox.parked, 1, |_| true)
        .await;
    assert_eq!(attribute(&parked[0], EVENT_ID), Some("1"));
    assert!(attribute(&parked[0], REASON).unwrap().contains("channelId"));
}
