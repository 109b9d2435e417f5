//! The table, when two functions decide at the same time.

use entitlement::{
    rules::{self, Change, ChangeKind, Entitlement, Outcome},
    store::Put,
};
use jiff::Timestamp;

use crate::cloud::Cloud;

impl Cloud {
    /// The entitlement after one more grant.
    fn next(&self, current: Option<&Entitlement>, event_id: &str) -> Entitlement {
        let before = current.map_or(Timestamp::UNIX_EPOCH, |current| current.occurred_at);
        let change = Change {
            user_id: self.viewer.parse().unwrap(),
            channel_id: self.channel_id().parse().unwrap(),
            occurred_at: before + jiff::SignedDuration::from_secs(1),
            event_id: event_id.parse().unwrap(),
            correlation_id: "order".parse().unwrap(),
            kind: ChangeKind::Grant {
                valid_from: None,
                valid_until: None,
                maximum_resolution: None,
            },
        };
        match rules::apply(current, &change) {
            Outcome::Applied(next) => next,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_write_decided_on_what_stands_there_no_longer_changes_nothing() {
    let cloud = Cloud::new().await;
    let store = cloud.store();
    let put = async |next: &Entitlement, read: Option<&Entitlement>| {
        store.put(next, read, Timestamp::now()).await.unwrap()
    };
    let stored = async |one: &Entitlement| {
        let item = store.get(&one.user_id, &one.channel_id).await.unwrap();
        item.as_ref() == Some(one)
    };

    let first = cloud.next(None, "first");
    assert_eq!(put(&first, None).await, Put::Written);
    assert_eq!(put(&cloud.next(None, "late"), None).await, Put::LostRace);
    assert!(stored(&first).await);

    let second = cloud.next(Some(&first), "second");
    assert_eq!(put(&second, Some(&first)).await, Put::Written);
    let late = cloud.next(Some(&first), "late");
    assert_eq!(put(&late, Some(&first)).await, Put::LostRace);
    assert!(stored(&second).await);
}
