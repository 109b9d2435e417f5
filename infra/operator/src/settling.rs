//! When a queue that says it is empty is believed. No rule here talks to AWS.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How often it is asked.
pub(crate) const TICK: Duration = Duration::from_millis(500);

/// Since when a queue has said that it is empty.
#[derive(Debug)]
pub(crate) struct Quiet {
    needed: SignedDuration,
    since: Option<Timestamp>,
}

impl Quiet {
    /// A queue that is believed to be empty when it has said so for this long.
    pub(crate) fn new(needed: SignedDuration) -> Self {
        Self {
            needed,
            since: None,
        }
    }

    /// Whether it is believed, with what it says now.
    pub(crate) fn lasted(&mut self, empty: bool, now: Timestamp) -> bool {
        if !empty {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        now.duration_since(since) >= self.needed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_empty_when_it_has_said_so_long_enough_without_a_break() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut quiet = Quiet::new(SignedDuration::from_secs(60));
        assert!(!quiet.lasted(true, at(0)));
        assert!(!quiet.lasted(true, at(59)));
        assert!(!quiet.lasted(false, at(60)));
        assert!(!quiet.lasted(true, at(61)), "it begins again");
        assert!(!quiet.lasted(true, at(120)));
        assert!(quiet.lasted(true, at(121)));
    }
}
