//! Compares code in this process: each contender in turn for a short slice of time, over and over,
//! so that what disturbs the machine disturbs all of them alike. What is counted is the time that the
//! CPU gave to the contender, not the time on the wall: rates are per second and core.

use std::{io, time::Duration};

use rustix::time::{ClockId, clock_gettime};

use crate::{cpus, statistics::median};

/// Code that is measured. It is called with a number that counts up from 0.
pub struct Contender<'a> {
    work: Box<dyn FnMut(usize) + Send + 'a>,
    calls: usize,
    rates: Vec<f64>,
}

impl std::fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contender")
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}

impl<'a> Contender<'a> {
    /// One call is one unit of work.
    pub fn new(work: impl FnMut(usize) + Send + 'a) -> Self {
        Self {
            work: Box::new(work),
            calls: 0,
            rates: Vec::new(),
        }
    }

    /// The median over its slices, in calls per second of a core.
    pub fn per_second(&self) -> f64 {
        median(&self.rates)
    }

    fn run(&mut self, slice: Duration) -> f64 {
        let before = self.calls;
        let started = thread_time();
        loop {
            (self.work)(self.calls);
            self.calls += 1;
            let elapsed = thread_time() - started;
            if elapsed >= slice {
                return (self.calls - before) as f64 / elapsed.as_secs_f64();
            }
        }
    }
}

/// The time that this thread has had a CPU.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let part = |part| u64::try_from(part).unwrap_or_default();
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// Runs the contenders in turn on one CPU, so many rounds of one slice each, after one round that
/// does not count.
///
/// # Errors
/// When the system does not give the CPU.
pub fn compare(
    cpu: usize,
    contenders: &mut [Contender<'_>],
    slice: Duration,
    rounds: usize,
) -> io::Result<()> {
    let run = || {
        cpus::stay_on(cpu)?;
        for contender in contenders.iter_mut() {
            contender.run(slice);
        }
        for _ in 0..rounds {
            for contender in contenders.iter_mut() {
                let rate = contender.run(slice);
                contender.rates.push(rate);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let thread = scope.spawn(run);
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn contenders_take_turns_and_count_their_calls() {
        let turns = Mutex::new(Vec::new());
        let contender = |name| {
            let turns = &turns;
            Contender::new(move |call| turns.lock().unwrap().push((name, call)))
        };
        let mut contenders = [contender('a'), contender('b')];
        // A slice of no time is over after one call.
        let cpu = cpus::Cpus::choose().unwrap().measured;
        compare(cpu, &mut contenders, Duration::ZERO, 2).unwrap();
        assert!(
            contenders
                .iter()
                .all(|contender| contender.per_second() > 0.0)
        );
        drop(contenders);
        let expected = [('a', 0), ('b', 0), ('a', 1), ('b', 1), ('a', 2), ('b', 2)];
        assert_eq!(turns.into_inner().unwrap(), expected);
    }
}
