//! The rules, one by one and over all orders and repetitions of events.

use super::*;
use proptest::prelude::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn change(second: i64, event_id: &str, kind: ChangeKind) -> Change {
    Change {
        user_id: "viewer".parse().unwrap(),
        channel_id: "channel".parse().unwrap(),
        occurred_at: at(second),
        event_id: event_id.parse().unwrap(),
        correlation_id: "cause".parse().unwrap(),
        kind,
    }
}

fn grant(second: i64) -> Change {
    let kind = ChangeKind::Grant {
        valid_from: None,
        valid_until: None,
        maximum_resolution: None,
    };
    change(second, &format!("event-{second}"), kind)
}

fn revoke(second: i64) -> Change {
    let kind = ChangeKind::Revoke { reason: None };
    change(second, &format!("event-{second}"), kind)
}

/// Applies changes in the order given; every state there was.
fn history(changes: &[Change]) -> Vec<Entitlement> {
    let mut states: Vec<Entitlement> = Vec::new();
    for change in changes {
        if let Outcome::Applied(next) = apply(states.last(), change) {
            states.push(next);
        }
    }
    states
}

fn last(changes: &[Change]) -> Entitlement {
    history(changes).pop().unwrap()
}

#[test]
fn what_a_grant_says_is_kept() {
    let kind = ChangeKind::Grant {
        valid_from: Some(at(10)),
        valid_until: Some(at(20)),
        maximum_resolution: Some(MaximumResolution::Hd),
    };
    let entitlement = last(&[change(1, "order-1", kind)]);
    assert_eq!(entitlement.status, Status::Granted);
    assert_eq!(
        (entitlement.valid_from, entitlement.valid_until),
        (Some(at(10)), Some(at(20)))
    );
    assert_eq!(entitlement.maximum_resolution, Some(MaximumResolution::Hd));
    assert_eq!(entitlement.event_id.as_str(), "order-1");
}

#[test]
fn a_revocation_ends_the_version_that_was_granted() {
    let states = history(&[grant(1), revoke(2), grant(3), grant(4), revoke(5)]);
    let seen: Vec<_> = states
        .iter()
        .map(|state| (state.status, state.viewer_session_version))
        .collect();
    assert_eq!(
        seen,
        [
            (Status::Granted, 1),
            (Status::Revoked, 1),
            (Status::Granted, 2),
            (Status::Granted, 2),
            (Status::Revoked, 2),
        ]
    );
}

#[test]
fn a_revocation_that_comes_first_counts() {
    let revoked = last(&[revoke(2)]);
    assert_eq!(revoked.status, Status::Revoked);
    assert_eq!(apply(Some(&revoked), &grant(1)), Outcome::Superseded);
    let granted = last(&[revoke(2), grant(3)]);
    assert!(granted.viewer_session_version > revoked.viewer_session_version);
}

#[test]
fn the_same_event_again_is_told_from_an_older_one() {
    let current = last(&[grant(2)]);
    assert_eq!(apply(Some(&current), &grant(2)), Outcome::Repeated);
    assert_eq!(apply(Some(&current), &grant(1)), Outcome::Superseded);
}

#[test]
fn at_the_same_instant_the_event_id_decides() {
    let a = change(1, "a", grant(1).kind);
    let b = change(1, "b", revoke(1).kind);
    assert_eq!(last(&[a.clone(), b.clone()]).status, Status::Revoked);
    assert_eq!(last(&[b, a]).status, Status::Revoked);
}

#[test]
fn an_entitlement_that_could_never_count_is_refused() {
    let event = |from: Option<i64>, until: Option<i64>| Event {
        metadata: cuepoint_shared::events::Metadata::new(
            "e".parse().unwrap(),
            at(0),
            "c".parse().unwrap(),
        ),
        data: UserEntitled {
            user_id: "viewer".parse().unwrap(),
            channel_id: "channel".parse().unwrap(),
            valid_from: from.map(at),
            valid_until: until.map(at),
            maximum_resolution: None,
        },
    };
    assert_eq!(Change::granted(event(Some(5), Some(5))), Err(EmptyValidity));
    assert!(Change::granted(event(Some(5), Some(6))).is_ok());
    assert!(Change::granted(event(None, Some(5))).is_ok());
}

#[test]
fn others_hear_of_every_change_in_effect_and_of_nothing_else() {
    let first = last(&[grant(1)]);
    assert_eq!(effect(None, &first), Some(Effect::Granted));

    let same_terms = last(&[grant(1), grant(2)]);
    assert_ne!(first, same_terms);
    assert_eq!(effect(Some(&first), &same_terms), None);

    let until = ChangeKind::Grant {
        valid_from: None,
        valid_until: Some(at(9)),
        maximum_resolution: None,
    };
    let shorter = last(&[grant(1), change(2, "shorter", until)]);
    assert_eq!(effect(Some(&first), &shorter), Some(Effect::Granted));

    let revoked = last(&[grant(1), revoke(2)]);
    assert_eq!(effect(Some(&first), &revoked), Some(Effect::Revoked));
    let again = last(&[grant(1), revoke(2), revoke(3)]);
    assert_eq!(effect(Some(&revoked), &again), None);
    assert_eq!(effect(None, &last(&[revoke(1)])), Some(Effect::Revoked));

    let granted_anew = last(&[grant(1), revoke(2), grant(3)]);
    assert_eq!(effect(Some(&revoked), &granted_anew), Some(Effect::Granted));
}

fn until(second: i64, end: i64) -> Change {
    let kind = ChangeKind::Grant {
        valid_from: None,
        valid_until: Some(at(end)),
        maximum_resolution: None,
    };
    change(second, &format!("event-{second}"), kind)
}

#[test]
fn an_entitlement_that_has_run_out_is_forgotten_after_ninety_days() {
    let days_90 = 90 * 24 * 60 * 60;
    let forgotten = |changes: &[Change]| delete_after(&last(changes));
    assert_eq!(forgotten(&[until(1, 9)]), Some(at(9 + days_90)));
    assert_eq!(
        forgotten(&[until(20, 9)]),
        Some(at(20 + days_90)),
        "it had ended before it was given"
    );
    assert_eq!(
        forgotten(&[until(1, 9), until(2, 7)]),
        Some(at(7 + days_90))
    );
    assert_eq!(forgotten(&[grant(1)]), None, "it does not end");
    assert_eq!(
        forgotten(&[until(1, 9), grant(2)]),
        None,
        "it no longer ends"
    );
    let mut endless = last(&[until(1, 9)]);
    endless.valid_until = Some(Timestamp::MAX);
    assert_eq!(delete_after(&endless), None);
}

#[test]
fn what_was_ever_revoked_is_never_forgotten() {
    assert_eq!(delete_after(&last(&[revoke(1)])), None);
    assert_eq!(delete_after(&last(&[until(1, 9), revoke(2)])), None);
    let granted_anew = last(&[until(1, 9), revoke(2), until(3, 9)]);
    assert_eq!(granted_anew.viewer_session_version, 2);
    assert_eq!(delete_after(&granted_anew), None);
}

fn any_kind() -> impl Strategy<Value = ChangeKind> {
    let resolution = prop_oneof![
        Just(None),
        Just(Some(MaximumResolution::Sd)),
        Just(Some(MaximumResolution::FullHd)),
    ];
    let instant = || prop::option::of((0_i64..1_000).prop_map(at));
    prop_oneof![
        (instant(), instant(), resolution).prop_map(|(valid_from, valid_until, resolution)| {
            ChangeKind::Grant {
                valid_from,
                valid_until,
                maximum_resolution: resolution,
            }
        }),
        Just(ChangeKind::Revoke { reason: None }),
    ]
}

/// Some events, several of them at the same instant, and an order to deliver them in, in which each
/// comes at least once.
fn deliveries() -> impl Strategy<Value = (Vec<Change>, Vec<usize>)> {
    prop::collection::vec((0_i64..4, any_kind()), 1..8).prop_flat_map(|kinds| {
        let events: Vec<_> = kinds
            .into_iter()
            .enumerate()
            .map(|(index, (second, kind))| change(second, &format!("event-{index}"), kind))
            .collect();
        let once: Vec<usize> = (0..events.len()).collect();
        let order = prop::collection::vec(0..events.len(), 0..8)
            .prop_map(move |again| [once.clone(), again].concat())
            .prop_shuffle();
        (Just(events), order)
    })
}

proptest! {
    #[test]
    fn the_newest_event_decides_in_every_order_idempotent((events, order) in deliveries()) {
        let delivered: Vec<_> = order.iter().map(|&index| events[index].clone()).collect();
        let states = history(&delivered);
        let newest = events
            .iter()
            .max_by_key(|event| (event.occurred_at, event.event_id.clone()))
            .unwrap();

        let outcome = states.last().unwrap();
        let alone = last(std::slice::from_ref(newest));
        prop_assert_eq!(
            Entitlement { viewer_session_version: alone.viewer_session_version, ..outcome.clone() },
            alone
        );
        for pair in states.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            prop_assert!(after.viewer_session_version >= before.viewer_session_version);
            if before.status == Status::Revoked && after.status == Status::Granted {
                prop_assert!(after.viewer_session_version > before.viewer_session_version);
            }
        }
    }

    #[test]
    fn no_grant_has_a_version_that_was_revoked((events, order) in deliveries()) {
        let delivered: Vec<_> = order.iter().map(|&index| events[index].clone()).collect();
        let mut revoked = None;
        let mut before = None;
        let states = history(&delivered);
        for state in &states {
            match effect(before, state) {
                Some(Effect::Revoked) => revoked = revoked.max(Some(state.viewer_session_version)),
                Some(Effect::Granted) => prop_assert!(Some(state.viewer_session_version) > revoked),
                None => {}
            }
            if state.status == Status::Granted {
                prop_assert!(Some(state.viewer_session_version) > revoked);
                prop_assert!(revoked.is_none() || delete_after(state).is_none());
            }
            before = Some(state);
        }
    }

    #[test]
    fn what_is_published_follows_the_table((events, order) in deliveries()) {
        let delivered: Vec<_> = order.iter().map(|&index| events[index].clone()).collect();
        let states = history(&delivered);
        let mut heard = None;
        let mut before = None;
        for state in &states {
            heard = effect(before, state).or(heard);
            before = Some(state);
        }
        let expected = match states.last().unwrap().status {
            Status::Granted => Effect::Granted,
            Status::Revoked => Effect::Revoked,
        };
        prop_assert_eq!(heard, Some(expected));
    }
}
