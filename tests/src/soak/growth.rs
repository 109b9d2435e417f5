//! The size of a process over time: memory and file descriptors, as Linux tells them.

use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

/// How long a server may take to reach its size: caches fill, and so does the window of segments.
const WARM_UP: Duration = Duration::from_secs(60);
/// How much of the memory after the warm-up may be added, in percent, and what is always allowed.
const MEMORY_PERCENT: u64 = 15;
const MEMORY_KIB: u64 = 8 * 1024;
/// How many file descriptors may be added: connections come and go.
const DESCRIPTORS: u64 = 12;

/// One look at the process.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Duration,
    memory_kib: u64,
    descriptors: u64,
}

/// The size of one process.
#[derive(Debug)]
pub struct Growth {
    pid: u32,
    samples: Vec<Sample>,
}

/// A size at the beginning, after the warm-up, and at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// After the warm-up.
    pub warm: u64,
    /// At the end.
    pub end: u64,
    /// The largest at any time.
    pub largest: u64,
}

impl Growth {
    /// Of a process that runs.
    pub fn of(pid: u32) -> Self {
        let samples = Vec::new();
        Self { pid, samples }
    }

    /// Looks at the process, so long after the beginning.
    ///
    /// # Errors
    /// When it has ended.
    pub fn sample(&mut self, at: Duration) -> anyhow::Result<()> {
        let gone = || format!("process {} has ended", self.pid);
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid));
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.pid));
        let memory_kib = resident(&status.with_context(gone)?).context("no VmRSS")?;
        let descriptors = open.with_context(gone)?.count() as u64;
        self.samples.push(Sample {
            at,
            memory_kib,
            descriptors,
        });
        Ok(())
    }

    /// The latest sizes, to be told.
    pub fn now(&self) -> String {
        self.samples.last().map_or_else(String::new, |sample| {
            format!(
                "{:.1} MiB, {} file descriptors",
                sample.memory_kib as f64 / 1024.0,
                sample.descriptors
            )
        })
    }

    /// The memory, in KiB.
    pub fn memory(&self) -> Option<Figures> {
        self.figures(|sample| sample.memory_kib)
    }

    /// The file descriptors.
    pub fn descriptors(&self) -> Option<Figures> {
        self.figures(|sample| sample.descriptors)
    }

    /// What has grown that should not have.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let (Some(memory), Some(descriptors)) = (self.memory(), self.descriptors()) else {
            return vec!["the server's size was not taken".into()];
        };
        let allowed = (memory.warm * MEMORY_PERCENT / 100).max(MEMORY_KIB);
        if memory.end > memory.warm + allowed {
            let (warm, end) = (memory.warm, memory.end);
            problems.push(format!("memory grew from {warm} to {end} KiB"));
        }
        if descriptors.end > descriptors.warm + DESCRIPTORS {
            let (warm, end) = (descriptors.warm, descriptors.end);
            problems.push(format!("file descriptors grew from {warm} to {end}"));
        }
        problems
    }

    /// Medians of a tenth of the time, or of five samples: single ones jump.
    fn figures(&self, value: impl Fn(&Sample) -> u64) -> Option<Figures> {
        let end = self.samples.last()?.at;
        let warm_at = WARM_UP.min(end / 2);
        let span = (self.samples.len() / 10).max(5).min(self.samples.len());
        let first_warm = self.samples.partition_point(|sample| sample.at < warm_at);
        let first_warm = first_warm.min(self.samples.len() - span);
        let median = |samples: &[Sample]| {
            let mut values: Vec<u64> = samples.iter().map(&value).collect();
            values.sort_unstable();
            values[values.len() / 2]
        };
        Some(Figures {
            warm: median(&self.samples[first_warm..first_warm + span]),
            end: median(&self.samples[self.samples.len() - span..]),
            largest: self.samples.iter().map(&value).max()?,
        })
    }
}

/// The resident memory in KiB, from `/proc/PID/status`.
fn resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(memory_kib: impl Fn(u64) -> u64, descriptors: impl Fn(u64) -> u64) -> Growth {
        let sample = |second| Sample {
            at: Duration::from_secs(second),
            memory_kib: memory_kib(second),
            descriptors: descriptors(second),
        };
        let samples = (0..600).map(sample).collect();
        Growth { pid: 0, samples }
    }

    #[test]
    fn what_grows_after_the_warm_up_is_found() {
        let warming = growth(|second| 20_000 + second.min(60) * 500, |_| 120);
        assert_eq!(warming.problems(), Vec::<String>::new());
        let leaking = growth(|second| 20_000 + second * 20, |_| 120);
        assert!(leaking.problems()[0].starts_with("memory grew from"));
        let opening = growth(|_| 20_000, |second| 120 + second / 10);
        assert!(opening.problems()[0].starts_with("file descriptors grew"));
    }

    #[test]
    fn a_single_jump_is_no_growth() {
        let jumping = growth(|second| 20_000 + u64::from(second == 599) * 90_000, |_| 120);
        assert_eq!(jumping.problems(), Vec::<String>::new());
        assert_eq!(jumping.memory().unwrap().largest, 110_000);
    }

    #[test]
    fn a_process_of_this_machine_has_a_size() {
        let mut own = Growth::of(std::process::id());
        own.sample(Duration::ZERO).unwrap();
        assert!(own.memory().unwrap().end > 500);
        assert!(own.descriptors().unwrap().end >= 3);
    }
}
