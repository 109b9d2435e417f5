//! Arithmetic on presentation timestamps, whose 33-bit clock wraps.

use std::time::Duration;

use super::ts::{CLOCK_HZ, CLOCK_WRAP};

/// Ticks between tags that come during one frame: a millisecond, the grain of players' clocks.
const TAG_SPACING: u64 = CLOCK_HZ / 1000;

/// The timestamp for a tag at `now`: two tags never share one, so that a player which keys its cues
/// by time keeps both.
pub(super) fn after(last: Option<u64>, now: u64) -> u64 {
    match last.map(|last| (last, ticks_between(last, now))) {
        Some((last, ahead)) if ahead == 0 || ahead >= CLOCK_WRAP / 2 => {
            (last + TAG_SPACING) % CLOCK_WRAP
        }
        _ => now,
    }
}

/// Whether a timestamp is at or before another on the clock that wraps.
pub(super) fn reached(pts: u64, now: u64) -> bool {
    ticks_between(pts, now) < CLOCK_WRAP / 2
}

/// How far the 33-bit clock runs from one timestamp to another.
pub(super) fn ticks_between(from: u64, to: u64) -> u64 {
    (to + CLOCK_WRAP - from % CLOCK_WRAP) % CLOCK_WRAP
}

pub(super) fn ticks(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).map_or(CLOCK_WRAP, |micros| micros * CLOCK_HZ / 1_000_000)
}
