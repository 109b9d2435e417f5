//! How the viewers' page asks, and asks again: `web/src/patience.ts`, which a test compares.

/// The first pause before an answer is sent again, about; each further one is twice as long.
pub const FIRST_MS: u32 = 400;
/// No pause is about longer than this.
pub const MOST_MS: u32 = 5_000;
/// So many tries are made in any case; more only as long as the question takes answers.
pub const TRIES: u8 = 3;
/// Over how long the first requests of an audience are spread at most that are not answers.
pub const SPREAD_MS: u32 = 20_000;
/// How many of these are made in a second while that is not too short.
pub const ASKING_A_SECOND: u32 = 2_500;
/// How long after a question's time a page asks for results that it has not heard
/// (`web/src/useQuiz.ts`).
pub const RESULTS_WITHIN_MS: u32 = 20_000;

/// How long a page waits after so many tries, in milliseconds; none: that was the last one. `left` is
/// how long the question still takes answers, `random` from 0 up to 1.
pub fn pause_ms(tried: u8, left: u32, random: f64) -> Option<u32> {
    let doubled = FIRST_MS.saturating_mul(2_u32.saturating_pow(u32::from(tried.max(1)) - 1));
    let usual = doubled.min(MOST_MS);
    let least = usual / 2;
    let jitter = |most: u32| least + (random * f64::from(most)) as u32;
    match least <= left {
        true => Some(jitter(usual.min(left - least))),
        false => (tried < TRIES).then(|| jitter(usual)),
    }
}

/// How many ask in a second for their viewer's place.
pub fn asking_a_second(audience: u32) -> u32 {
    let at_the_longest = audience / (SPREAD_MS / 1_000);
    at_the_longest.max(ASKING_A_SECOND.min(audience))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_audience_asks_at_a_steady_rate_and_a_large_one_within_twenty_seconds() {
        let rates = [1_000, 50_000, 60_000, 1_000_000].map(asking_a_second);
        assert_eq!(rates, [1_000, 2_500, 3_000, 50_000]);
    }

    #[test]
    fn pauses_grow_and_end_with_the_question() {
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
    }
}
