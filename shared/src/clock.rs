//! Time and randomness, passed in where they are used so that a test can choose them.

use jiff::Timestamp;

/// Reads the current time. Production passes `Timestamp::now`.
pub type Clock = fn() -> Timestamp;

/// A time cut to whole milliseconds, as fine as tables, events and answers give it.
pub fn whole_millis(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond())
        .expect("a timestamp's milliseconds are a timestamp")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finer_digits_are_cut() {
        let at: Timestamp = "2026-11-22T08:00:00.123987Z".parse().unwrap();
        assert_eq!(whole_millis(at).to_string(), "2026-11-22T08:00:00.123Z");
        assert_eq!(
            whole_millis(Timestamp::MIN).as_millisecond(),
            Timestamp::MIN.as_millisecond()
        );
    }
}
