//! Small audiences, by hand; and what holds for all.

use proptest::prelude::*;

use super::*;
use crate::{advice::boundless, timing::NETWORK_MS};

/// Everyone taps at the same moment.
fn at_once(audience: u32) -> Plan {
    Plan {
        video_from_ms: 1_000,
        video_to_ms: 1_000,
        spread: 0.0,
        shards: 1,
        ..Plan::of(audience, 10)
    }
}

fn house() -> House {
    House::read()
}

#[test]
fn whom_the_api_refuses_comes_again_in_vain_when_nothing_comes_free() {
    // 1,000 at once: the burst lets 100 in, and nothing is added to it. The others tap 3.5 s after they
    // saw the question, and hear 80 ms later that it was in vain: 6.42 s are left. Pauses are about
    // 0.4, 0.8, 1.6 and 3.2 s. At the longest the first three take 4.2 s and three requests 0.24 s:
    // 1.98 s are left, and the least of the fourth, 1.6 s, is waited: five tries. At the shortest the
    // first four take 3 s and their requests 0.32 s: the least of the fifth, 2.5 s, is waited, too: six.
    let limits = boundless().with(Id::StageRate, 0).with(Id::StageBurst, 100);
    let played = play(&at_once(1_000), &house(), &limits);
    assert_eq!(
        (played.accepted.total(), played.turned_away.total()),
        (100, 900)
    );
    assert!((100 + 900 * 5..=100 + 900 * 6).contains(&played.work.requests));
    let meter = played.meters.get(Id::StageRate);
    assert_eq!(meter.refused, played.work.requests - 100);
    assert_eq!(meter.met_at, Some(1_000 + 3_500 + NETWORK_MS));
    assert_eq!(played.tallied.total(), 100);
}

#[test]
fn one_hot_shard_takes_what_a_partition_takes() {
    // All in one shard, and all at once: a thousand are written, and 1,000 more in each second that
    // the last tries are apart from the first. The SDK's pauses are at most one and two seconds, the
    // page's 400 and 1,200 ms; each of three requests makes three tries within two seconds.
    let limits = boundless()
        .with(Id::PartitionWrites, 1_000)
        .with(Id::WarmWrites, 1_000);
    let played = play(&at_once(20_000), &house(), &limits);
    let meter = played.meters.get(Id::PartitionWrites);
    assert!(meter.refused > 0);
    let first = played.accepted.bins().iter().find(|&&count| count > 0);
    // Those of the first millisecond, and of the rest of its tenth.
    assert!((1_000..=1_100).contains(first.unwrap()), "{first:?}");
    let from = 4_500 / crate::meter::BIN_MS as usize;
    let seconds = (played.accepted.bins().len() - from) as u64 / 10 + 1;
    assert!(played.accepted.total() <= 1_000 + 1_000 * seconds);
    assert!(played.turned_away.total() > 0);
}

#[test]
fn environments_come_as_fast_as_lambda_makes_them() {
    // No unit of concurrency is there before: 300 at once get 200 of the first ten seconds' units,
    // and 100 are refused. When they come again, at least 280 ms later, what was started is free again,
    // and each of its 200 units has brought its one request.
    let limits = boundless()
        .with(Id::RequestsPerEnvironment, 10)
        .with(Id::ScalingRate, 200);
    let played = play(&at_once(300), &house(), &limits);
    let meter = played.meters.get(Id::ScalingRate);
    assert_eq!((meter.refused, played.accepted.total()), (100, 300));
    assert_eq!(played.work.environments, 200);
}

#[test]
fn the_same_seed_plays_the_same() {
    let limits = Limits::as_they_are(&house());
    let play_with = |seed| {
        let plan = Plan {
            seed,
            ..Plan::of(20_000, 10)
        };
        play(&plan, &house(), &limits)
    };
    assert_eq!(play_with(5), play_with(5));
    assert_ne!(play_with(5), play_with(6));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Everyone is told something, once, and what is accepted is counted.
    #[test]
    fn nobody_is_lost_or_doubled(
        audience in 1..3_000_u32,
        seed in any::<u64>(),
        rate in 10..3_000_u64,
        warm in 1..4_u64,
        concurrency in 5..500_u64,
        shards in 1..8_u32,
    ) {
        let plan = Plan { seed, shards, ..Plan::of(audience, 5) };
        let limits = Limits::default()
            .with(Id::StageRate, rate)
            .with(Id::StageBurst, rate)
            .with(Id::Concurrency, concurrency)
            .with(Id::WarmWrites, warm * 100)
            .with(Id::PartitionWrites, 100);
        let played = play(&plan, &house(), &limits);
        let told = [&played.accepted, &played.turned_away, &played.late];
        prop_assert_eq!(told.map(Series::total).iter().sum::<u64>(), u64::from(audience));
        prop_assert_eq!(played.arrived.total(), u64::from(audience));
        prop_assert_eq!(played.tallied.total(), played.accepted.total());
    }

    /// Of a limit that stands alone: with several, what one lets through may break the next.
    #[test]
    fn raising_a_limit_never_turns_more_away(
        audience in 1..3_000_u32,
        seed in any::<u64>(),
        which in 0..3_usize,
        low in 1..2_000_u64,
        more in 0..2_000_u64,
    ) {
        let plan = Plan { seed, ..Plan::of(audience, 5) };
        let lost = |value| {
            let limits = match which {
                0 => boundless().with(Id::StageRate, value).with(Id::StageBurst, value),
                1 => boundless().with(Id::ApiRate, value).with(Id::ApiBurst, value / 2),
                _ => boundless().with(Id::Concurrency, value),
            };
            play(&plan, &house(), &limits).turned_away.total()
        };
        prop_assert!(lost(low + more) <= lost(low));
    }
}
