//! The deployed functions, under every order of some events, each of which comes twice.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::Message;
use entitlement::{announcement::Announcement, rules::Effect};
use futures::future;
use serde_json::{Value, json};
use stage::probe::{self, delivered};
use uuid::Uuid;

use crate::{
    cloud::{self, Cloud, upstream},
    stream,
};

/// All orders of four things.
fn orders() -> Vec<[usize; 4]> {
    let mut orders = Vec::new();
    for a in 0..4 {
        for b in (0..4).filter(|&b| b != a) {
            for c in (0..4).filter(|&c| c != a && c != b) {
                orders.push([a, b, c, 6 - a - b - c]);
            }
        }
    }
    orders
}

/// A grant, a revocation, and, at the same instant, another revocation and a grant under other
/// terms, which is the newest by its id.
fn events(cloud: &Cloud, viewer: &str) -> [(&'static str, Value); 4] {
    let who = || json!({ "userId": viewer, "channelId": cloud.channel_id() });
    let mut limited = who();
    limited["validFrom"] = json!("2020-01-01T00:00:00Z");
    limited["validUntil"] = json!("2099-01-01T00:00:00Z");
    limited["maximumResolution"] = json!("HD");
    let event = |second, letter: &str, data| upstream(second, &id(letter, viewer), data);
    [
        ("user-entitled", event(1, "a", who())),
        ("user-entitlement-revoked", event(2, "b", who())),
        ("user-entitlement-revoked", event(3, "c", who())),
        ("user-entitled", event(3, "d", limited)),
    ]
}

fn id(letter: &str, viewer: &str) -> String {
    format!("{letter}-{viewer}")
}

#[tokio::test]
async fn in_every_order_and_however_often_the_newest_event_decides_idempotent() {
    let _calm = cloud::calm().await;
    let cloud = Cloud::new().await;
    let orders = orders();
    assert_eq!(orders.len(), 24);
    let viewers: Vec<String> = orders.iter().map(|_| Uuid::new_v4().to_string()).collect();
    let published = cloud.listen_to(&viewers).await;
    let puts = orders.iter().zip(&viewers).map(|(order, viewer)| {
        let (cloud, events) = (&cloud, events(&cloud, viewer));
        async move {
            for &place in order.iter().chain(order.iter().rev()) {
                let (detail_type, event) = &events[place];
                cloud.put_event(detail_type, event).await;
            }
        }
    });
    future::join_all(puts).await;
    cloud.all_taken_in().await;

    for (viewer, order) in viewers.iter().zip(&orders) {
        let item = probe::until(async || {
            let item = cloud.item_of(viewer).await?;
            (item["eventId"] == id("d", viewer)).then_some(item)
        })
        .await;
        assert_eq!(item["status"], "granted", "{order:?}");
        assert_eq!(item["validUntil"], "2099-01-01T00:00:00Z", "{order:?}");
        assert_eq!(item["maximumResolution"], "HD", "{order:?}");
    }
    let announced = stream::announced(&cloud, &viewers).await;
    assert_eq!(announced.len(), viewers.len());
    for (viewer, announced) in &announced {
        no_version_comes_back(announced);
        let newest = &announced.last().unwrap().entitlement;
        assert_eq!(newest.event_id.as_str(), id("d", viewer));
    }
    let expected: usize = announced.values().map(Vec::len).sum();
    let messages = cloud.probe.receive(&published, expected, |_| true).await;
    assert!(cloud.probe.stays_empty(&published).await, "published once");
    as_announced(&announced, &messages);
}

/// A viewer who is granted anew has a version that no revocation reached before, at IVS either: it
/// is revoked there up to the version that the announcement says.
pub(crate) fn no_version_comes_back(announced: &[Announcement]) {
    let mut revoked = 0;
    for announcement in announced {
        let version = announcement.entitlement.viewer_session_version;
        match announcement.effect {
            Effect::Revoked => revoked = revoked.max(version),
            Effect::Granted => assert!(version > revoked, "{announced:?}"),
        }
    }
}

/// Every change in effect was published, nothing else was, and first in the order of the table, per
/// viewer. A queue may hand messages out in any order: what counts is when they were sent to it.
pub(crate) fn as_announced(announced: &BTreeMap<String, Vec<Announcement>>, messages: &[Message]) {
    let mut published: BTreeMap<String, BTreeMap<String, (i64, String, u64)>> = BTreeMap::new();
    for message in messages {
        let (detail_type, detail) = delivered(message);
        let text = |pointer: &str| {
            detail
                .pointer(pointer)
                .unwrap()
                .as_str()
                .unwrap()
                .to_owned()
        };
        let version = detail["data"]["viewerSessionVersion"].as_u64().unwrap();
        let said = (probe::sent_at(message), detail_type, version);
        let of_viewer = published.entry(text("/data/userId")).or_default();
        let first = of_viewer
            .entry(text("/metadata/eventId"))
            .or_insert_with(|| said.clone());
        assert_eq!((&first.1, first.2), (&said.1, said.2), "one id, one event");
        first.0 = first.0.min(said.0);
    }
    assert_eq!(published.len(), announced.len());
    for (viewer, announced) in announced {
        let published = &published[viewer];
        assert_eq!(published.len(), announced.len());
        let mut before = 0;
        for announcement in announced {
            let (sent_at, detail_type, version) = &published[announcement.event_id.as_str()];
            let expected = match announcement.effect {
                Effect::Granted => "entitlement-granted",
                Effect::Revoked => "entitlement-revoked",
            };
            assert_eq!(detail_type, expected);
            assert_eq!(
                *version,
                u64::from(announcement.entitlement.viewer_session_version)
            );
            assert!(before <= *sent_at, "in the order of the table");
            before = *sent_at;
        }
    }
}
