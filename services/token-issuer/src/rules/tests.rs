//! The rules, at the edges of validity and over all times.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn channel(token_seconds: u32) -> Channel {
    Channel {
        arn: "arn:aws:ivs:eu-west-1:000000000000:channel/AbC".to_owned(),
        playback_url: "https://example.com/AbC.m3u8".to_owned(),
        origins: ["https://a.example", "https://b.example"]
            .map(str::to_owned)
            .to_vec()
            .try_into()
            .unwrap(),
        strict_origin: false,
        single_use: false,
        token_seconds,
    }
}

fn entitlement(from: Option<i64>, until: Option<i64>) -> Entitlement {
    Entitlement {
        status: Status::Granted,
        valid_from: from.map(at),
        valid_until: until.map(at),
        maximum_resolution: None,
        viewer_session_version: 3,
    }
}

#[test]
fn an_entitled_viewer_gets_the_channels_token_lifetime() {
    let channel = channel(60);
    let (grant, of) = decide(Some(&entitlement(None, None)), at(1_000), Some(&channel)).unwrap();
    assert_eq!(of, &channel);
    assert_eq!(grant.expires_at, at(1_060));
    assert_eq!(grant.viewer_session_version, 3);
}

#[test]
fn validity_begins_on_time_and_ends_on_time() {
    let limited = entitlement(Some(100), Some(200));
    let channel = channel(60);
    let decide = |now| decide(Some(&limited), now, Some(&channel)).map(|(grant, _)| grant);
    let moment = SignedDuration::from_nanos(1);
    let early = decide(at(40) - moment);
    assert_eq!(early, Err(Refusal::NotYet(at(100))));
    // The clock that says when it begins may be a minute ahead of ours.
    assert_eq!(decide(at(40)).unwrap().expires_at, at(100));
    assert_eq!(decide(at(100)).unwrap().expires_at, at(160));
    assert_eq!(decide(at(190)).unwrap().expires_at, at(200));
    assert_eq!(decide(at(200) - moment).unwrap().expires_at, at(200));
    assert_eq!(decide(at(200)), Err(Refusal::RanOut(at(200))));
}

#[test]
fn who_is_not_entitled_learns_nothing_of_the_channel() {
    let unknown_channel = decide(Some(&entitlement(None, None)), at(0), None);
    let channel = channel(60);
    let unknown_viewer = decide(None, at(0), Some(&channel));
    assert_eq!(unknown_channel, Err(Refusal::NotEntitled));
    assert_eq!(unknown_channel, unknown_viewer);
    assert_eq!(decide(None, at(0), None), unknown_viewer);
}

#[test]
fn a_revoked_entitlement_is_refused_whatever_its_validity() {
    let mut revoked = entitlement(Some(0), Some(200));
    revoked.status = Status::Revoked;
    let channel = channel(60);
    let refusal = decide(Some(&revoked), at(100), Some(&channel));
    assert_eq!(refusal, Err(Refusal::Revoked));
}

#[test]
fn a_token_says_what_ivs_documents_and_nothing_else() {
    let mut channel = channel(60);
    let mut entitlement = entitlement(None, None);
    let viewer = "viewer".parse().unwrap();
    let said = |entitlement: &Entitlement, channel: &Channel| {
        let (grant, _) = decide(Some(entitlement), at(1_000), Some(channel)).unwrap();
        serde_json::to_value(claims(&grant, channel, &viewer, Uuid::max)).unwrap()
    };
    let least = json!({
        "aws:channel-arn": "arn:aws:ivs:eu-west-1:000000000000:channel/AbC",
        "aws:access-control-allow-origin": "https://a.example,https://b.example",
        "aws:viewer-id": "viewer",
        "aws:viewer-session-version": 3,
        "exp": 1_060,
    });
    assert_eq!(said(&entitlement, &channel), least);

    channel.strict_origin = true;
    channel.single_use = true;
    entitlement.maximum_resolution = Some(MaximumResolution::FullHd);
    let mut most = least;
    most["aws:strict-origin-enforcement"] = json!(true);
    most["aws:single-use-uuid"] = json!("ffffffff-ffff-ffff-ffff-ffffffffffff");
    most["aws:maximum-resolution"] = json!("FULL_HD");
    assert_eq!(said(&entitlement, &channel), most);
}

/// Times near each other on both sides of 1970, down to the nanosecond: within seconds, so that
/// broken ones meet, or minutes.
fn any_time() -> impl Strategy<Value = Timestamp> {
    let within = |seconds: i128| -seconds * 1_000_000_000..seconds * 1_000_000_000;
    prop_oneof![within(3), within(200)].prop_map(|nanos| Timestamp::from_nanosecond(nanos).unwrap())
}

proptest! {
    #[test]
    fn a_token_never_outlives_the_entitlement_or_its_lifetime(
        now in any_time(),
        from in prop::option::of(any_time()),
        until in prop::option::of(any_time()),
        seconds in prop_oneof![1_u32..5, 1_u32..541],
    ) {
        let entitlement = Entitlement {
            valid_from: from,
            valid_until: until,
            ..entitlement(None, None)
        };
        match decide(Some(&entitlement), now, Some(&channel(seconds))) {
            Ok((grant, _)) => {
                prop_assert!(from.is_none_or(|from| from <= now + CLOCK_SKEW));
                prop_assert!(until.is_none_or(|until| now < until && grant.expires_at <= until));
                let lifetime = SignedDuration::from_secs(seconds.into());
                prop_assert!(grant.expires_at <= now + lifetime);
                prop_assert!(grant.expires_at.as_second() > whole_seconds(now));
            }
            Err(Refusal::NotYet(from)) => prop_assert!(now + CLOCK_SKEW < from),
            Err(Refusal::RanOut(until)) => {
                prop_assert!(whole_seconds(until) <= whole_seconds(now));
            }
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}
