//! The end of a show: everyone asks for their own place. The page spreads that, and asks again after a
//! pause when it is refused.
//!
//! Times are milliseconds after the leaderboard was seen. It is seen at once by all, and everyone took
//! part in all questions.

use answer_collector::{
    histogram::Histogram,
    leaderboard_cache,
    store::answers::{BATCH_ATTEMPTS, BATCH_PAUSE},
};
use fastrand::Rng;

use crate::{
    bucket::Bucket,
    front::Front,
    house::House,
    limits::{Id, Limits},
    meter::{Meters, Series},
    page,
    plan::Plan,
    play::{Retries, halves},
    pool::Pool,
    timing::{NETWORK_MS, READ_MS, handler_ms},
    wheel::Wheel,
};

/// What a read unit reads.
const READ_UNIT_BYTES: u64 = 4_096;
/// What a leaderboard's item has beside the histogram: for each question its window, and the best. Assumed.
const WINDOW_BYTES: u64 = 250;
const BEST_BYTES: u64 = 1_000;
/// Of how many viewers the points are drawn to see how large their histogram is: of more it hardly grows.
const SAMPLE: u32 = 300_000;
/// What a right answer is worth, from the last moment to the first.
const POINTS: std::ops::RangeInclusive<u32> = 500..=1_000;

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// Viewers who were told their place.
    pub placed: Series,
    /// Viewers who were told that it cannot be read.
    pub unplaced: u64,
    /// When the last of those who were told was told.
    pub last_at: u32,
    /// How each limit was met.
    pub meters: Meters,
    /// Requests that the API was asked for, those that it refused included.
    pub requests: u64,
    /// Requests that reached `answer-api`.
    pub invocations: u64,
    /// How long its environments had them, in milliseconds, together.
    pub busy_ms: u64,
    /// Read units of a leaderboard, as it is read first.
    pub units_of_a_leaderboard: u64,
    /// Read units of all leaderboards that were read.
    pub leaderboard_units: u64,
    /// Read units of answers.
    pub answer_units: u64,
}

/// Something that happens to a viewer.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// Their request reaches the API.
    Asks(u32),
    /// Its environment looks at the leaderboard.
    Ranks(u32),
    /// It reads their answers.
    Adds(u32),
    /// It has an answer to the request.
    Told(u32),
}

/// Where a viewer's request stands.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    environment: u32,
    /// Answers that are not read yet.
    left: u16,
    /// How often the page has sent it.
    sent: u8,
    /// How often the present call was made.
    attempts: u8,
    placed: bool,
}

struct Ending<'a> {
    plan: &'a Plan,
    handler_ms: u32,
    viewers: Vec<State>,
    wheel: Wheel<Event>,
    random: Rng,
    front: Front,
    pool: Pool,
    retries: Retries,
    /// In half units: one item in one partition.
    leaderboard: Bucket,
    leaderboard_halves: u64,
    table: [(Id, Bucket); 2],
    ended: Ended,
}

/// Lets everyone ask.
pub fn end(plan: &Plan, house: &House, limits: &Limits) -> Ended {
    let mut random = Rng::with_seed(plan.seed);
    let mut wheel = Wheel::default();
    let spread = page::spread_ms(plan.audience).max(1);
    for viewer in 0..plan.audience {
        wheel.push(random.u32(0..spread) + NETWORK_MS, Event::Asks(viewer));
    }
    let bucket = |id| Bucket::new(limits.get(id), limits.get(id));
    let halves_a_second = 2 * limits.get(Id::PartitionReads);
    let leaderboard_halves = leaderboard_halves(plan, &mut random);
    let mut ending = Ending {
        viewers: vec![State::default(); plan.audience as usize],
        leaderboard_halves,
        plan,
        handler_ms: handler_ms(house.answer_api),
        wheel,
        random,
        front: Front::new(limits),
        pool: Pool::new(limits, plan.last_used_first),
        retries: Retries::of_the_services(),
        leaderboard: Bucket::new(halves_a_second, halves_a_second),
        table: [Id::TableReads, Id::WarmReads].map(|id| (id, bucket(id))),
        ended: Ended {
            units_of_a_leaderboard: leaderboard_halves.div_ceil(2),
            ..Ended::default()
        },
    };
    while let Some((now, events)) = ending.wheel.next() {
        for event in events {
            match event {
                Event::Asks(viewer) => ending.asks(viewer, now),
                Event::Ranks(viewer) => ending.ranks(viewer, now),
                Event::Adds(viewer) => ending.adds(viewer, now),
                Event::Told(viewer) => ending.told(viewer, now),
            }
        }
    }
    ending.ended
}

/// What the leaderboard takes to read, in half units.
fn leaderboard_halves(plan: &Plan, random: &mut Rng) -> u64 {
    let mut histogram = Histogram::default();
    for _ in 0..plan.audience.min(SAMPLE) {
        // A third of the answers is right.
        let right = (0..plan.questions)
            .filter(|_| random.u32(0..3) == 0)
            .count();
        histogram.add((0..right).map(|_| random.u32(POINTS)).sum());
    }
    let bytes =
        histogram.to_bytes().len() as u64 + u64::from(plan.questions) * WINDOW_BYTES + BEST_BYTES;
    bytes.div_ceil(READ_UNIT_BYTES) * halves(leaderboard_cache::READS[0])
}

impl Ending<'_> {
    fn asks(&mut self, viewer: u32, now: u32) {
        self.ended.requests += 1;
        self.viewers[viewer as usize].sent += 1;
        let Some(taken) = self.front.take(now, &mut self.pool, &mut self.ended.meters) else {
            return self.heard(viewer, now);
        };
        self.ended.invocations += 1;
        let state = &mut self.viewers[viewer as usize];
        state.environment = taken.environment;
        state.attempts = 0;
        let at = taken.ready_at + self.handler_ms;
        self.wheel.push(at, Event::Ranks(viewer));
    }

    /// The function has the leaderboard, or reads it.
    fn ranks(&mut self, viewer: u32, now: u32) {
        let state = &mut self.viewers[viewer as usize];
        let mut now = now;
        if self.pool.must_read(state.environment, now) {
            state.attempts += 1;
            let given = self.leaderboard.take_all(now, self.leaderboard_halves);
            let meter = self.ended.meters.of(Id::PartitionReads);
            meter.count(now, 1, u64::from(given));
            if !given {
                let pause = self.retries.pause(state.attempts.into(), &mut self.random);
                return match pause {
                    Some(pause) => self.wheel.push(now + pause, Event::Ranks(viewer)),
                    None => self.wheel.push(now, Event::Told(viewer)),
                };
            }
            self.ended.leaderboard_units += self.leaderboard_halves.div_ceil(2);
            now += READ_MS;
            let kept = leaderboard_cache::KEPT_FOR.as_millis();
            let until = now.saturating_add(u32::try_from(kept).unwrap_or(u32::MAX));
            self.pool.has_read(state.environment, until);
        }
        state.attempts = 0;
        state.left = u16::try_from(self.plan.questions).unwrap_or(u16::MAX);
        self.wheel.push(now, Event::Adds(viewer));
    }

    /// The function reads the viewer's answers, as many at a time as the table gives.
    fn adds(&mut self, viewer: u32, now: u32) {
        let state = &mut self.viewers[viewer as usize];
        let mut wanted = u64::from(state.left);
        for (id, bucket) in &mut self.table {
            let given = bucket.take_up_to(now, wanted);
            self.ended.meters.of(*id).count(now, wanted, given);
            wanted = given;
        }
        self.ended.answer_units += wanted;
        state.left -= u16::try_from(wanted).unwrap_or(0);
        state.attempts += 1;
        state.placed = state.left == 0;
        let attempts = u32::from(state.attempts);
        let (pause, event) = match state.placed || attempts >= BATCH_ATTEMPTS {
            true => (0, Event::Told(viewer)),
            false => ((BATCH_PAUSE * attempts).as_millis(), Event::Adds(viewer)),
        };
        let pause = u32::try_from(pause).unwrap_or(u32::MAX);
        self.wheel.push(now + READ_MS + pause, event);
    }

    fn told(&mut self, viewer: u32, now: u32) {
        let State { environment, .. } = self.viewers[viewer as usize];
        self.ended.busy_ms += u64::from(self.pool.give_back(environment, now));
        self.heard(viewer, now);
    }

    /// The page has its answer, and may ask again.
    fn heard(&mut self, viewer: u32, now: u32) {
        let heard = now + NETWORK_MS;
        let State { placed, sent, .. } = self.viewers[viewer as usize];
        if placed {
            self.ended.placed.add(heard, 1);
            self.ended.last_at = self.ended.last_at.max(heard);
            return;
        }
        // Of the viewer's own browser: what others do does not change it.
        let browser = u64::from(viewer) << 8 | u64::from(sent);
        let random = Rng::with_seed(self.plan.seed.wrapping_add(browser)).f64();
        match page::FOR_A_READ.pause_ms(sent, 0, random) {
            Some(pause) => {
                let again = heard + pause + NETWORK_MS;
                self.wheel.push(again, Event::Asks(viewer));
            }
            None => self.ended.unplaced += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advice::boundless;

    fn plan(audience: u32) -> Plan {
        Plan::of(audience, 10)
    }

    fn ends(plan: &Plan, limits: &Limits) -> Ended {
        end(plan, &House::read(), limits)
    }

    #[test]
    fn without_limits_everyone_is_told_once_and_within_the_spread() {
        // 5,000 in two seconds, and 12 answers each.
        let ended = ends(&plan(5_000), &boundless());
        assert_eq!((ended.placed.total(), ended.unplaced), (5_000, 0));
        assert_eq!((ended.requests, ended.answer_units), (5_000, 60_000));
        let latest =
            2_000 + 2 * NETWORK_MS + handler_ms(House::read().answer_api) + 2 * READ_MS + 150;
        assert!(
            (1_900..=latest).contains(&ended.last_at),
            "{}",
            ended.last_at
        );
        let busiest = ended.meters.get(Id::StageRate).asked.busiest_second();
        assert!((2_300..2_700).contains(&busiest), "{busiest}");
    }

    #[test]
    fn a_table_that_gives_less_is_asked_again_until_everyone_is_told() {
        // 5,000 want 60,000 units in two seconds; 20,000 are there at once, and 10,000 a second.
        let limits = boundless().with(Id::TableReads, 10_000);
        let ended = ends(&plan(5_000), &limits);
        assert!(ended.meters.get(Id::TableReads).refused > 0);
        assert!(ended.requests > 5_000);
        assert_eq!((ended.placed.total(), ended.unplaced), (5_000, 0));
        assert!(ended.last_at > 5_000, "{}", ended.last_at);
    }

    #[test]
    fn each_environment_reads_the_leaderboard_once_as_fast_as_its_partition_gives_it() {
        // 200 environments in turn, for each the whole leaderboard.
        let mut plan = plan(5_000);
        let all = boundless().with(Id::Provisioned, 200);
        let free = ends(&plan, &all);
        let units = free.units_of_a_leaderboard;
        assert_eq!(free.leaderboard_units, 200 * units);
        // The one that was used last is mostly free again.
        plan.last_used_first = true;
        let fewer = ends(&plan, &all).leaderboard_units;
        assert!(fewer < free.leaderboard_units / 2, "{fewer}");
        plan.last_used_first = false;
        // Some twenty leaderboards at once, and as many a second: most environments have to wait.
        let limits = all.with(Id::PartitionReads, 10 * units);
        let slow = ends(&plan, &limits);
        assert!(slow.meters.get(Id::PartitionReads).refused > 0);
        assert_eq!(slow.placed.total() + slow.unplaced, 5_000);
        assert!(slow.requests > 5_000);
    }

    #[test]
    fn whom_the_api_refuses_asks_five_times() {
        let limits = boundless().with(Id::StageRate, 0).with(Id::StageBurst, 100);
        let ended = ends(&plan(1_000), &limits);
        assert_eq!((ended.placed.total(), ended.unplaced), (100, 900));
        assert_eq!(ended.requests, 100 + 900 * 5);
    }
}
