//! Dead letters, back to where they came from.
//!
//! A letter is delivered again first and deleted then: at least once, and every consumer is
//! idempotent. A queue is read first, to its end or to a bound, and only what was read then is
//! moved: so one that comes back is not moved in a circle, whatever the clocks say. Letters of a
//! stream go oldest first; when one of them fails, the later ones about the same item wait.

mod deliver;
pub mod letter;
mod reading;
pub mod report;

use std::collections::{HashMap, HashSet};

use anyhow::Context;
use cuepoint_shared::clock::Clock;
use jiff::SignedDuration;

use self::{
    letter::{Opened, Origin},
    reading::{End, Reading, Taken},
    report::{Outcome, Tally},
};
use crate::{
    failure::advise,
    function::Functions,
    queue::{Queues, Taking},
    saga::Sagas,
    settling::{Quiet, TICK},
    stream::Streams,
    target::Target,
};

/// A dead-letter queue of the stack.
#[derive(Debug, Clone)]
pub struct DeadLetterQueue {
    /// Its name, without the stack's.
    pub name: &'static str,
    /// Its URL.
    pub url: String,
    /// Where its letters come from.
    pub origin: Origin,
    /// What an operator has to know about them.
    pub note: Option<&'static str>,
}

/// Which function's or whose queue it is, by the outputs of the template.
enum Source {
    Queue,
    /// What it is called in its dead letters, and the `BatchSize` of its event source.
    Function(&'static str, usize),
    Saga,
    Compensation,
}

/// The queue whose letters do not do all that they would have done in time.
const LIVE: &str = "live-tally-dlq";
const LIVE_NOTE: &str = "answers that come after later ones of their partition were counted are not \
    counted live; the final tally and the events have them";

/// The dead-letter queues: name, output with its URL, where from, output with that.
const QUEUES: [(&str, &str, Source, &str); 7] = [
    (
        "entitlement-intake-dlq",
        "EntitlementIntakeDlqUrl",
        Source::Queue,
        "EntitlementIntakeQueueUrl",
    ),
    (
        "entitlement-outbox-dlq",
        "EntitlementOutboxDlqUrl",
        Source::Function("entitlement-outbox", 100),
        "EntitlementOutboxFunctionName",
    ),
    (
        "quiz-outbox-dlq",
        "QuizOutboxDlqUrl",
        Source::Function("quiz-outbox", 100),
        "QuizOutboxFunctionName",
    ),
    (
        LIVE,
        "LiveTallyDlqUrl",
        Source::Function("live-tally", 1_000),
        "LiveTallyFunctionName",
    ),
    (
        "answer-recording-dlq",
        "AnswerRecordingDlqUrl",
        Source::Queue,
        "AnswerRecordingQueueUrl",
    ),
    (
        "quiz-show-start-dlq",
        "QuizShowStartDlqUrl",
        Source::Saga,
        "QuizShowArn",
    ),
    (
        "quiz-show-compensation-start-dlq",
        "QuizShowCompensationStartDlqUrl",
        Source::Compensation,
        "QuizShowCompensationArn",
    ),
];

/// What did not reach the analysts, when they have a queue: name, output with its URL, output with
/// that of their queue.
const ANALYSTS: (&str, &str, &str) = ("analysts-dlq", "AnalystsDlqUrl", "AnalystsQueueUrl");

/// The names of all dead-letter queues.
pub fn queue_names() -> impl Iterator<Item = &'static str> {
    let names = QUEUES.iter().map(|(name, ..)| *name);
    names.chain([ANALYSTS.0])
}

/// The dead-letter queues of a stack, or the one of this name.
///
/// # Errors
/// When an output of the stack is missing.
pub fn queues(target: &Target, only: Option<&str>) -> anyhow::Result<Vec<DeadLetterQueue>> {
    let is_wanted = |name: &str| only.is_none_or(|only| only == name);
    let (name, url, queue) = ANALYSTS;
    // Who names it has to have it.
    let has_analysts = only.is_some() || target.output(url).is_ok();
    let analysts = (is_wanted(name) && has_analysts).then(|| {
        Ok(DeadLetterQueue {
            name,
            url: target.output(url)?.to_owned(),
            origin: Origin::Store {
                url: target.output(queue)?.to_owned(),
            },
            note: None,
        })
    });
    QUEUES
        .iter()
        .filter(|(name, ..)| is_wanted(name))
        .map(|(name, url, source, output)| {
            let origin = target.output(output)?.to_owned();
            Ok(DeadLetterQueue {
                name,
                url: target.output(url)?.to_owned(),
                origin: match source {
                    Source::Queue => Origin::Queue { url: origin },
                    Source::Function(name, batch) => Origin::Function {
                        name,
                        deployed: origin,
                        batch: *batch,
                    },
                    Source::Saga => Origin::Saga { arn: origin },
                    Source::Compensation => Origin::Compensation { arn: origin },
                },
                note: (*name == LIVE).then_some(LIVE_NOTE),
            })
        })
        .chain(analysts)
        .collect()
}

/// How letters are taken: for as long as the longest redrive of a queue may take.
const TAKING: Taking = Taking {
    hidden: 600,
    wait: 1,
};
/// How long a consumer may take to hand back what it cannot do, and its queue to be quiet for a minute:
/// two minutes are the longest that the function of a queue runs.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

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
    /// How long a queue has to say that it is empty before it is believed: its counts are
    /// approximate, on AWS for up to a minute.
    pub quiet: SignedDuration,
}

/// What is known of a queue while it is worked on.
#[derive(Default)]
struct Work {
    /// What was received, so that each letter is worked on once.
    taken: Taken,
    /// What was moved, by what it is about.
    moved: HashSet<String>,
    /// Items of which an older change could not be made.
    waiting: HashMap<String, String>,
    /// Why nothing of the stream is moved any more.
    stopped: Option<String>,
    tally: Tally,
}

impl Redrive {
    /// Moves every letter of these queues, or with `dry_run` says what would be done. Returns what
    /// came of it, queue by queue; one that fails does not keep the others from their turn.
    pub async fn run(&self, queues: &[DeadLetterQueue], dry_run: bool) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for queue in queues {
            let mut work = Work::default();
            let worked = self.work(queue, dry_run, &mut work).await;
            // Whatever happened, what was hidden is shown again.
            let released = self.queues.release(&queue.url, &work.taken.held()).await;
            let released = released
                .map_err(advise)
                .context("its messages stay hidden for ten minutes at most");
            outcomes.push(Outcome {
                name: queue.name,
                tally: work.tally,
                failures: [worked, released]
                    .into_iter()
                    .filter_map(Result::err)
                    .collect(),
            });
        }
        outcomes
    }

    async fn work(
        &self,
        queue: &DeadLetterQueue,
        dry_run: bool,
        work: &mut Work,
    ) -> anyhow::Result<()> {
        let mut letters = Vec::new();
        let end = self.read(queue, &mut work.taken, |letter| letters.push(letter));
        work.tally.more = end.await? == End::More;
        letters.sort_by(Opened::by_age);
        if let Some(note) = queue.note.filter(|_| !letters.is_empty()) {
            println!("{}  {note}", queue.name);
        }
        for letter in letters {
            println!("{}", report::line(queue, &letter, (self.now)()));
            if dry_run {
                let way = letter.way(&queue.origin, (self.now)());
                println!("    {}", report::intent(&way));
                work.tally.found += 1;
                continue;
            }
            match self.put_back(queue, &letter, work).await {
                Ok(about) => {
                    work.moved.extend(about);
                    work.tally.moved += 1;
                }
                Err(why) => {
                    println!("    left: {}", letter::one_line(&why));
                    work.tally.left += 1;
                }
            }
        }
        match work.moved.is_empty() {
            true => Ok(()),
            false => self.see_what_came_back(queue, work).await,
        }
    }

    /// Reads a queue to its end, or until it is enough, and keeps what this run has not had before.
    async fn read(
        &self,
        queue: &DeadLetterQueue,
        taken: &mut Taken,
        mut keep: impl FnMut(Opened),
    ) -> anyhow::Result<End> {
        let mut reading = Reading::new(taken);
        loop {
            let some = self.queues.receive(&queue.url, TAKING).await;
            let some = some.map_err(advise)?;
            let (new, end) = reading.came(some);
            new.into_iter().map(Opened::new).for_each(&mut keep);
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// What was moved and could not be done again is here once more, with its reason.
    async fn see_what_came_back(
        &self,
        queue: &DeadLetterQueue,
        work: &mut Work,
    ) -> anyhow::Result<()> {
        if let Origin::Queue { url } = &queue.origin {
            println!(
                "{}  waiting until its consumer has had everything",
                queue.name
            );
            work.tally.unsettled = !self.settles(url).await?;
        }
        let Work {
            taken,
            moved,
            tally,
            ..
        } = work;
        let now = (self.now)();
        let end = self.read(queue, taken, |letter| {
            if moved.contains(&letter.identity()) {
                tally.came_back += 1;
                println!("{}", report::came_back(queue, &letter));
            } else {
                tally.newer += 1;
                println!("{}", report::line(queue, &letter, now));
                println!("    was not there at the beginning: it is for the next redrive");
            }
        });
        let end = end.await?;
        tally.more |= end == End::More;
        Ok(())
    }

    /// Waits until the consumer of a queue has had everything. No: it is still busy after a while.
    async fn settles(&self, queue: &str) -> anyhow::Result<bool> {
        let give_up = (self.now)().saturating_add(PATIENCE)?;
        let mut quiet = Quiet::new(self.quiet);
        loop {
            let empty = self.queues.is_empty(queue).await.map_err(advise)?;
            let now = (self.now)();
            if quiet.lasted(empty, now) {
                return Ok(true);
            }
            if now > give_up {
                return Ok(false);
            }
            tokio::time::sleep(TICK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_called_with_as_many_records_as_by_its_event_source() {
        let template = include_str!("../../../app.yaml");
        for (queue, _, source, output) in QUEUES {
            let Source::Function(_, batch) = source else {
                continue;
            };
            let function = output.strip_suffix("Name").unwrap();
            let (_, after) = template.split_once(&format!("\n  {function}:\n")).unwrap();
            let (_, size) = after.split_once(" BatchSize: ").unwrap();
            let size = size.lines().next().unwrap();
            assert_eq!(size, batch.to_string(), "{queue}");
        }
    }
}
