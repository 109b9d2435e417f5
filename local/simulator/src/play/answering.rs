//! A viewer's request: the API's limits, an environment, the window, the write; and the page's own
//! retries.

use answer_collector::{window::Admission, window_cache};
use fastrand::Rng;

use super::{Event, Stage};
use crate::{
    bucket::Bucket,
    front::Front,
    limits::{Id, Limits},
    meter::Series,
    page,
    table::Table,
    timing::{NETWORK_MS, READ_MS, WRITE_MS, handler_ms},
};

/// What reading the window takes, in halves of a read unit: it was opened seconds before anyone answers,
/// so that the first way to read it finds it.
pub(crate) const WINDOW_READ_HALVES: u64 = halves(window_cache::READS[0]);

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Accepted,
    /// 429 or 5xx: the page tries again.
    Busy,
    /// 410: it does not.
    Closed,
}

/// Where a viewer's request stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    shard: u32,
    /// Until when the page shows time.
    until: u32,
    environment: u32,
    /// When its first write was tried.
    since: u32,
    /// How often the page has sent it.
    sent: u8,
    /// How often the present call of the SDK was made.
    attempts: u8,
    outcome: Outcome,
}

impl State {
    pub(super) fn new(shard: u32, until: u32) -> Self {
        Self {
            shard,
            until,
            environment: 0,
            since: 0,
            sent: 0,
            attempts: 0,
            outcome: Outcome::Busy,
        }
    }
}

/// What a read of up to 4 KB takes, in halves of a unit.
pub(crate) const fn halves(consistently: bool) -> u64 {
    match consistently {
        true => 2,
        false => 1,
    }
}

/// How long an environment keeps a window.
fn kept_ms(seed: u64, environment: u32) -> u32 {
    let drawn = Rng::with_seed(seed.wrapping_add(environment.into())).u64(..);
    u32::try_from(window_cache::kept_for(drawn).as_millis()).unwrap_or(u32::MAX)
}

/// The audience and what takes its answers.
pub(super) struct Answering {
    viewers: Vec<State>,
    front: Front,
    /// In half units.
    window_reads: Bucket,
    table: Table,
    handler_ms: u32,
    write_ms: u32,
    pub(super) accepted: Series,
    pub(super) turned_away: Series,
    pub(super) late: Series,
}

impl Answering {
    pub(super) fn new(viewers: Vec<State>, limits: &Limits, stage: &mut Stage<'_>) -> Self {
        let halves = 2 * limits.get(Id::PartitionReads);
        Self {
            viewers,
            front: Front::new(limits),
            window_reads: Bucket::new(halves, halves),
            table: Table::new(limits, stage.plan.shards, &mut stage.random),
            handler_ms: handler_ms(stage.house.answer_api),
            write_ms: u32::try_from(stage.window.write_time().as_millis()).unwrap_or(0),
            accepted: Series::default(),
            turned_away: Series::default(),
            late: Series::default(),
        }
    }

    pub(super) fn partitions(&self) -> usize {
        self.table.partitions()
    }

    pub(super) fn shard(&self, viewer: u32) -> u32 {
        self.viewers[viewer as usize].shard
    }

    /// The request is at the API.
    pub(super) fn asks(&mut self, viewer: u32, now: u32, stage: &mut Stage<'_>) {
        stage.work.requests += 1;
        self.viewers[viewer as usize].sent += 1;
        let Stage { pool, meters, .. } = stage;
        match self.front.take(now, pool, meters) {
            Some(taken) => {
                stage.work.invocations += 1;
                let state = &mut self.viewers[viewer as usize];
                state.environment = taken.environment;
                state.attempts = 0;
                stage.wheel.push(taken.ready_at, Event::Looks(viewer));
            }
            None => self.answer(viewer, Outcome::Busy, now, stage),
        }
    }

    /// The function looks at the window, which it may have to read, and at its clock.
    pub(super) fn looks(&mut self, viewer: u32, now: u32, stage: &mut Stage<'_>) {
        let state = &mut self.viewers[viewer as usize];
        let mut now = now + self.handler_ms;
        if stage.pool.must_read(state.environment, now) {
            state.attempts += 1;
            let given = self.window_reads.take_all(now, WINDOW_READ_HALVES);
            stage.work.window_reads += u64::from(given);
            stage
                .meter(Id::PartitionReads)
                .count(now, 1, u64::from(given));
            if !given {
                let pause = stage
                    .retries
                    .pause(state.attempts.into(), &mut stage.random);
                return match pause {
                    Some(pause) => stage.wheel.push(now + pause, Event::Looks(viewer)),
                    None => self.tell(viewer, Outcome::Busy, now, stage),
                };
            }
            now += READ_MS;
            let until = now + kept_ms(stage.plan.seed, state.environment);
            stage.pool.has_read(state.environment, until);
        }
        state.attempts = 0;
        state.since = now;
        match stage.window.admission(stage.time(now)) {
            Admission::Open => stage.wheel.push(now, Event::Writes(viewer)),
            // A refusal is written in the place of the answer.
            Admission::Draining => {
                stage.work.writes += 1;
                self.tell(viewer, Outcome::Closed, now + WRITE_MS, stage);
            }
            Admission::TooEarly | Admission::Closed | Admission::Voided => {
                self.tell(viewer, Outcome::Closed, now + READ_MS, stage);
            }
        }
    }

    /// The function writes, again and again as long as it may. The partition, once it is written.
    pub(super) fn writes(&mut self, viewer: u32, now: u32, stage: &mut Stage<'_>) -> Option<u32> {
        let state = &mut self.viewers[viewer as usize];
        state.attempts += 1;
        let written = self.table.write(state.shard, now);
        for id in [Id::PartitionWrites, Id::WarmWrites, Id::TableWrites] {
            let given = u64::from(written != Err(id));
            stage.meter(id).count(now, 1, given);
        }
        let until = state.since + self.write_ms;
        match written {
            Ok(partition) => {
                stage.work.writes += 1;
                self.tell(viewer, Outcome::Accepted, now + WRITE_MS, stage);
                return Some(partition);
            }
            Err(_) => match stage
                .retries
                .pause(state.attempts.into(), &mut stage.random)
            {
                Some(pause) if now + pause < until => {
                    stage.wheel.push(now + pause, Event::Writes(viewer));
                }
                Some(_) => self.tell(viewer, Outcome::Busy, until, stage),
                None => self.tell(viewer, Outcome::Busy, now + WRITE_MS, stage),
            },
        }
        None
    }

    /// The function is done with the request.
    pub(super) fn told(&mut self, viewer: u32, now: u32, stage: &mut Stage<'_>) {
        let State {
            environment,
            outcome,
            ..
        } = self.viewers[viewer as usize];
        stage.work.busy_ms += u64::from(stage.pool.give_back(environment, now));
        self.answer(viewer, outcome, now, stage);
    }

    fn tell(&mut self, viewer: u32, outcome: Outcome, at: u32, stage: &mut Stage<'_>) {
        self.viewers[viewer as usize].outcome = outcome;
        stage.wheel.push(at, Event::Told(viewer));
    }

    /// The page has its answer, and may send again.
    fn answer(&mut self, viewer: u32, outcome: Outcome, now: u32, stage: &mut Stage<'_>) {
        let heard = now + NETWORK_MS;
        match outcome {
            Outcome::Accepted => self.accepted.add(heard, 1),
            Outcome::Closed => self.late.add(heard, 1),
            Outcome::Busy => {
                let State { sent, until, .. } = self.viewers[viewer as usize];
                let left = until.saturating_sub(heard);
                // Of the viewer's own browser: what others do does not change it.
                let browser = u64::from(viewer) << 8 | u64::from(sent);
                let random = Rng::with_seed(stage.plan.seed.wrapping_add(browser)).f64();
                match page::FOR_AN_ANSWER.pause_ms(sent, left, random) {
                    Some(pause) => {
                        let again = heard + pause + NETWORK_MS;
                        stage.wheel.push(again, Event::Asks(viewer));
                    }
                    None => self.turned_away.add(heard, 1),
                }
            }
        }
    }

    /// What is known at the end.
    pub(super) fn sum_up(&self, stage: &mut Stage<'_>) {
        stage.work.partitions = self.table.partitions() as u64;
        stage.work.hottest_partition = self.table.hottest();
    }
}
