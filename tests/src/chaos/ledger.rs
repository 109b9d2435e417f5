//! What viewers were told about their answers, and so what the tally must be.
//!
//! Plain rules. What a viewer was not told, because every answer to their request was lost, is asked
//! again when all is over: then it is known too.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::chaos::question::OPTIONS;

/// What the API said to an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It is the one that counts, and was received then.
    Accepted(Timestamp),
    /// Another one counts.
    Already(u32),
    /// It came too late: none of this viewer counts, now and for ever.
    TooLate,
    /// There is no such option. Another one may still count.
    NoSuchOption,
    /// Nothing that tells: no answer, or a failure that may pass.
    Nothing,
    /// What must not be said, by its HTTP status.
    Unexpected(u16),
}

/// What is known about one viewer's answer to a question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Entry {
    /// When the first request was sent.
    sent_at: Option<Timestamp>,
    /// The options that were sent.
    choices: BTreeSet<u32>,
    accepted: Option<u32>,
    received_at: Option<Timestamp>,
    /// They were told that it is too late.
    too_late: bool,
    unknown: bool,
}

/// The answers to one question.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: BTreeMap<String, Entry>,
    /// Where the API has contradicted itself.
    pub contradictions: Vec<String>,
}

impl Ledger {
    /// Notes that a viewer sends an answer.
    pub fn note_sent(&mut self, viewer_id: &str, at: Timestamp) {
        let entry = self.entries.entry(viewer_id.to_owned()).or_default();
        entry.sent_at.get_or_insert(at);
    }

    /// How many viewers have sent an answer.
    pub fn sent(&self) -> u64 {
        self.sent_since(Timestamp::MIN)
    }

    /// How many viewers have sent their first answer then or later.
    pub fn sent_since(&self, time: Timestamp) -> u64 {
        let sent = self.entries.values().filter_map(|entry| entry.sent_at);
        sent.filter(|at| *at >= time).count() as u64
    }

    /// Notes what was said to an answer of a viewer.
    pub fn note(&mut self, viewer_id: &str, choice: u32, said: Said) {
        let entry = self.entries.entry(viewer_id.to_owned()).or_default();
        let before = entry.clone();
        entry.choices.insert(choice);
        match said {
            Said::Accepted(at) => {
                entry.accepted = Some(choice);
                entry.received_at = Some(at);
            }
            Said::Already(other) => entry.accepted = Some(other),
            Said::TooLate => entry.too_late = true,
            Said::NoSuchOption | Said::Unexpected(_) => {}
            Said::Nothing => entry.unknown |= entry.accepted.is_none(),
        }
        if entry.accepted.is_some() {
            entry.unknown = false;
        }
        let wrong = match said {
            Said::Accepted(_) if choice >= OPTIONS => true,
            Said::NoSuchOption => choice < OPTIONS,
            Said::Already(other) if !entry.choices.contains(&other) => true,
            Said::Accepted(_) | Said::Already(_) if before.too_late => true,
            Said::TooLate => before.accepted.is_some(),
            Said::Accepted(_) | Said::Already(_) if before.accepted.is_some() => {
                let another_time =
                    before.received_at.is_some() && before.received_at != entry.received_at;
                before.accepted != entry.accepted || another_time
            }
            Said::Already(other) => other == choice,
            Said::Unexpected(_) => true,
            _ => false,
        };
        if wrong {
            self.contradictions.push(format!(
                "first {before:?}, then {said:?} to option {choice}"
            ));
        }
    }

    /// Notes that a viewer was asked again after the question had closed, and told that none counts.
    pub fn note_none(&mut self, viewer_id: &str) {
        self.note(viewer_id, 0, Said::TooLate);
        let entry = self.entries.entry(viewer_id.to_owned()).or_default();
        entry.unknown = false;
    }

    /// Whether it is known of this viewer which answer counts, or that none does.
    pub fn knows(&self, viewer_id: &str) -> bool {
        let entry = self.entries.get(viewer_id);
        entry.is_none_or(|entry| !entry.unknown)
    }

    /// How many answers were accepted.
    pub fn acknowledged(&self) -> u64 {
        let accepted = self
            .entries
            .values()
            .filter(|entry| entry.accepted.is_some());
        accepted.count() as u64
    }

    /// Who has chosen what, of those whose answer was accepted.
    pub fn accepted(&self) -> BTreeMap<&str, u32> {
        let entries = self.entries.iter();
        entries
            .filter_map(|(viewer, entry)| Some((viewer.as_str(), entry.accepted?)))
            .collect()
    }

    /// What the tally must be; longer than there are options if one was accepted that there is not.
    pub fn expected(&self) -> Vec<u64> {
        let mut counts = vec![0; OPTIONS as usize];
        for choice in self.accepted().into_values() {
            let choice = choice as usize;
            if choice >= counts.len() {
                counts.resize(choice + 1, 0);
            }
            counts[choice] += 1;
        }
        counts
    }
}

/// How a tally differs from what it must be. A tally has no names: one lost and one double of the same
/// option are not seen in it, only in what is recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Difference {
    /// Answers that were acknowledged and are not in it.
    pub lost: u64,
    /// Answers that are in it once too often, or were never acknowledged.
    pub double: u64,
}

impl Difference {
    /// Compares option by option.
    pub fn of(expected: &[u64], counted: &[u64]) -> Self {
        let options = expected.len().max(counted.len());
        let at = |counts: &[u64], option: usize| counts.get(option).copied().unwrap_or(0);
        (0..options).fold(Self::default(), |sum, option| {
            let (expected, counted) = (at(expected, option), at(counted, option));
            Self {
                lost: sum.lost + expected.saturating_sub(counted),
                double: sum.double + counted.saturating_sub(expected),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Said {
        Said::Accepted(Timestamp::from_second(second).unwrap())
    }

    #[test]
    fn what_was_acknowledged_is_expected_and_nothing_else() {
        let mut ledger = Ledger::default();
        ledger.note("a", 1, Said::Nothing);
        assert!(!ledger.knows("a"));
        ledger.note("a", 1, at(1));
        ledger.note("a", 1, at(1));
        ledger.note("a", 2, Said::Already(1));
        ledger.note("b", 9, Said::NoSuchOption);
        ledger.note("b", 1, Said::TooLate);
        ledger.note("c", 0, Said::Nothing);
        ledger.note_none("c");
        ledger.note("d", 3, Said::Nothing);
        ledger.note("d", 2, Said::Already(3));
        assert!(ledger.knows("a") && ledger.knows("b") && ledger.knows("c"));
        assert_eq!(ledger.expected(), [0, 1, 0, 1]);
        assert_eq!(ledger.acknowledged(), 2);
        assert_eq!(ledger.contradictions, Vec::<String>::new());
    }

    #[test]
    fn who_sends_again_has_sent_once_and_the_first_time_counts() {
        let mut ledger = Ledger::default();
        let time = |second| Timestamp::from_second(second).unwrap();
        ledger.note_sent("a", time(3));
        ledger.note_sent("a", time(9));
        ledger.note_sent("b", time(8));
        ledger.note("c", 1, Said::Nothing);
        assert_eq!((ledger.sent(), ledger.sent_since(time(8))), (2, 1));
    }

    #[test]
    fn an_api_that_contradicts_itself_is_found() {
        let found = |say: fn(&mut Ledger)| {
            let mut ledger = Ledger::default();
            say(&mut ledger);
            ledger.contradictions.len()
        };
        let another_option = |ledger: &mut Ledger| {
            ledger.note("a", 1, at(1));
            ledger.note("a", 2, at(1));
        };
        let another_time = |ledger: &mut Ledger| {
            ledger.note("a", 1, at(1));
            ledger.note("a", 1, at(2));
        };
        let gone = |ledger: &mut Ledger| {
            ledger.note("a", 1, at(1));
            ledger.note_none("a");
        };
        let closed = |ledger: &mut Ledger| {
            ledger.note("a", 1, at(1));
            ledger.note("a", 2, Said::TooLate);
        };
        let opened_again = |ledger: &mut Ledger| {
            ledger.note("a", 1, Said::TooLate);
            ledger.note("a", 1, at(1));
        };
        let kept_all_along = |ledger: &mut Ledger| {
            ledger.note("a", 2, Said::TooLate);
            ledger.note("a", 1, Said::Already(2));
        };
        let odd = |ledger: &mut Ledger| ledger.note("a", 1, Said::Unexpected(401));
        let itself = |ledger: &mut Ledger| ledger.note("a", 1, Said::Already(1));
        let never_sent = |ledger: &mut Ledger| ledger.note("a", 1, Said::Already(2));
        let no_such_option = |ledger: &mut Ledger| ledger.note("a", 1, Said::NoSuchOption);
        let an_option_too_many = |ledger: &mut Ledger| ledger.note("a", 4, at(1));
        assert_eq!(found(another_option), 1);
        assert_eq!(found(another_time), 1);
        assert_eq!(found(gone), 1);
        assert_eq!(found(closed), 1);
        assert_eq!(found(opened_again), 1);
        assert_eq!(found(kept_all_along), 1);
        assert_eq!(found(odd), 1);
        assert_eq!(found(itself), 1);
        assert_eq!(found(never_sent), 1);
        assert_eq!(found(no_such_option), 1);
        assert_eq!(found(an_option_too_many), 1);
    }

    #[test]
    fn lost_and_double_answers_of_different_options_do_not_make_up_for_each_other() {
        let of = |expected: &[u64], counted: &[u64]| Difference::of(expected, counted);
        assert_eq!(of(&[1, 2], &[1, 2]), Difference::default());
        assert_eq!(of(&[1, 2], &[2, 1]), Difference { lost: 1, double: 1 });
        assert_eq!(of(&[1, 2], &[]), Difference { lost: 3, double: 0 });
    }
}
