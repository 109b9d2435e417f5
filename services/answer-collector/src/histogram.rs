//! How many players have how many points: enough to tell anyone their rank, however low, from
//! their own points.

use std::collections::BTreeMap;

/// Players by points. Who has none is not in it: everyone in it is ahead of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    by_points: BTreeMap<u32, u32>,
}

/// Bytes that are no histogram.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a histogram of points: {0}")]
pub struct NotAHistogram(String);

impl Histogram {
    /// Counts a player with so many points.
    pub fn add(&mut self, points: u32) {
        if points > 0 {
            *self.by_points.entry(points).or_default() += 1;
        }
    }

    /// Counts the players of another one too.
    pub fn merge(&mut self, other: &Self) {
        for (&points, players) in &other.by_points {
            *self.by_points.entry(points).or_default() += players;
        }
    }

    /// The rank that so many points have: one more than there are players with more. So those with
    /// the same points have the same rank, and the next rank counts them.
    pub fn rank(&self, points: u32) -> u64 {
        let ahead = self.by_points.range(points.saturating_add(1)..);
        1 + ahead.map(|(_, players)| u64::from(*players)).sum::<u64>()
    }

    /// Compactly: for each number of points, from the fewest on, the difference to the one before
    /// and the players, both as numbers of variable length (the wire format of `postcard`).
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut before = 0;
        let steps: Vec<(u32, u32)> = self
            .by_points
            .iter()
            .map(|(&points, &players)| (points - std::mem::replace(&mut before, points), players))
            .collect();
        postcard::to_stdvec(&steps).expect("numbers can be written to memory")
    }

    /// Reads what [`Histogram::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`NotAHistogram`]
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAHistogram> {
        let steps: Vec<(u32, u32)> =
            postcard::from_bytes(bytes).map_err(|error| NotAHistogram(error.to_string()))?;
        let mut by_points = BTreeMap::new();
        let mut points = 0_u32;
        for (step, players) in steps {
            points = points
                .checked_add(step)
                .ok_or_else(|| NotAHistogram("too many points".to_owned()))?;
            by_points.insert(points, players);
        }
        Ok(Self { by_points })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(points: &[u32]) -> Histogram {
        let mut histogram = Histogram::default();
        points.iter().for_each(|&points| histogram.add(points));
        histogram
    }

    #[test]
    fn equal_points_share_a_rank_and_the_next_counts_them() {
        let histogram = of(&[900, 800, 800, 700, 0]);
        let ranks = [900, 800, 700, 0].map(|points| histogram.rank(points));
        assert_eq!(ranks, [1, 2, 4, 5]);
        assert_eq!(histogram.rank(u32::MAX), 1);
        assert_eq!(Histogram::default().rank(0), 1);
    }

    /// An item of DynamoDB has at most 400 KB, and the rest of a leaderboard needs a few of them.
    #[test]
    fn the_largest_fits_into_an_item() {
        let most = 50 * 1_000;
        let by_points = (1..=most).map(|points| (points, u32::MAX)).collect();
        let histogram = Histogram { by_points };
        let bytes = histogram.to_bytes();
        assert!(bytes.len() < 310_000, "{}", bytes.len());
        assert_eq!(Histogram::from_bytes(&bytes), Ok(histogram));
    }

    #[test]
    fn other_bytes_are_no_histogram() {
        assert!(Histogram::from_bytes(&[9]).is_err());
        let max = postcard::to_stdvec(&[(u32::MAX, 1_u32), (1, 1)].as_slice()).unwrap();
        assert!(Histogram::from_bytes(&max).is_err());
    }

    proptest! {
        #[test]
        fn a_rank_is_one_more_than_those_ahead(
            all in prop::collection::vec(0..40_u32, 0..60),
            mine in 0..45_u32,
        ) {
            let read = Histogram::from_bytes(&of(&all).to_bytes()).unwrap();
            let ahead = all.iter().filter(|&&points| points > mine).count();
            prop_assert_eq!(read.rank(mine), 1 + u64::try_from(ahead).unwrap());
        }
    }
}
