//! What a redrive says: about each letter, and at its end.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};

use super::{
    DeadLetterQueue,
    letter::{Opened, Way},
};
use crate::failure::{self, Advised};

/// What came of a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Letters that a dry run has seen.
    pub found: usize,
    /// Letters that went back.
    pub moved: usize,
    /// Those of them that are here again.
    pub came_back: usize,
    /// Letters that could not go back.
    pub left: usize,
    /// Letters that came meanwhile, about something else.
    pub newer: usize,
    /// Whether there may be more letters than were read.
    pub more: bool,
    /// Whether the consumer was still busy at the end, so that more may come back.
    pub unsettled: bool,
}

/// What came of a queue, and why it was not all.
#[derive(Debug)]
pub struct Outcome {
    /// Its name, without the stack's.
    pub name: &'static str,
    /// What was done.
    pub tally: Tally,
    /// What could not be read or shown again.
    pub failures: Vec<anyhow::Error>,
}

impl Outcome {
    /// Why it is not known that all was done, each in one line.
    fn open(&self) -> Vec<String> {
        let more = "not every letter was read: run it again";
        let busy = "its consumer is still busy: look again later for what comes back";
        let known = [(self.tally.more, more), (self.tally.unsettled, busy)];
        let known = known.iter().filter(|(is, _)| *is);
        let failed = self.failures.iter().map(failure::in_one_line);
        known
            .map(|(_, line)| (*line).to_owned())
            .chain(failed)
            .collect()
    }
}

/// A letter in one line, without its body: that may name a viewer.
pub fn line(queue: &DeadLetterQueue, letter: &Opened, now: Timestamp) -> String {
    format!(
        "{}  message {}  {} old  {}  event {}  {}",
        queue.name,
        letter.letter.message_id,
        age(now.duration_since(letter.letter.sent)),
        letter.function().unwrap_or_else(|| "-".to_owned()),
        event(letter),
        letter.reason(),
    )
}

/// A letter that was moved and is here once more.
pub fn came_back(queue: &DeadLetterQueue, letter: &Opened) -> String {
    let (event, reason) = (event(letter), letter.reason());
    format!("{}  {event} came back: {reason}", queue.name)
}

fn event(letter: &Opened) -> String {
    letter.event_id().map_or("-".to_owned(), String::from)
}

/// What would be done with a letter.
pub fn intent(way: &Result<Way, String>) -> String {
    match way {
        Ok(Way::Send) => "would be sent to the queue it came from".to_owned(),
        Ok(Way::Record(_)) => "its function would be called with the record".to_owned(),
        Ok(Way::Batch(place)) => format!(
            "its function would be called with records {} to {} of the stream",
            place.first, place.last
        ),
        Ok(Way::Start { name, .. }) => format!("execution {name} would be started"),
        Err(why) => format!("would be left: {why}"),
    }
}

/// The end of a redrive.
pub fn table(outcomes: &[Outcome], dry_run: bool) -> String {
    let mut table = String::new();
    let widths = outcomes.iter().map(|outcome| outcome.name.len());
    let width = widths.max().unwrap_or(0);
    let heads = match dry_run {
        true => "   found",
        false => "   moved  came back    left   newer",
    };
    // Writing to a string does not fail.
    let _ = writeln!(table, "{:width$}{heads}", "queue");
    for Outcome { name, tally, .. } in outcomes {
        let _ = match dry_run {
            true => writeln!(table, "{name:width$}{:8}", tally.found),
            false => writeln!(
                table,
                "{name:width$}{:8}{:11}{:8}{:8}",
                tally.moved, tally.came_back, tally.left, tally.newer
            ),
        };
    }
    for outcome in outcomes {
        for why in outcome.open() {
            let _ = writeln!(table, "{}: {why}", outcome.name);
        }
    }
    table
}

/// Whether all was done.
///
/// # Errors
/// What was not, when something is left, has come back, or is not known.
pub fn verdict(outcomes: &[Outcome]) -> Result<(), Advised> {
    let still = |tally: &Tally| tally.left + tally.came_back;
    let still: usize = outcomes.iter().map(|outcome| still(&outcome.tally)).sum();
    let open = outcomes.iter().filter(|outcome| !outcome.open().is_empty());
    let open: Vec<_> = open.map(|outcome| outcome.name).collect();
    let mut what = Vec::new();
    if still > 0 {
        what.push(format!("{still} could not be done and are still there"));
    }
    if !open.is_empty() {
        what.push(format!("{} not done to the end", open.join(", ")));
    }
    match what.is_empty() {
        true => Ok(()),
        false => Err(Advised::new(
            what.join("; "),
            "the reasons are above; see docs/runbook.md",
        )),
    }
}

fn age(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_two_figures() {
        let told = |seconds| age(SignedDuration::from_secs(seconds));
        assert_eq!(told(-5), "0 s");
        assert_eq!(told(119), "119 s");
        assert_eq!(told(120), "2 min");
        assert_eq!(told(7_200), "2 h");
        assert_eq!(told(172_800), "2 days");
    }

    #[test]
    fn the_table_has_a_line_a_queue() {
        let tally = Tally {
            moved: 3,
            came_back: 1,
            left: 12,
            newer: 2,
            ..Tally::default()
        };
        let expected = "queue   moved  came back    left   newer\n\
                        a-dlq       3          1      12       2\n";
        assert_eq!(table(&[outcome("a-dlq", tally)], false), expected);
    }

    fn outcome(name: &'static str, tally: Tally) -> Outcome {
        Outcome {
            name,
            tally,
            failures: Vec::new(),
        }
    }

    #[test]
    fn all_is_done_only_if_nothing_is_left_and_everything_is_known() {
        let fine = Tally {
            moved: 3,
            newer: 1,
            ..Tally::default()
        };
        assert!(verdict(&[outcome("a", fine)]).is_ok());
        let not_fine = [
            Tally { left: 1, ..fine },
            Tally {
                came_back: 1,
                ..fine
            },
            Tally { more: true, ..fine },
            Tally {
                unsettled: true,
                ..fine
            },
        ];
        for tally in not_fine {
            assert!(verdict(&[outcome("a", fine), outcome("b", tally)]).is_err());
        }
        let mut failed = outcome(
            "b-dlq",
            Tally {
                left: 1,
                unsettled: true,
                ..fine
            },
        );
        failed.failures.push(anyhow::anyhow!("no\nanswer"));
        let outcomes = [outcome("a-dlq", fine), failed];
        assert_eq!(
            verdict(&outcomes).unwrap_err().to_string(),
            "1 could not be done and are still there; b-dlq not done to the end; \
             the reasons are above; see docs/runbook.md"
        );
        let table = table(&outcomes, false);
        assert!(table.contains("a-dlq       3"), "{table}");
        assert!(
            table.contains("\nb-dlq: its consumer is still busy"),
            "{table}"
        );
        assert!(table.ends_with("\nb-dlq: no answer\n"), "{table}");
    }
}
