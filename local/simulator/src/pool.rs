//! The execution environments of `answer-api`, and what is left for other functions.
//!
//! Lambda limits three things: how many environments the account has at once, how many new ones a
//! function gets in ten seconds, and how many requests a second each unit of concurrency is good
//! for. Which idle environment gets the next request AWS does not say. If it is the one that has
//! waited longest, more of them have to read the window than if it is the one that was used last.

use std::collections::VecDeque;

use crate::{
    bucket::Bucket,
    limits::{Id, Limits},
    timing::COLD_START_MS,
};

/// An environment that has a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Which.
    pub environment: u32,
    /// From when on it works, in milliseconds.
    pub ready_at: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Environment {
    /// Until when the window that it has read is used.
    window_until: u32,
    /// Since when it has its request.
    since: u32,
}

/// The environments.
#[derive(Debug)]
pub struct Pool {
    environments: Vec<Environment>,
    idle: VecDeque<u32>,
    last_used_first: bool,
    /// Of other functions.
    others: u64,
    concurrency: u64,
    per_unit: u64,
    /// What requests a second are counted by.
    units: u64,
    requests: Bucket,
    ramp: Bucket,
}

impl Pool {
    /// Those that are ready from the start, and the limits for more.
    pub fn new(limits: &Limits, last_used_first: bool) -> Self {
        let concurrency = limits.get(Id::Concurrency);
        // What is provisioned is part of what the account may have.
        let provisioned = limits.get(Id::Provisioned).min(concurrency);
        let per_unit = limits.get(Id::RequestsPerEnvironment);
        let ramp = limits.get(Id::ScalingRate);
        let count = u32::try_from(provisioned).unwrap_or(u32::MAX);
        Self {
            environments: vec![Environment::default(); count as usize],
            idle: (0..count).collect(),
            last_used_first,
            others: 0,
            concurrency,
            per_unit,
            units: provisioned,
            requests: Bucket::new(per_unit * provisioned, provisioned),
            ramp: Bucket::new(ramp / 10, ramp),
        }
    }

    /// An environment for a request.
    ///
    /// # Errors
    /// The limit that is in the way.
    pub fn take(&mut self, now: u32) -> Result<Taken, Id> {
        if self.idle.is_empty() && self.environments() + self.others >= self.concurrency {
            return Err(Id::Concurrency);
        }
        if !self.requests.take(now) {
            self.grow(now)?;
        }
        let idle = match self.last_used_first {
            true => self.idle.pop_back(),
            false => self.idle.pop_front(),
        };
        let (environment, ready_at) = match idle {
            Some(environment) => (environment, now),
            None => (self.start(now)?, now + COLD_START_MS),
        };
        self.environments[environment as usize].since = now;
        Ok(Taken {
            environment,
            ready_at,
        })
    }

    /// The request is answered. Says how long the environment had it.
    pub fn give_back(&mut self, environment: u32, now: u32) -> u32 {
        self.idle.push_back(environment);
        now - self.environments[environment as usize].since
    }

    /// Whether the environment has to read the window, which it then keeps for so long.
    pub fn must_read(&self, environment: u32, now: u32) -> bool {
        now >= self.environments[environment as usize].window_until
    }

    /// The environment has read the window.
    pub fn has_read(&mut self, environment: u32, until: u32) {
        self.environments[environment as usize].window_until = until;
    }

    /// An environment for another function.
    pub fn take_other(&mut self) -> bool {
        let free = self.at_once() < self.concurrency;
        if free {
            self.others += 1;
        }
        free
    }

    /// That of another function is free.
    pub fn give_back_other(&mut self) {
        self.others -= 1;
    }

    /// How many are at work.
    pub fn at_once(&self) -> u64 {
        (self.environments.len() - self.idle.len()) as u64 + self.others
    }

    /// How many of `answer-api` there are.
    pub fn environments(&self) -> u64 {
        self.environments.len() as u64
    }

    /// One more unit of concurrency for requests a second.
    fn grow(&mut self, now: u32) -> Result<(), Id> {
        if self.units >= self.concurrency {
            return Err(Id::RequestsPerEnvironment);
        }
        if !self.ramp.take(now) {
            return Err(Id::ScalingRate);
        }
        self.units += 1;
        self.requests.grow(now, self.per_unit);
        Ok(())
    }

    fn start(&mut self, now: u32) -> Result<u32, Id> {
        if self.environments() >= self.units {
            self.grow(now)?;
        }
        self.environments.push(Environment::default());
        Ok(u32::try_from(self.environments.len() - 1).expect("fewer than viewers"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn limits() -> Limits {
        Limits::default()
            .with(Id::Concurrency, 5_000)
            .with(Id::ScalingRate, 1_000)
    }

    #[test]
    fn a_function_gets_a_thousand_environments_at_once_and_then_a_hundred_a_second() {
        // Requests that never end need one each: 1,000 at once; by 2.5 s another 250.
        let mut pool = Pool::new(&limits(), false);
        let mut taken = 0;
        for now in 0..=2_500 {
            while pool.take(now).is_ok() {
                taken += 1;
            }
        }
        assert_eq!(taken, 1_000 + 250);
        assert_eq!(pool.take(2_500), Err(Id::ScalingRate));
    }

    #[test]
    fn a_unit_is_good_for_ten_requests_a_second_however_short_they_are() {
        // 100 units, no more: each first request makes its unit, which brings one every 100 ms from
        // then on. A second later each has brought ten.
        let mut pool = Pool::new(&limits().with(Id::Concurrency, 100), false);
        let mut answered = 0;
        for now in 0..=1_000 {
            while let Ok(taken) = pool.take(now) {
                pool.give_back(taken.environment, now);
                answered += 1;
            }
        }
        assert_eq!(answered, 100 + 100 * 10);
        assert_eq!(pool.take(1_000), Err(Id::RequestsPerEnvironment));
        assert_eq!(
            pool.environments(),
            1,
            "one is enough for requests that take no time"
        );
    }

    #[test]
    fn what_is_provisioned_is_there_at_once_and_starts_warm() {
        let mut pool = Pool::new(&limits().with(Id::Provisioned, 3_000), false);
        let taken = (0..4_000).filter_map(|_| pool.take(0).ok());
        let warm = taken.filter(|taken| taken.ready_at == 0).count();
        assert_eq!(warm, 3_000);
        assert_eq!(
            pool.environments(),
            4_000,
            "and the thousand that come as ever"
        );
    }

    #[test]
    fn which_environment_is_used_again_is_a_matter_of_the_plan() {
        let mut used = [false, true].map(|last_used_first| {
            let mut pool = Pool::new(&limits().with(Id::Provisioned, 3), last_used_first);
            let used: BTreeSet<_> = (0..9)
                .map(|now| {
                    let environment = pool.take(now * 1_000).unwrap().environment;
                    pool.give_back(environment, now * 1_000);
                    environment
                })
                .collect();
            used.len()
        });
        used.reverse();
        assert_eq!(used, [1, 3]);
    }

    #[test]
    fn other_functions_have_their_part() {
        let mut pool = Pool::new(&limits().with(Id::Concurrency, 2), false);
        assert!(pool.take_other());
        assert!(pool.take(0).is_ok());
        assert_eq!(pool.take(0), Err(Id::Concurrency));
        assert!(!pool.take_other());
        pool.give_back_other();
        assert!(pool.take(0).is_ok());
    }
}
