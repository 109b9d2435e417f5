//! How the viewers' page asks, and asks again: `web/src/patience.ts`, which a test compares.

/// How often it is tried, and how long the pauses are, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The first pause, about; each further one is twice as long.
    pub first_ms: u32,
    /// No pause is about longer than this.
    pub most_ms: u32,
    /// So many tries are made in any case; more only as long as that makes sense.
    pub tries: u8,
}

/// For an answer: more tries are made as long as the question takes answers.
pub const FOR_AN_ANSWER: Patience = Patience {
    first_ms: 400,
    most_ms: 5_000,
    tries: 3,
};
/// For what all pages ask by themselves.
pub const FOR_A_READ: Patience = Patience {
    first_ms: 10_000,
    most_ms: 80_000,
    tries: 5,
};
/// Over how long the first requests of an audience for their viewers' places are spread at most.
pub const SPREAD_MS: u32 = 400_000;
/// How many of these are made in a second while that is not too short.
pub const ASKING_A_SECOND: u32 = 2_500;
/// How long after a question's time a page asks for results that it has not heard
/// (`web/src/useQuiz.ts`).
pub const RESULTS_WITHIN_MS: u32 = 20_000;

impl Patience {
    /// How long a page waits after so many tries, in milliseconds; none: that was the last one. `left`
    /// is how long further tries make sense, `random` from 0 up to 1.
    pub fn pause_ms(self, tried: u8, left: u32, random: f64) -> Option<u32> {
        let doublings = u32::from(tried.max(1)) - 1;
        let doubled = self
            .first_ms
            .saturating_mul(2_u32.saturating_pow(doublings));
        let usual = doubled.min(self.most_ms);
        let least = usual / 2;
        let jitter = |most: u32| least + (random * f64::from(most)) as u32;
        match least <= left {
            true => Some(jitter(usual.min(left - least))),
            false => (tried < self.tries).then(|| jitter(usual)),
        }
    }
}

/// Over how long an audience of this size asks for places, in milliseconds.
pub fn spread_ms(audience: u32) -> u32 {
    let wanted = u64::from(audience) * 1_000 / u64::from(ASKING_A_SECOND);
    u32::try_from(wanted).map_or(SPREAD_MS, |wanted| wanted.min(SPREAD_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audience_asks_at_a_steady_rate_as_long_as_that_is_not_too_long() {
        let spreads = [1_000, 50_000, 1_000_000, 10_000_000].map(spread_ms);
        assert_eq!(spreads, [400, 20_000, 400_000, 400_000]);
    }

    #[test]
    fn pauses_grow_and_end_with_the_question() {
        let pause_ms = |tried, left, random| FOR_AN_ANSWER.pause_ms(tried, left, random);
        // Half of 400, 800, 1,600 … up to 5,000, and as much again in the middle.
        let pauses = [1, 2, 3, 4, 5, 9].map(|tried| pause_ms(tried, 60_000, 0.5));
        let expected = [400, 800, 1_600, 3_200, 5_000, 5_000].map(Some);
        assert_eq!(pauses, expected);
        // A second is left: the least of the fourth pause, 1,600, is too long.
        assert_eq!(pause_ms(4, 1_000, 0.5), None);
        // Of the third it is 800, and what is left of the second is shorter than the rest.
        assert_eq!(pause_ms(3, 1_000, 1.0), Some(1_000));
        // Two more tries are made in any case.
        assert_eq!(pause_ms(2, 0, 0.0), Some(400));
        assert_eq!(pause_ms(3, 0, 0.0), None);
        let reads = [1, 4, 5].map(|tried| FOR_A_READ.pause_ms(tried, 0, 0.5));
        assert_eq!(reads, [Some(10_000), Some(80_000), None]);
    }
}
