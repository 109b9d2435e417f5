//! What a redrive says: about each letter, and at its end.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};

use super::{
    DeadLetterQueue,
    letter::{Opened, Way},
};

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
}

/// A letter in one line, without its body: that may name a viewer.
pub fn line(queue: &DeadLetterQueue, letter: &Opened, now: Timestamp) -> String {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    format!(
        "{}  message {}  {} old  {}  event {}  {}",
        queue.name,
        letter.letter.message_id,
        age(now.duration_since(letter.letter.sent)),
        or_dash(letter.function()),
        or_dash(letter.event_id()),
        letter.reason(),
    )
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
pub fn table(tallies: &[(&'static str, Tally)], dry_run: bool) -> String {
    let mut table = String::new();
    let width = tallies
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    let heads = match dry_run {
        true => "   found",
        false => "   moved  came back    left",
    };
    // Writing to a string does not fail.
    let _ = writeln!(table, "{:width$}{heads}", "queue");
    for (name, tally) in tallies {
        let _ = match dry_run {
            true => writeln!(table, "{name:width$}{:8}", tally.found),
            false => writeln!(
                table,
                "{name:width$}{:8}{:11}{:8}",
                tally.moved, tally.came_back, tally.left
            ),
        };
    }
    table
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
            ..Tally::default()
        };
        let expected = "queue   moved  came back    left\na-dlq       3          1      12\n";
        assert_eq!(table(&[("a-dlq", tally)], false), expected);
    }
}
