//! How many shards the answers of a run are spread over.
//!
//! It is settled when the run is scheduled and stays the same for all its questions, so that a
//! viewer has the same shard in each.

use std::ops::RangeInclusive;

/// Writes a second that one partition of a table takes (DynamoDB, "Partitions and data
/// distribution").
const WRITES_PER_SHARD: u64 = 1_000;
/// Seconds within which a whole audience answers.
const ANSWERING_SECONDS: u64 = 10;
/// How much faster than evenly the answers of one shard may come: in its busiest second a quarter of an
/// audience taps, which is two and a half times as much, and viewers do not spread over the shards
/// perfectly, nor shards over partitions (`cargo xtask simulate`).
const HEADROOM: u64 = 4;

/// How many viewers a producer may expect.
pub const AUDIENCE: RangeInclusive<u32> = 1..=10_000_000;
/// How many viewers are expected where the producer does not say.
pub const DEFAULT_AUDIENCE: u32 = 1_000;

/// The number of shards for an audience of so many viewers, at least one.
pub fn shards(expected_audience: u32) -> u32 {
    let peak = u64::from(expected_audience) * HEADROOM;
    let shards = peak.div_ceil(ANSWERING_SECONDS * WRITES_PER_SHARD).max(1);
    u32::try_from(shards).expect("no more shards than viewers")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_shard_serves_two_and_a_half_thousand_viewers() {
        assert_eq!(shards(0), 1);
        assert_eq!(shards(1), 1);
        assert_eq!(shards(2_500), 1);
        assert_eq!(shards(2_501), 2);
        assert_eq!(shards(1_000_000), 400);
        // As many as the service that takes the answers allows: its `window::SHARDS`.
        assert_eq!(shards(*AUDIENCE.end()), 4_000);
    }

    proptest! {
        #[test]
        fn no_shard_gets_more_than_a_partition_takes(audience in AUDIENCE) {
            let per_shard = u64::from(audience).div_ceil(u64::from(shards(audience)));
            prop_assert!(per_shard * HEADROOM <= ANSWERING_SECONDS * WRITES_PER_SHARD);
        }
    }
}
