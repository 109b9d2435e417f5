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

impl Window {
    /// Milliseconds from its opening to an answer, at most its length.
    pub fn taken(&self, received_at: Timestamp) -> u64 {
        let after = received_at.as_millisecond() - self.opened_at.as_millisecond();
        u64::try_from(after).unwrap_or(0).min(self.length())
    }

    fn length(&self) -> u64 {
        let length = self.closes_at.as_millisecond() - self.opened_at.as_millisecond();
        u64::try_from(length).unwrap_or(0)
    }

    /// 1,000 for a correct answer at once, falling linearly to 500 at the end of the window
    /// (`docs/architecture.md`, "Points").
    pub fn points(&self, received_at: Timestamp) -> u64 {
        1_000 - 500 * self.taken(received_at) / self.length().max(1)
    }
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
        let points = [10_000, 15_000, 20_000].map(|ms| window.points(at(ms)));
        assert_eq!(points, [1_000, 750, 500]);
    }
}
