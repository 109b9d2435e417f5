//! A token bucket, as AWS throttles with: so many at once, and so many more a second.

/// How many tokens there are, and how they come back. Times are milliseconds and never go back.
#[derive(Debug, Clone)]
pub struct Bucket {
    rate: f64,
    capacity: f64,
    tokens: f64,
    at: u32,
}

impl Bucket {
    /// A full one: `rate` a second, at most `capacity` at once.
    pub fn new(rate: u64, capacity: u64) -> Self {
        Self {
            rate: rate as f64,
            capacity: capacity as f64,
            tokens: capacity as f64,
            at: 0,
        }
    }

    /// Takes a token if there is one.
    pub fn take(&mut self, now: u32) -> bool {
        self.take_up_to(now, 1) == 1
    }

    /// Takes so many tokens, or as many whole ones as there are; says how many.
    pub fn take_up_to(&mut self, now: u32, wanted: u64) -> u64 {
        let passed = f64::from(now.saturating_sub(self.at)) / 1_000.0;
        self.tokens = (self.tokens + passed * self.rate).min(self.capacity);
        self.at = self.at.max(now);
        // What a second brings in thousandths adds up to a hair less than whole tokens.
        let whole = (self.tokens + 1e-6).floor() as u64;
        let taken = wanted.min(whole);
        self.tokens -= taken as f64;
        taken
    }

    /// Takes so many tokens if there are as many, or else none.
    pub fn take_all(&mut self, now: u32, wanted: u64) -> bool {
        self.take_up_to(now, 0);
        let enough = self.tokens + 1e-6 >= wanted as f64;
        enough && self.take_up_to(now, wanted) == wanted
    }

    /// Grows by one unit that gives `rate` tokens a second and keeps one; it brings none.
    pub fn grow(&mut self, now: u32, rate: u64) {
        self.take_up_to(now, 0);
        self.rate += rate as f64;
        self.capacity += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_flow_above_the_rate_gets_the_burst_and_then_the_rate() {
        // 2 a millisecond for 10 s are 20,000; the bucket gives its 500, and 1 a millisecond in
        // the 9,999 ms after the first.
        let mut bucket = Bucket::new(1_000, 500);
        let arrivals = (0..10_000).flat_map(|millisecond| [millisecond; 2]);
        let taken = arrivals.filter(|&now| bucket.take(now)).count();
        assert_eq!(taken, 500 + 9_999);
    }

    #[test]
    fn what_is_not_used_is_not_saved_beyond_the_capacity() {
        let mut bucket = Bucket::new(10, 3);
        assert_eq!(bucket.take_up_to(0, 5), 3);
        assert_eq!(bucket.take_up_to(99, 1), 0);
        assert_eq!(bucket.take_up_to(100, 1), 1);
        assert_eq!(bucket.take_up_to(60_000, 100), 3);
        assert!(!bucket.take_all(60_250, 3), "two and a half are there");
        assert!(bucket.take_all(60_300, 3));
        assert!(!bucket.take(60_350));
    }
}
