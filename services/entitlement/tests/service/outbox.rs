//! `entitlement-outbox`, with the real bus, and an IVS that fails when it is told to.

use aws_sdk_sqs::types::Message;
use cuepoint_shared::{
    channels::Channels,
    dead_letters::{EVENT_ID, FUNCTION, REASON},
    event_bus::EventBus,
    streams::Patience,
};
use entitlement::{entitlement_outbox::OutboxHandler, viewer_sessions::ViewerSessions};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde_json::{Value, json};
use stage::{
    IvsStub,
    probe::{attribute, delivered},
};

use crate::cloud::Cloud;

/// The operation of IVS that the handler calls.
const REVOKE: &str = "BatchStartViewerSessionRevocation";

/// The age at which the handler gives up, in minutes.
pub(crate) const GIVE_UP: i64 = 330;

/// The handler, and what it acts on.
pub(crate) struct Outbox {
    pub(crate) cloud: Cloud,
    pub(crate) ivs: IvsStub,
    pub(crate) handler: OutboxHandler,
    pub(crate) published: String,
    pub(crate) parked: String,
}

impl Outbox {
    pub(crate) async fn new() -> Self {
        let cloud = Cloud::new().await;
        let ivs = IvsStub::start(REVOKE, 200).await;
        let published = cloud.listen().await;
        let parked = cloud.probe.queue().await;
        let handler = handler(&cloud, &ivs, cloud.eventbridge.clone(), &parked).await;
        Self {
            cloud,
            ivs,
            handler,
            published,
            parked,
        }
    }

    pub(crate) fn image(&self, status: &str, version: u32) -> Value {
        self.image_of(&self.cloud.viewer, status, version)
    }

    fn image_of(&self, viewer: &str, status: &str, version: u32) -> Value {
        json!({
            "userId": { "S": viewer },
            "channelId": { "S": self.cloud.channel_id() },
            "status": { "S": status },
            "viewerSessionVersion": { "N": version.to_string() },
            "occurredAt": { "S": "2026-11-22T00:00:01Z" },
            "eventId": { "S": format!("{status}-{version}") },
            "correlationId": { "S": "order-1" },
        })
    }

    /// What IVS is asked about a viewer.
    pub(crate) fn pair(&self, viewer: &str, up_to_version: u32) -> Value {
        json!({
            "channelArn": self.cloud.stack.channel.arn,
            "viewerId": viewer,
            "viewerSessionVersionsLessThanOrEqualTo": up_to_version,
        })
    }

    /// What IVS answers when it refuses a viewer.
    fn refusal(&self, viewer: &str, code: &str) -> Value {
        json!({
            "channelArn": self.cloud.stack.channel.arn,
            "viewerId": viewer,
            "code": code,
            "message": format!("not {viewer}"),
        })
    }

    pub(crate) async fn parked(&self, count: usize) -> Vec<Message> {
        let probe = &self.cloud.probe;
        let mut parked = probe.receive(&self.parked, count, |_| true).await;
        parked.sort_by_key(|message| attribute(message, EVENT_ID).map(str::to_owned));
        parked
    }

    pub(crate) async fn handle(&self, records: &[Value]) -> Result<(), Diagnostic> {
        self.deliver(json!({ "Records": records })).await
    }

    /// As an operator delivers records again.
    pub(crate) async fn redrive(&self, records: &[Value]) -> Result<(), Diagnostic> {
        let batch = json!({ "Records": records, "redrive": true });
        self.deliver(batch).await
    }

    async fn deliver(&self, batch: Value) -> Result<(), Diagnostic> {
        let event = LambdaEvent::new(serde_json::from_value(batch).unwrap(), Context::default());
        self.handler.handle(event).await
    }

    /// Detail type, event id and version of what was published.
    pub(crate) async fn published(&self, count: usize) -> Vec<(String, String, u64)> {
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

/// A handler for the stack's channel, whose events go out through `bus`.
pub(crate) async fn handler(
    cloud: &Cloud,
    ivs: &IvsStub,
    bus: aws_sdk_eventbridge::Client,
    parked: &str,
) -> OutboxHandler {
    let channel = &cloud.stack.channel;
    let channels = json!({
        &channel.channel_id: {
            "arn": channel.arn,
            "playbackUrl": channel.playback_url,
            "origins": [channel.origin],
        },
    });
    OutboxHandler::new(
        ViewerSessions::new(
            ivs.client(&cloud.stack.sdk_config().await),
            Channels::parse(&channels.to_string()).unwrap(),
        ),
        EventBus::new(bus, cloud.stack.outputs.event_bus_name.clone()),
        cloud.dead_letters(parked, OutboxHandler::FUNCTION),
        Patience::new(SignedDuration::from_mins(GIVE_UP), Timestamp::now),
    )
}

pub(crate) fn record(id: &str, before: Option<Value>, after: &Value) -> Value {
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

pub(crate) fn event(detail_type: &str, id: &str, version: u64) -> (String, String, u64) {
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
    let revocation = json!({ "viewerSessions": [outbox.pair(&outbox.cloud.viewer, 1)] });
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
    let gone = outbox.refusal(&outbox.cloud.viewer, "ResourceNotFoundException");
    outbox.ivs.answer_next(json!({ "errors": [gone] }));
    outbox.handle(&records).await.unwrap();
    assert_eq!(outbox.published(2).await.len(), 2);

    let parked = outbox.parked(2).await;
    let reasons: Vec<_> = parked
        .iter()
        .map(|message| attribute(message, REASON).unwrap())
        .collect();
    assert!(
        reasons[0].contains("ResourceNotFoundException"),
        "{reasons:?}"
    );
    assert!(!reasons[0].contains(&outbox.cloud.viewer), "{reasons:?}");
    assert!(reasons[1].contains("not-ours"), "{reasons:?}");
    assert_eq!(attribute(&parked[0], FUNCTION), Some("entitlement-outbox"));
    let body: Value = serde_json::from_str(parked[0].body().unwrap()).unwrap();
    assert_eq!(body, records[0]);
}

#[tokio::test]
async fn a_hundred_viewers_are_revoked_in_five_calls_and_then_published() {
    let outbox = Outbox::new().await;
    let viewer = |number: usize| format!("{number:03}-{}", &outbox.cloud.viewer[..30]);
    let probe = &outbox.cloud.probe;
    let all: Vec<_> = (0..98)
        .map(viewer)
        .chain([outbox.cloud.viewer.clone()])
        .collect();
    let published = probe
        .listen("cuepoint.entitlement", json!({ "userId": all }))
        .await;
    let mut records: Vec<_> = (0..98)
        .map(|number| {
            let revoked = outbox.image_of(&viewer(number), "revoked", 1);
            record(&format!("{number:03}"), None, &revoked)
        })
        .collect();
    // One of them twice, with a grant between.
    let (first, second) = (outbox.image("revoked", 1), outbox.image("revoked", 2));
    let between = outbox.image("granted", 2);
    records.push(record("098", None, &first));
    records.push(record("099", Some(first), &between));
    records.push(record("100", Some(between), &second));
    outbox.handle(&records).await.unwrap();

    let calls: Vec<Vec<Value>> = outbox
        .ivs
        .taken()
        .iter()
        .map(|call| call["viewerSessions"].as_array().unwrap().clone())
        .collect();
    let mut sizes: Vec<_> = calls.iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [19, 20, 20, 20, 20]);
    let pairs = calls.concat();
    for viewer in &all[..98] {
        assert!(pairs.contains(&outbox.pair(viewer, 1)), "once each");
    }
    assert!(pairs.contains(&outbox.pair(&outbox.cloud.viewer, 2)));
    let messages = probe.receive(&published, 101, |_| true).await;
    assert_eq!(messages.len(), 101);
    assert!(probe.stays_empty(&outbox.parked).await);
}

#[tokio::test]
async fn of_a_call_only_the_pairs_that_failed_hold_up_or_are_parked() {
    let outbox = Outbox::new().await;
    let (gone, busy) = ("gone", "busy");
    let records = [
        record("1", None, &outbox.image("revoked", 1)),
        record("2", None, &outbox.image_of(gone, "revoked", 1)),
        record("3", None, &outbox.image_of(busy, "revoked", 1)),
    ];
    let errors = [
        outbox.refusal(gone, "ValidationException"),
        outbox.refusal(busy, "ThrottlingException"),
    ];
    outbox.ivs.answer_next(json!({ "errors": errors }));
    let failure = outbox.handle(&records).await.unwrap_err();
    assert_eq!(failure.error_type, "Throttled");
    assert!(
        !failure.error_message.contains(busy),
        "{}",
        failure.error_message
    );
    assert!(outbox.cloud.probe.stays_empty(&outbox.published).await);
    assert!(
        outbox.cloud.probe.stays_empty(&outbox.parked).await,
        "it comes again with its batch"
    );

    let errors = [outbox.refusal(gone, "ValidationException")];
    outbox.ivs.answer_next(json!({ "errors": errors }));
    outbox.handle(&records).await.unwrap();
    assert_eq!(outbox.published(1).await[0].1, "entitlement/1");
    let parked = outbox.parked(1).await;
    assert_eq!(attribute(&parked[0], EVENT_ID), Some("2"));
    let reason = attribute(&parked[0], REASON).unwrap();
    assert!(reason.contains("ValidationException"), "{reason}");
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
