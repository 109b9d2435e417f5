//! What is promised of answers, as properties of the rules:
//!
//! 1. every answer that got a 2xx is in the final tally;
//! 2. none that got a 4xx is;
//! 3. none counts twice;
//! 4. the live tally is the final one once the stream has drained;
//!
//! and what is recorded for analysts is what was tallied. A model stands in for the tables, the
//! stream and the clocks, and its `arrives`, `puts` and `asks` for the order of the calls in `answer_api`;
//! when an answer counts, where it is kept, and how it is counted and packed is decided by the rules that
//! are deployed. In the model viewers try again, also while an earlier try is under way; functions are killed before and
//! after they write; writes are slow, are given up, and land or do not; clocks differ by up to a
//! second; the tally is killed and begun again, and so is the counting of the stream, which comes
//! in several shards and in batches that are cut anew at each delivery.

use std::collections::{BTreeMap, BTreeSet};

use cuepoint_shared::{
    events::{AnswersRecorded, Event, RecordedAnswer},
    ids::UserId,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::{
    keys::{Partition, QuestionKey},
    live::{self, MAX_OPTIONS, Recorded, Sequence},
    packing::Packer,
    sharding::shard_of,
    window::{Admission, Rules, Window},
};

const RULES: Rules = Rules {
    options: 3,
    correct: Some(1),
    seconds: 5,
    shards: 3,
};
/// When the window closes, in true milliseconds since it was opened, if all clocks are right.
const CLOSES: i64 = 6_000;
/// When all is over.
const END: i64 = 60_000;

/// What becomes of the function that a try reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Works,
    KilledBeforeItWrites,
    KilledAfterItWrote,
    /// Its write is throttled until it is given up.
    NeverLands,
}

/// A viewer's try to answer.
#[derive(Debug, Clone)]
struct Try {
    viewer: u8,
    choice: u32,
    /// When it arrives, in true milliseconds since the window was opened.
    at: i64,
    /// At which function.
    api: usize,
    /// How long its write takes.
    write: i64,
    fate: Fate,
}

/// How far the clocks are off, in milliseconds.
#[derive(Debug, Clone)]
struct Clocks {
    saga: i64,
    apis: [i64; 2],
}

/// What stands in a viewer's place in the table: an answer, or a refusal.
type Place = Option<(u32, Timestamp)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Void,
    Arrives(usize),
    Puts(usize, Timestamp),
    Refuses(usize),
    Gets(usize),
    Closes,
    ReadsShard(u32),
}

struct World<'a> {
    tries: &'a [Try],
    clocks: &'a Clocks,
    window: Window,
    steps: BTreeSet<(i64, Step)>,
    table: BTreeMap<(u32, UserId), Place>,
    /// By shard of the stream, whose numbers know nothing of each other.
    stream: [Vec<(Partition, Recorded)>; 2],
    said: Vec<Option<u16>>,
    /// How often the tally is still killed, always before the last shard.
    kills: u32,
    read: BTreeMap<(u32, UserId), (u32, Timestamp)>,
    tallied: Option<BTreeMap<(u32, UserId), (u32, Timestamp)>>,
}

fn time(offset: i64, at: i64) -> Timestamp {
    let start: Timestamp = "2026-11-22T20:00:00Z".parse().unwrap();
    start + SignedDuration::from_millis(offset + at)
}

fn question() -> QuestionKey {
    QuestionKey {
        quiz_id: "quiz".parse().unwrap(),
        run_id: "run".parse().unwrap(),
        question_id: "q1".parse().unwrap(),
    }
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap()
}

impl World<'_> {
    /// Lets everything happen in the order of its times.
    fn run(&mut self) {
        while let Some((now, step)) = self.steps.pop_first() {
            match step {
                Step::Void => self.window = self.window.void().unwrap_or(self.window.clone()),
                Step::Arrives(n) => self.arrives(n, now),
                Step::Puts(n, received_at) => self.puts(n, received_at),
                Step::Refuses(n) => self.asks(n, true),
                Step::Gets(n) => self.asks(n, false),
                Step::Closes => self.closes(now),
                Step::ReadsShard(shard) => self.reads(shard, now),
            }
        }
    }

    fn arrives(&mut self, n: usize, now: i64) {
        let Try {
            api,
            write,
            fate,
            choice,
            ..
        } = self.tries[n];
        if now < 0 {
            return self.says(n, 404);
        }
        if choice >= RULES.options {
            return self.says(n, 422);
        }
        if fate == Fate::KilledBeforeItWrites {
            return;
        }
        let clock = time(self.clocks.apis[api], now);
        let limit = millis(self.window.write_time());
        let step = match self.window.admission(clock) {
            Admission::Open => Step::Puts(n, clock.max(self.window.opened_at)),
            Admission::Draining => Step::Refuses(n),
            Admission::Closed => Step::Gets(n),
            Admission::TooEarly => return self.says(n, 409),
            Admission::Voided => return self.says(n, 410),
        };
        if fate == Fate::NeverLands {
            return self.says(n, 503);
        }
        // A write that is given up lands at the last moment, in the worst case.
        let lasts = match step {
            Step::Puts(..) => write.min(limit),
            _ => write,
        };
        self.steps.insert((now + lasts, step));
    }

    fn place(&self, n: usize) -> (u32, UserId) {
        let viewer: UserId = format!("viewer-{}", self.tries[n].viewer).parse().unwrap();
        (shard_of(&viewer, RULES.shards), viewer)
    }

    fn puts(&mut self, n: usize, received_at: Timestamp) {
        let choice = self.tries[n].choice;
        let place = self.place(n);
        let given_up = self.tries[n].write > millis(self.window.write_time());
        let status = match self.table.get(&place) {
            Some(Some((before, _))) => {
                if *before == choice {
                    200
                } else {
                    409
                }
            }
            Some(None) => 410,
            None => {
                let stream = &mut self.stream[place.0 as usize % 2];
                let sequence = (stream.len() + 1).to_string().parse().unwrap();
                let partition = question().partition(place.0);
                stream.push((partition, Recorded { sequence, choice }));
                self.table.insert(place, Some((choice, received_at)));
                201
            }
        };
        self.says(n, if given_up { 503 } else { status });
    }

    /// A try that came too late looks for an earlier one, and may keep it out from now on.
    fn asks(&mut self, n: usize, refuse: bool) {
        let place = self.place(n);
        let status = match self.table.get(&place) {
            Some(Some((before, _))) if *before == self.tries[n].choice => 200,
            Some(Some(_)) => 409,
            Some(None) | None => 410,
        };
        if refuse {
            self.table.entry(place).or_insert(None);
        }
        self.says(n, status);
    }

    fn says(&mut self, n: usize, status: u16) {
        if self.tries[n].fate != Fate::KilledAfterItWrote {
            self.said[n] = Some(status);
        }
    }

    fn closes(&mut self, now: i64) {
        if let Ok(Some(closed)) = self.window.close(time(self.clocks.saga, now)) {
            self.window = closed;
            self.steps.insert((now, Step::ReadsShard(0)));
        }
    }

    fn reads(&mut self, shard: u32, now: i64) {
        if !matches!(self.window.tallied(), Ok(None)) {
            return;
        }
        let answers = self.table.iter().filter(|((s, _), _)| *s == shard);
        let answers = answers.filter_map(|(place, answer)| Some((place.clone(), (*answer)?)));
        self.read.extend(answers);
        let next = shard + 1;
        if next < RULES.shards {
            self.steps.insert((now + 7, Step::ReadsShard(next)));
        } else if self.kills > 0 {
            self.kills -= 1;
            self.read.clear();
            self.steps.insert((now + 900, Step::ReadsShard(0)));
        } else {
            let read = std::mem::take(&mut self.read);
            self.window = self
                .window
                .with_counts(counts(read.values().map(|(c, _)| *c)));
            self.tallied = Some(read);
        }
    }

    /// What a recording makes of the table now.
    fn recorded(&self) -> Vec<Event<AnswersRecorded>> {
        let mut packer = Packer::new(question(), self.window.tally_at);
        let answers = self.table.iter().filter_map(|((_, viewer_id), answer)| {
            let (choice, received_at) = (*answer)?;
            let viewer_id = viewer_id.clone();
            Some(RecordedAnswer {
                viewer_id,
                choice,
                received_at,
            })
        });
        let mut events = packer.extend(answers);
        events.extend(packer.finish());
        events
    }
}

fn counts(choices: impl Iterator<Item = u32>) -> Vec<u64> {
    let mut counts = vec![0; RULES.options as usize];
    choices.for_each(|choice| counts[choice as usize] += 1);
    counts
}

type Tallies = BTreeMap<(Partition, usize), ([u64; MAX_OPTIONS], Option<Sequence>)>;

/// Counts a batch of a shard of the stream as `live-tally` does, and is killed after so many
/// partitions. Whether it came to its end.
fn counts_batch(
    tallies: &mut Tallies,
    shard: usize,
    batch: &[(Partition, Recorded)],
    dies_after: usize,
) -> bool {
    let partitions = live::by_partition(batch.to_vec());
    let lives = dies_after >= partitions.len();
    for (partition, answers) in partitions.into_iter().take(dies_after) {
        let (counts, mark) = tallies.entry((partition, shard)).or_default();
        if let Some(added) = live::addition(&live::fresh(answers, mark.as_ref())) {
            counts
                .iter_mut()
                .zip(added.counts)
                .for_each(|(count, n)| *count += n);
            *mark = Some(added.last);
        }
    }
    lives
}

/// The live tally once the stream has drained. Each delivery starts anywhere before or at the first
/// record that was not done.
fn live_tally(
    stream: &[Vec<(Partition, Recorded)>],
    deliveries: &[(u8, usize, usize)],
) -> Vec<u64> {
    let mut tallies = Tallies::new();
    for (shard, records) in stream.iter().enumerate() {
        let mut done = 0;
        for &(start, length, dies_after) in deliveries {
            let start = usize::from(start) % (done + 1);
            let end = (start + length).min(records.len());
            if counts_batch(&mut tallies, shard, &records[start..end], dies_after) {
                done = done.max(end);
            }
        }
        counts_batch(&mut tallies, shard, &records[done..], usize::MAX);
    }
    let mut sum = vec![0; RULES.options as usize];
    for (counts, _) in tallies.values() {
        sum.iter_mut()
            .zip(counts)
            .for_each(|(sum, count)| *sum += count);
    }
    sum
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let at = prop_oneof![
        1 => -1_200..500_i64,
        2 => 0..CLOSES,
        // The last moments, and those after them.
        4 => CLOSES - 1_100..CLOSES + 1_100,
        2 => CLOSES..CLOSES + 6_000,
    ];
    let write = prop_oneof![3 => 0..80_i64, 2 => 0..4_000_i64];
    let fate = prop_oneof![
        5 => Just(Fate::Works),
        1 => Just(Fate::KilledBeforeItWrites),
        1 => Just(Fate::KilledAfterItWrote),
        1 => Just(Fate::NeverLands),
    ];
    let one = (0..6_u8, 0..4_u32, at, 0..2_usize, write, fate);
    let one = one.prop_map(|(viewer, choice, at, api, write, fate)| Try {
        viewer,
        choice: if choice == 2 { 1 } else { choice.min(3) },
        at,
        api,
        write,
        fate,
    });
    prop::collection::vec(one, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn what_is_acknowledged_counts_once_and_what_is_refused_does_not(
        tries in tries(),
        (opener, saga, apis) in (-500..=500_i64, -500..=500_i64, prop::array::uniform2(-500..=500_i64)),
        drain in 2_000..=4_000_i64,
        voided_at in prop::option::weighted(0.1, 0..END),
        closes_at in prop::collection::vec(0..CLOSES + 6_000, 0..6),
        kills in 0..3_u32,
        deliveries in prop::collection::vec((any::<u8>(), 1..12_usize, 0..4_usize), 0..12),
    ) {
        let clocks = Clocks { saga, apis };
        let (second, drain) = (SignedDuration::from_secs(1), SignedDuration::from_millis(drain));
        let window = Window::open(question().question_id, RULES, second, drain, time(opener, 0));
        let arrivals = tries.iter().enumerate().map(|(n, one)| (one.at, Step::Arrives(n)));
        let closings = closes_at.into_iter().chain([END]).map(|at| (at, Step::Closes));
        let mut world = World {
            tries: &tries,
            clocks: &clocks,
            window,
            steps: arrivals.chain(closings).chain(voided_at.map(|at| (at, Step::Void))).collect(),
            table: BTreeMap::new(),
            stream: Default::default(),
            said: vec![None; tries.len()],
            kills,
            read: BTreeMap::new(),
            tallied: None,
        };
        world.run();
        let Some(tallied) = &world.tallied else {
            prop_assert!(voided_at.is_some(), "it is tallied in the end");
            return Ok(());
        };
        // A viewer has one place, so that none counts twice; and the counts are those of all.
        let viewers: BTreeSet<_> = tallied.keys().map(|(_, viewer)| viewer).collect();
        prop_assert_eq!(viewers.len(), tallied.len());
        let counts = world.window.counts.clone().unwrap();
        prop_assert_eq!(counts.iter().sum::<u64>(), u64::try_from(tallied.len()).unwrap());
        for (n, status) in world.said.iter().enumerate() {
            let counted = tallied.get(&world.place(n)).map(|(choice, _)| *choice);
            let this = counted == Some(tries[n].choice);
            match status {
                Some(200 | 201) => prop_assert!(this, "try {n} was acknowledged: {counted:?}"),
                Some(409) => prop_assert!(counted.is_some() && !this, "try {n}: {counted:?}"),
                Some(410) => prop_assert_eq!(counted, None, "try {} was refused", n),
                Some(422) => prop_assert!(!this),
                // It was before the question, or nobody knows what became of it.
                Some(404 | 503) | None => {}
                other => prop_assert!(false, "{other:?}"),
            }
        }
        prop_assert_eq!(live_tally(&world.stream, &deliveries), counts);
        let events = world.recorded();
        let recorded = events.iter().flat_map(|event| &event.data.answers);
        let recorded: Vec<_> = recorded.map(|a| (&a.viewer_id, a.choice)).collect();
        let expected: Vec<_> = tallied.iter().map(|((_, v), (c, _))| (v, *c)).collect();
        prop_assert_eq!(recorded, expected);
    }
}
