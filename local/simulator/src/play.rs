//! One question, event by event: from the viewers' taps to the live tally.
//!
//! Times are milliseconds after the window was opened.

mod answering;
mod counting;

#[cfg(test)]
mod tests;

use answer_collector::{
    keys::QuestionKey,
    window::{Rules, Window},
};
use cuepoint_shared::aws;
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

pub(crate) use self::answering::{WINDOW_READ_HALVES, halves};
use self::{
    answering::{Answering, State},
    counting::Counting,
};
use crate::{
    audience::{self, Viewer},
    house::House,
    limits::{Id, Limits},
    meter::{Meter, Meters, Series},
    plan::Plan,
    pool::Pool,
    wheel::Wheel,
};

/// Something that happens, to a viewer or to a stream shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    /// A viewer's request reaches the API.
    Asks(u32),
    /// Its environment looks at the window and the clock.
    Looks(u32),
    /// It writes.
    Writes(u32),
    /// It has an answer to the request.
    Told(u32),
    /// Lambda asks a stream shard for records.
    Polls(u32),
    /// The batch's counts are written.
    Counts(u32),
    /// The batch is done.
    Counted(u32),
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Played {
    /// The window.
    pub window: Window,
    /// First taps.
    pub arrived: Series,
    /// Answers that viewers were told to count.
    pub accepted: Series,
    /// Viewers who gave up, since too many asked at once.
    pub turned_away: Series,
    /// Viewers whose last try came when the window had closed.
    pub late: Series,
    /// Answers in the live tally.
    pub tallied: Series,
    /// How each limit was met.
    pub meters: Meters,
    /// What was done meanwhile.
    pub work: Work,
    /// When the live tally had all of them.
    pub live_at: u32,
}

/// What was done while the window was open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// Requests that the API was asked for, those that it refused included.
    pub requests: u64,
    /// Requests that reached `answer-api`.
    pub invocations: u64,
    /// How long its environments had them, in milliseconds, together.
    pub busy_ms: u64,
    /// Environments of it.
    pub environments: u64,
    /// Reads of the window.
    pub window_reads: u64,
    /// Writes of answers that were tried, and of refusals.
    pub writes: u64,
    /// Batches of the stream.
    pub batches: u64,
    /// How long `live-tally` had them, in milliseconds, together.
    pub live_ms: u64,
    /// Changes of the table `tallies`, each with a read before it.
    pub tally_writes: u64,
    /// The most partitions that answers were written to.
    pub partitions: u64,
    /// The writes that the busiest partition was asked for in its busiest second.
    pub hottest_partition: u64,
}

/// What everything works with.
struct Stage<'a> {
    plan: &'a Plan,
    house: &'a House,
    random: Rng,
    wheel: Wheel<Event>,
    window: Window,
    meters: Meters,
    pool: Pool,
    retries: Retries,
    work: Work,
}

/// How often a call of the SDK is made, and what is waited before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retries {
    attempts: u32,
    first_ms: f64,
    longest_ms: f64,
}

impl Retries {
    pub(crate) fn of_the_services() -> Self {
        let policy = aws::retries();
        Self {
            attempts: policy.max_attempts(),
            first_ms: policy.initial_backoff().as_secs_f64() * 1_000.0,
            longest_ms: policy.max_backoff().as_secs_f64() * 1_000.0,
        }
    }

    /// How long it is waited after so many attempts; nothing when there is no other.
    pub(crate) fn pause(self, attempts: u32, random: &mut Rng) -> Option<u32> {
        let longest = self.first_ms * f64::from(2_u32.pow(attempts.clamp(1, 20) - 1));
        let drawn = longest.min(self.longest_ms) * random.f64();
        (attempts < self.attempts).then_some(drawn as u32)
    }
}

impl Stage<'_> {
    fn meter(&mut self, id: Id) -> &mut Meter {
        self.meters.of(id)
    }

    /// The time as the services see it.
    fn time(&self, now: u32) -> Timestamp {
        self.window.opened_at + SignedDuration::from_millis(i64::from(now))
    }
}

/// Plays a question.
pub fn play(plan: &Plan, house: &House, limits: &Limits) -> Played {
    let mut random = Rng::with_seed(plan.seed);
    let mut wheel = Wheel::<Event>::default();
    let mut arrived = Series::default();
    let viewers: Vec<_> = (0..plan.audience)
        .map(|index| {
            let Viewer {
                taps_at,
                until,
                shard,
            } = audience::viewer(plan, &mut random);
            arrived.add(taps_at, 1);
            wheel.push(taps_at + crate::timing::NETWORK_MS, Event::Asks(index));
            State::new(shard, until)
        })
        .collect();
    let question = question();
    let window = window(plan, house, &question);
    let mut stage = Stage {
        plan,
        house,
        random,
        wheel,
        window,
        meters: Meters::default(),
        pool: Pool::new(limits, plan.last_used_first),
        retries: Retries::of_the_services(),
        work: Work::default(),
    };
    let mut answering = Answering::new(viewers, limits, &mut stage);
    let mut counting = Counting::new(question, answering.partitions(), limits, &mut stage);
    run(&mut stage, &mut answering, &mut counting);
    stage.work.environments = stage.pool.environments();
    answering.sum_up(&mut stage);
    Played {
        window: stage.window,
        arrived,
        accepted: answering.accepted,
        turned_away: answering.turned_away,
        late: answering.late,
        tallied: counting.tallied,
        meters: stage.meters,
        work: stage.work,
        live_at: counting.last_at,
    }
}

fn run(stage: &mut Stage<'_>, answering: &mut Answering, counting: &mut Counting) {
    while let Some((now, events)) = stage.wheel.next() {
        for event in events {
            match event {
                Event::Asks(viewer) => answering.asks(viewer, now, stage),
                Event::Looks(viewer) => answering.looks(viewer, now, stage),
                Event::Writes(viewer) => {
                    if let Some(partition) = answering.writes(viewer, now, stage) {
                        counting.written(partition, answering.shard(viewer), now, stage);
                    }
                }
                Event::Told(viewer) => answering.told(viewer, now, stage),
                Event::Polls(shard) => counting.polls(shard, now, stage),
                Event::Counts(shard) => counting.counts(shard, now, stage),
                Event::Counted(shard) => counting.counted(shard, now, stage),
            }
        }
    }
}

/// Ids as long as those that the services make.
fn question() -> QuestionKey {
    let id = "3f0b8a52-6a63-4c5e-9d0b-2f4f4f1f9b61";
    QuestionKey {
        quiz_id: id.parse().expect("a UUID is an id by its characters"),
        run_id: id.parse().expect("a UUID is an id by its characters"),
        question_id: "q1".parse().expect("so are these"),
    }
}

fn window(plan: &Plan, house: &House, question: &QuestionKey) -> Window {
    let rules = Rules {
        options: 3,
        correct: Some(0),
        seconds: plan.window_seconds,
        shards: plan.shards,
    };
    Window::open(
        question.question_id.clone(),
        rules,
        SignedDuration::from_secs(i64::from(house.latency_allowance_seconds)),
        SignedDuration::from_secs(i64::from(house.drain_seconds)),
        Timestamp::UNIX_EPOCH,
    )
}
