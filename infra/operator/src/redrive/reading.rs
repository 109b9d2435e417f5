//! Which messages of a queue were taken, so that each is worked on once. No rule here talks to AWS.

use std::collections::{HashMap, HashSet};

use super::letter::Letter;
use crate::queue::Receipt;

/// How many letters one run takes from a queue: with [`BYTES`] it bounds the memory.
pub(super) const LETTERS: usize = 10_000;
/// How many bytes their bodies may have together.
const BYTES: usize = 32 << 20;
/// How often in a row nothing may come but what has come already. A queue may deliver a message
/// twice, and shows all of them again after a while.
const REPEATS: u32 = 3;

/// Messages that this run has received.
#[derive(Debug, Default)]
pub(super) struct Taken {
    seen: HashSet<String>,
    /// The newest receipt of each that was not deleted.
    held: HashMap<String, Receipt>,
}

impl Taken {
    /// What a message can be deleted with.
    pub(super) fn receipt(&self, message_id: &str) -> Option<&Receipt> {
        self.held.get(message_id)
    }

    /// It is deleted.
    pub(super) fn deleted(&mut self, message_id: &str) {
        self.held.remove(message_id);
    }

    /// What is still hidden from others.
    pub(super) fn held(&self) -> Vec<Receipt> {
        self.held.values().cloned().collect()
    }
}

/// How a reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The queue had nothing more to give.
    Empty,
    /// There may be more than one run takes.
    More,
}

/// One reading of a queue: to its end, or until it is enough.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    taken: &'a mut Taken,
    /// What this reading has received, new or not.
    received: HashSet<String>,
    repeats: u32,
    letters: usize,
    bytes: usize,
}

impl<'a> Reading<'a> {
    pub(super) fn new(taken: &'a mut Taken) -> Self {
        Self {
            taken,
            received: HashSet::new(),
            repeats: 0,
            letters: 0,
            bytes: 0,
        }
    }

    /// Some messages came. Returns those that this run has not had before, and whether that was the
    /// end.
    pub(super) fn came(&mut self, some: Vec<(Letter, Receipt)>) -> (Vec<Letter>, Option<End>) {
        if some.is_empty() {
            return (Vec::new(), Some(End::Empty));
        }
        self.repeats += 1;
        let mut new = Vec::new();
        for (letter, receipt) in some {
            if self.received.insert(letter.message_id.clone()) {
                self.repeats = 0;
            }
            self.taken.held.insert(letter.message_id.clone(), receipt);
            if self.taken.seen.insert(letter.message_id.clone()) {
                self.letters += 1;
                self.bytes += letter.body.len();
                new.push(letter);
            }
        }
        let enough = self.repeats >= REPEATS || self.letters >= LETTERS || self.bytes >= BYTES;
        (new, enough.then_some(End::More))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn message(id: &str, bytes: usize) -> (Letter, Receipt) {
        let letter = Letter {
            message_id: id.to_owned(),
            body: "x".repeat(bytes),
            attributes: [].into(),
            sent: Timestamp::UNIX_EPOCH,
        };
        (letter, Receipt::new(format!("{id} now")))
    }

    #[test]
    fn a_message_is_new_once_and_its_newest_receipt_counts() {
        let mut taken = Taken::default();
        let mut reading = Reading::new(&mut taken);
        let (new, end) = reading.came(vec![message("a", 1), message("b", 1)]);
        assert_eq!((new.len(), end), (2, None));
        assert_eq!(reading.came(Vec::new()).1, Some(End::Empty));
        taken.deleted("a");

        // Later they are there again, also the one that is deleted, and one that is new.
        let mut again = message("b", 1);
        again.1 = Receipt::new("b later".to_owned());
        let mut reading = Reading::new(&mut taken);
        let (new, _) = reading.came(vec![again, message("a", 1), message("c", 1)]);
        assert_eq!(new, [message("c", 1).0]);
        assert_eq!(
            taken.receipt("b"),
            Some(&Receipt::new("b later".to_owned()))
        );
        assert_eq!(taken.held().len(), 3, "all of them are hidden");
    }

    #[test]
    fn a_reading_ends_when_it_only_repeats() {
        let mut taken = Taken::default();
        let mut reading = Reading::new(&mut taken);
        assert_eq!(reading.came(vec![message("a", 1)]).1, None);
        for _ in 1..REPEATS {
            assert_eq!(reading.came(vec![message("a", 1)]).1, None);
        }
        assert_eq!(reading.came(vec![message("a", 1)]).1, Some(End::More));
        // What an earlier reading had does not end the next one before it has come to the rest.
        for _ in 0..2 {
            let mut reading = Reading::new(&mut taken);
            for old in ["a", "b", "c", "d", "e"] {
                assert_eq!(reading.came(vec![message(old, 1)]).1, None);
            }
        }
    }

    #[test]
    fn a_reading_is_bounded_by_letters_and_by_bytes() {
        let mut taken = Taken::default();
        let mut reading = Reading::new(&mut taken);
        for n in 1..LETTERS {
            assert_eq!(reading.came(vec![message(&n.to_string(), 1)]).1, None);
        }
        assert_eq!(reading.came(vec![message("last", 1)]).1, Some(End::More));
        let mut taken = Taken::default();
        let mut reading = Reading::new(&mut taken);
        assert_eq!(reading.came(vec![message("a", BYTES - 1)]).1, None);
        assert_eq!(reading.came(vec![message("b", 1)]).1, Some(End::More));
    }
}
