//! A viewer's request: the API's limits, an environment, the window, the write; and the page's own
//! retries.

use answer_collector::{window::Admission, window_cache};
use fastrand::Rng;

use super::{Stage, wheel::Event};
use crate::{
    bucket::Bucket,
    limits::{Id, Limits},
    meter::Series,
    page,
    table::Table,
    timing::{HANDLER_MS, NETWORK_MS, READ_MS, WRITE_MS},
};

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

/// The audience and what takes its answers.
pub(super) struct Answering {
    viewers: Vec<State>,
    stage_limit: Bucket,
    api_limit: Bucket,
    window_reads: Bucket,
    table: Table,
    write_ms: u32,
    window_kept_ms: u32,
    pub(super) accepted: Series,
    pub(super) turned_away: Series,
    pub(super) late: Series,
}

impl Answering {
    pub(super) fn new(viewers: Vec<State>, limits: &Limits, stage: &mut Stage<'_>) -> Self {
        let bucket = |rate, burst| Bucket::new(limits.get(rate), limits.get(burst));
        let kept = window_cache::KEPT_FOR.as_millis();
        Self {
            viewers,
            stage_limit: bucket(Id::StageRate, Id::StageBurst),
            api_limit: bucket(Id::ApiRate, Id::ApiBurst),
            window_reads: bucket(Id::PartitionReads, Id::PartitionReads),
            table: Table::new(limits, stage.plan.shards, &mut stage.random),
            write_ms: u32::try_from(stage.window.write_time().as_millis()).unwrap_or(0),
            window_kept_ms: u32::try_from(kept).unwrap_or(0),
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
        if !self.admits(now, stage) {
            return self.answer(viewer, Outcome::Busy, now, stage);
        }
        let taken = stage.pool.take(now);
        for id in [Id::RequestsPerEnvironment, Id::ScalingRate, Id::Concurrency] {
            let given = u64::from(taken != Err(id));
            stage.meter(id).count(now, 1, given);
        }
        let at_once = stage.pool.at_once();
        stage.meter(Id::Concurrency).at_once(at_once);
        match taken {
            Ok(taken) => {
                stage.work.invocations += 1;
                let state = &mut self.viewers[viewer as usize];
                state.environment = taken.environment;
                state.attempts = 0;
                stage.wheel.push(taken.ready_at, Event::Looks(viewer));
            }
            Err(_) => self.answer(viewer, Outcome::Busy, now, stage),
        }
    }

    fn admits(&mut self, now: u32, stage: &mut Stage<'_>) -> bool {
        let limits = [
            (Id::StageRate, &mut self.stage_limit),
            (Id::ApiRate, &mut self.api_limit),
        ];
        limits.into_iter().all(|(id, limit)| {
            let given = limit.take_up_to(now, 1);
            stage.meter(id).count(now, 1, given);
            given == 1
        })
    }

    /// The function looks at the window, which it may have to read, and at its clock.
    pub(super) fn looks(&mut self, viewer: u32, now: u32, stage: &mut Stage<'_>) {
        let state = &mut self.viewers[viewer as usize];
        let mut now = now + HANDLER_MS;
        if stage.pool.must_read(state.environment, now) {
            state.attempts += 1;
            let given = self.window_reads.take_up_to(now, 1);
            stage.work.window_reads += given;
            stage.meter(Id::PartitionReads).count(now, 1, given);
            if given == 0 {
                let pause = stage
                    .retries
                    .pause(state.attempts.into(), &mut stage.random);
                return match pause {
                    Some(pause) => stage.wheel.push(now + pause, Event::Looks(viewer)),
                    None => self.tell(viewer, Outcome::Busy, now, stage),
                };
            }
            now += READ_MS;
            stage
                .pool
                .has_read(state.environment, now + self.window_kept_ms);
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
                match page::pause_ms(sent, left, random) {
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
