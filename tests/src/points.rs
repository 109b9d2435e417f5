//! What an answer is worth, worked out from the published rule alone.

use jiff::Timestamp;

/// When a question's answers were taken.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// From when.
    pub opened_at: Timestamp,
    /// Until when.
    pub closes_at: Timestamp,
}

/// 1,000 for a correct answer at once, falling linearly to 500 at the end of the window
/// (`docs/architecture.md`, "Points").
pub fn for_correct(window: Window, received_at: Timestamp) -> u64 {
    let length = window.closes_at.as_millisecond() - window.opened_at.as_millisecond();
    let after = received_at.as_millisecond() - window.opened_at.as_millisecond();
    let after = after.clamp(0, length);
    let lost = if length == 0 { 0 } else { 500 * after / length };
    u64::try_from(1_000 - lost).expect("at most half is lost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_fall_from_a_thousand_to_half() {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let window = Window {
            opened_at: at(10_000),
            closes_at: at(20_000),
        };
        let points = [10_000, 15_000, 20_000].map(|ms| for_correct(window, at(ms)));
        assert_eq!(points, [1_000, 750, 500]);
    }
}
