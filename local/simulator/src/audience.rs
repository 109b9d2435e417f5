//! When who answers.

use answer_collector::sharding::shard_of;
use cuepoint_shared::ids::UserId;
use fastrand::Rng;
use uuid::Builder;

use crate::plan::Plan;

/// One of the audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Viewer {
    /// When they tap, in milliseconds after the window was opened.
    pub taps_at: u32,
    /// Until when they are shown to have time.
    pub until: u32,
    /// Where their answers are.
    pub shard: u32,
}

/// Draws a viewer: an id as Cognito gives them, and a time to answer in.
pub fn viewer(plan: &Plan, random: &mut Rng) -> Viewer {
    let seen_at = seen_at(plan, random);
    let taps_at = seen_at + thinks(plan, random);
    let id = viewer_id(random);
    Viewer {
        taps_at,
        until: seen_at + plan.window_seconds * 1_000,
        shard: shard_of(&id, plan.shards),
    }
}

/// A viewer's id, as Cognito makes them: a random UUID.
pub fn viewer_id(random: &mut Rng) -> UserId {
    let id = Builder::from_random_bytes(random.u128(..).to_be_bytes()).into_uuid();
    let text = id.hyphenated().to_string();
    text.parse().expect("a UUID is an id by its characters")
}

/// When the question is on a viewer's screen.
fn seen_at(plan: &Plan, random: &mut Rng) -> u32 {
    random.u32(plan.video_from_ms..=plan.video_to_ms.max(plan.video_from_ms))
}

/// How long a viewer thinks: log-normal, and never longer than they have.
fn thinks(plan: &Plan, random: &mut Rng) -> u32 {
    let longest = f64::from(plan.window_seconds * 1_000);
    // Who would take longer answers at the last moment or not at all: drawn again, a few times.
    let draw = |random: &mut Rng| f64::from(plan.median_ms) * (plan.spread * normal(random)).exp();
    let drawn = (0..8)
        .map(|_| draw(random))
        .find(|&thinks| thinks <= longest);
    drawn.unwrap_or(longest) as u32
}

/// Drawn from the standard normal distribution (Box and Muller).
fn normal(random: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.f64()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_audience_thinks_for_the_median_and_nobody_longer_than_they_have() {
        let plan = Plan {
            video_from_ms: 0,
            video_to_ms: 0,
            ..Plan::of(20_000, 10)
        };
        let mut random = Rng::with_seed(7);
        let viewers = (0..plan.audience).map(|_| viewer(&plan, &mut random));
        let mut taps: Vec<_> = viewers.map(|viewer| viewer.taps_at).collect();
        taps.sort_unstable();
        let median = taps[taps.len() / 2];
        assert!((3_400..3_600).contains(&median), "{median}");
        // 84 % are within one deviation: 3.5 s times e^0.45, which is 5.49 s.
        let at_84 = taps[taps.len() * 84 / 100];
        assert!((5_300..5_700).contains(&at_84), "{at_84}");
        assert!(taps[taps.len() - 1] <= 10_000);
    }
}
