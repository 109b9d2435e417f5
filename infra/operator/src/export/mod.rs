//! What happened, off the analysts' queue and into files: a line of JSON per event, in a file per
//! kind.
//!
//! What was received is written, is on the disk, and is deleted from the queue only then: an export
//! that is killed loses nothing. What it had written and not deleted comes again and is dropped by
//! its kind and event id, as everything is that EventBridge delivers twice.

pub mod event;
pub mod folder;

use std::{collections::BTreeMap, fmt::Write, path::Path, time::Duration};

use cuepoint_shared::{
    aws::{AwsError, Failure},
    clock::Clock,
};
use jiff::{SignedDuration, Timestamp};

use self::{
    event::{Entry, UNREADABLE},
    folder::Folder,
};
use crate::{
    failure::{Advised, advise},
    queue::{Queues, Taking},
    settling::{Quiet, TICK},
};

/// How long what was received is hidden from others, in seconds: longer than writing it takes, and
/// short enough that who comes after an export that was killed need not wait long.
const HIDDEN: i32 = 15;
/// How long a call waits for a first message when there is no end, in seconds: the most there is.
const LONG_WAIT: i32 = 20;
/// How long nothing may come while the queue says that there is something.
const PATIENCE: SignedDuration = SignedDuration::from_mins(3);
/// How often it is said how far it is.
const REPORT: SignedDuration = SignedDuration::from_secs(1);
/// How long an export without an end leaves a service alone that does not answer.
const RECOVERY: Duration = Duration::from_secs(5);

/// Takes events off the analysts' queue.
pub struct Export {
    /// Where the queue is.
    pub queues: Queues,
    /// The queue's URL.
    pub queue: String,
    /// What tells the time.
    pub now: Clock,
    /// How long the queue has to say that it is empty before it is believed.
    pub quiet: SignedDuration,
    /// Never to end, but to wait for what comes.
    pub follow: bool,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines written, by kind.
    pub written: BTreeMap<String, u64>,
    /// Events that were there already.
    pub repeats: u64,
    /// Messages that were no events, also those that were there already: who was killed before they
    /// were deleted has told nobody.
    pub unreadable: u64,
}

impl Counts {
    fn add(&mut self, entry: Entry, is_new: bool) {
        self.unreadable += u64::from(entry.kind == UNREADABLE);
        match is_new {
            true => *self.written.entry(entry.kind).or_default() += 1,
            false => self.repeats += 1,
        }
    }

    fn events(&self) -> u64 {
        self.written.values().sum()
    }

    /// The whole of it in one line.
    pub fn summary(&self, folder: &Path) -> String {
        let mut line = format!("{} new events are in {}", self.events(), folder.display());
        for (index, (kind, count)) in self.written.iter().enumerate() {
            let before = if index == 0 { ": " } else { ", " };
            // Writing to a string does not fail.
            let _ = write!(line, "{before}{count} {kind}");
        }
        let _ = write!(line, "; {} repeats were dropped", self.repeats);
        line
    }

    /// Whether everything was an event.
    ///
    /// # Errors
    /// Where that is which was none.
    pub fn verdict(&self) -> Result<(), Advised> {
        match self.unreadable {
            0 => Ok(()),
            count => Err(Advised::new(
                format!("{count} messages were no events"),
                format!("they are in {UNREADABLE}.jsonl with the reasons"),
            )),
        }
    }
}

impl Export {
    /// Takes everything, until the queue is empty, and says now and then how far it is.
    ///
    /// # Errors
    /// When AWS or the file system refuses. What was written stays; run again, it goes on from there.
    pub async fn run(&self, folder: &mut Folder) -> anyhow::Result<Counts> {
        let mut counts = Counts::default();
        let mut progress = Progress::new((self.now)());
        let mut quiet = Quiet::new(self.quiet);
        let mut heard = (self.now)();
        loop {
            let taken = match self.take(folder, &mut counts).await {
                Err(Stopped::Call(error)) if self.follow && error.failure != Failure::Refused => {
                    println!("{error}; trying again");
                    tokio::time::sleep(RECOVERY).await;
                    continue;
                }
                Err(Stopped::Call(error)) => return Err(advise(error)),
                Err(Stopped::File(error)) => return Err(error),
                Ok(taken) => taken,
            };
            let now = (self.now)();
            if taken > 0 {
                heard = now;
                progress.report(&counts, now);
            }
            if taken > 0 || self.follow {
                quiet.lasted(false, now);
                continue;
            }
            // Others may have taken something, or an export that was killed has.
            let empty = self.queues.is_empty(&self.queue).await.map_err(advise)?;
            if quiet.lasted(empty, now) {
                return Ok(counts);
            }
            if now.duration_since(heard) > PATIENCE && !empty {
                let what = "the queue has messages that somebody else has taken";
                return Err(Advised::new(what, "end the other reader and run again").into());
            }
            tokio::time::sleep(TICK).await;
        }
    }

    /// Takes a few messages: writes what is new, and deletes them once it is on the disk. Returns
    /// how many they were.
    async fn take(&self, folder: &mut Folder, counts: &mut Counts) -> Result<usize, Stopped> {
        let taking = Taking {
            hidden: HIDDEN,
            wait: if self.follow { LONG_WAIT } else { 1 },
        };
        let messages = self.queues.receive(&self.queue, taking).await?;
        let mut receipts = Vec::new();
        let mut entries = Vec::new();
        for (letter, receipt) in messages {
            let entry = Entry::of(&letter);
            let is_new = folder.add(&entry)?;
            entries.push((entry, is_new));
            receipts.push(receipt);
        }
        folder.settle()?;
        for (entry, is_new) in entries {
            counts.add(entry, is_new);
        }
        self.queues.delete_all(&self.queue, &receipts).await?;
        Ok(receipts.len())
    }
}

/// Why messages were not taken.
enum Stopped {
    Call(AwsError),
    File(anyhow::Error),
}

impl From<AwsError> for Stopped {
    fn from(error: AwsError) -> Self {
        Self::Call(error)
    }
}

impl From<anyhow::Error> for Stopped {
    fn from(error: anyhow::Error) -> Self {
        Self::File(error)
    }
}

/// How far it is, not more often than one wants to read.
struct Progress {
    next: Timestamp,
}

impl Progress {
    fn new(now: Timestamp) -> Self {
        Self { next: now }
    }

    fn report(&mut self, counts: &Counts, now: Timestamp) {
        if now >= self.next {
            println!(
                "{} events, {} repeats so far",
                counts.events(),
                counts.repeats
            );
            self.next = now.saturating_add(REPORT).unwrap_or(Timestamp::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_one_line_and_what_is_no_event_is_a_failure() {
        let mut counts = Counts::default();
        assert_eq!(
            counts.summary(Path::new("f")),
            "0 new events are in f; 0 repeats were dropped"
        );
        counts.written.insert("answers-recorded".to_owned(), 3);
        counts.written.insert("quiz-started".to_owned(), 1);
        counts.repeats = 2;
        assert_eq!(
            counts.summary(Path::new("f")),
            "4 new events are in f: 3 answers-recorded, 1 quiz-started; 2 repeats were dropped"
        );
        assert!(counts.verdict().is_ok());
        let event = r#"{"detail-type": "a", "detail": {"metadata": {"eventId": "1"}}}"#;
        let unreadable = Entry {
            kind: UNREADABLE.to_owned(),
            ..Entry::written("a", event).unwrap()
        };
        counts.add(unreadable, false);
        let error = counts.verdict().unwrap_err().to_string();
        assert!(error.contains("unreadable.jsonl"), "{error}");
    }
}
