//! Dead letters, back to where they came from.
//!
//! A letter is delivered again first and deleted then: at least once, and every consumer is
//! idempotent. Only letters that were there at the beginning are moved, so that one which comes back
//! is not moved in a circle. Letters of a stream go oldest first; when one of them fails, the later
//! ones about the same item wait.

mod deliver;
pub mod letter;
pub mod report;

use std::collections::{HashMap, HashSet};

use anyhow::Context;
use cuepoint_shared::clock::Clock;
use jiff::{SignedDuration, Timestamp};

use self::{
    letter::{Opened, Origin},
    report::Tally,
};
use crate::{
    failure::advise,
    function::Functions,
    queue::{Queues, Receipt},
    saga::Sagas,
    stream::Streams,
    target::Target,
};

/// How many letters are read before the oldest of them is moved: it bounds the memory.
const ROUND: usize = 500;
/// How long a consumer may take to hand back what it cannot do.
const PATIENCE: SignedDuration = SignedDuration::from_mins(2);
/// How often it is looked whether it has.
const TICK: std::time::Duration = std::time::Duration::from_millis(500);

/// A dead-letter queue of the stack.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue {
    /// Its name, without the stack's.
    pub name: &'static str,
    /// Its URL.
    pub url: String,
    /// Where its letters come from.
    pub origin: Origin,
}

/// Which function's or whose queue it is, by the outputs of the template.
enum Source {
    Queue,
    Function(&'static str),
    Saga,
}

/// The dead-letter queues: name, output with its URL, where from, output with that.
const QUEUES: [(&str, &str, Source, &str); 5] = [
    (
        "entitlement-intake-dlq",
        "EntitlementIntakeDlqUrl",
        Source::Queue,
        "EntitlementIntakeQueueUrl",
    ),
    (
        "entitlement-outbox-dlq",
        "EntitlementOutboxDlqUrl",
        Source::Function("entitlement-outbox"),
        "EntitlementOutboxFunctionName",
    ),
    (
        "quiz-outbox-dlq",
        "QuizOutboxDlqUrl",
        Source::Function("quiz-outbox"),
        "QuizOutboxFunctionName",
    ),
    (
        "answer-outbox-dlq",
        "AnswerOutboxDlqUrl",
        Source::Function("answer-outbox"),
        "AnswerOutboxFunctionName",
    ),
    (
        "quiz-show-start-dlq",
        "QuizShowStartDlqUrl",
        Source::Saga,
        "QuizShowArn",
    ),
];

/// The names of all dead-letter queues.
pub fn queue_names() -> impl Iterator<Item = &'static str> {
    QUEUES.iter().map(|(name, ..)| *name)
}

/// The dead-letter queues of a stack, or the one of this name.
///
/// # Errors
/// When an output of the stack is missing.
pub fn queues(target: &Target, only: Option<&str>) -> anyhow::Result<Vec<DeadLetterQueue>> {
    QUEUES
        .iter()
        .filter(|(name, ..)| only.is_none_or(|only| only == *name))
        .map(|(name, url, source, output)| {
            let origin = target.output(output)?.to_owned();
            Ok(DeadLetterQueue {
                name,
                url: target.output(url)?.to_owned(),
                origin: match source {
                    Source::Queue => Origin::Queue { url: origin },
                    Source::Function(name) => Origin::Function {
                        name,
                        deployed: origin,
                    },
                    Source::Saga => Origin::Saga { arn: origin },
                },
            })
        })
        .collect()
}

/// Moves dead letters.
pub struct Redrive {
    /// Where the letters are.
    pub queues: Queues,
    /// Who is called with records.
    pub functions: Functions,
    /// Where records are that only have been noted.
    pub streams: Streams,
    /// What is started.
    pub sagas: Sagas,
    /// What tells the time.
    pub now: Clock,
}

/// What is known of a queue while it is worked on.
#[derive(Default)]
struct Work {
    /// What was moved, by what it is about.
    moved: HashSet<String>,
    /// What came after the beginning.
    newer: Vec<Opened>,
    /// What stays hidden until the end, so that each letter is seen once.
    held: Vec<Receipt>,
    /// Items of which an older change could not be made.
    waiting: HashMap<String, String>,
    /// Why nothing of the stream is moved any more.
    stopped: Option<String>,
    tally: Tally,
}

impl Redrive {
    /// Moves every letter of these queues, or with `dry_run` says what would be done. Returns what
    /// came of it, queue by queue.
    ///
    /// # Errors
    /// When a queue cannot be read; what was moved until then is moved.
    pub async fn run(
        &self,
        queues: &[DeadLetterQueue],
        dry_run: bool,
    ) -> anyhow::Result<Vec<(&'static str, Tally)>> {
        let began = (self.now)();
        let mut tallies = Vec::new();
        for queue in queues {
            let mut work = Work::default();
            let worked = self.work(queue, began, dry_run, &mut work).await;
            // Whatever happened, what was hidden is shown again.
            let released = self.queues.release(&queue.url, &work.held).await;
            worked.with_context(|| format!("{} is not done", queue.name))?;
            released.map_err(advise)?;
            tallies.push((queue.name, work.tally));
        }
        Ok(tallies)
    }

    async fn work(
        &self,
        queue: &DeadLetterQueue,
        began: Timestamp,
        dry_run: bool,
        work: &mut Work,
    ) -> anyhow::Result<()> {
        loop {
            let round = self.round(queue, began, work).await?;
            if round.is_empty() {
                break;
            }
            for (letter, receipt) in round {
                let line = report::line(queue, &letter, (self.now)());
                if dry_run {
                    println!("{line}\n    {}", report::intent(&letter.way(&queue.origin)));
                    work.tally.found += 1;
                    work.held.push(receipt);
                    continue;
                }
                println!("{line}");
                match self.put_back(queue, &letter, &receipt, work).await {
                    Ok(about) => {
                        work.moved.extend(about);
                        work.tally.moved += 1;
                    }
                    Err(why) => {
                        println!("    left: {why}");
                        work.tally.left += 1;
                        work.held.push(receipt);
                    }
                }
            }
        }
        if !work.moved.is_empty() {
            self.see_what_came_back(queue, began, work).await?;
        }
        Ok(())
    }

    /// Some letters that were there at the beginning, the oldest first. Later ones are kept aside.
    async fn round(
        &self,
        queue: &DeadLetterQueue,
        began: Timestamp,
        work: &mut Work,
    ) -> anyhow::Result<Vec<(Opened, Receipt)>> {
        let mut round = Vec::new();
        while round.len() < ROUND {
            let some = self.queues.receive(&queue.url).await.map_err(advise)?;
            if some.is_empty() {
                break;
            }
            for (letter, receipt) in some {
                let letter = Opened::new(letter);
                if letter.letter.sent > began {
                    work.newer.push(letter);
                    work.held.push(receipt);
                } else {
                    round.push((letter, receipt));
                }
            }
        }
        round.sort_by(|(one, _), (other, _)| one.by_age(other));
        Ok(round)
    }

    /// What was moved and could not be done again is here once more, with its reason.
    async fn see_what_came_back(
        &self,
        queue: &DeadLetterQueue,
        began: Timestamp,
        work: &mut Work,
    ) -> anyhow::Result<()> {
        if let Origin::Queue { url } = &queue.origin {
            self.await_consumer(url).await?;
        }
        // Nothing that was there at the beginning is left to be received.
        self.round(queue, began, work).await?;
        for letter in &work.newer {
            if work.moved.contains(&letter.identity()) {
                work.tally.came_back += 1;
                println!(
                    "{}  {} came back: {}",
                    queue.name,
                    letter.event_id().unwrap_or_default(),
                    letter.reason()
                );
            }
        }
        Ok(())
    }

    /// Waits until the consumer of a queue has had everything.
    async fn await_consumer(&self, queue: &str) -> anyhow::Result<()> {
        let give_up = (self.now)().saturating_add(PATIENCE)?;
        let mut empty = 0;
        // The counts are approximate: once is not enough.
        while empty < 2 {
            match self.queues.is_empty(queue).await.map_err(advise)? {
                true => empty += 1,
                false => empty = 0,
            }
            if (self.now)() > give_up {
                println!("    the consumer is still busy: look again later for what comes back");
                break;
            }
            tokio::time::sleep(TICK).await;
        }
        Ok(())
    }
}
