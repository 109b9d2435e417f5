//! What is counted over time in a run.

use crate::limits::{Id, LIMITS};

/// Milliseconds of a bin.
pub const BIN_MS: u32 = 100;

/// How much happened in each tenth of a second.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Series(Vec<u64>);

impl Series {
    /// Adds to what happened at this time, in milliseconds.
    pub fn add(&mut self, at: u32, count: u64) {
        let bin = (at / BIN_MS) as usize;
        if self.0.len() <= bin {
            self.0.resize(bin + 1, 0);
        }
        self.0[bin] += count;
    }

    /// The most that happened within one second.
    pub fn busiest_second(&self) -> u64 {
        let second = (1_000 / BIN_MS) as usize;
        let windows = (0..self.0.len()).map(|from| {
            let to = (from + second).min(self.0.len());
            self.0[from..to].iter().sum()
        });
        windows.max().unwrap_or(0)
    }

    /// All of it.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// By tenth of a second, from the beginning.
    pub fn bins(&self) -> &[u64] {
        &self.0
    }
}

/// How a limit was met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meter {
    /// What was asked for.
    pub asked: Series,
    /// What was refused.
    pub refused: u64,
    /// When something was refused for the first time, in milliseconds.
    pub met_at: Option<u32>,
    /// The most at once, of what is counted that way.
    pub most: u64,
}

impl Meter {
    /// Counts what was asked for and how much of it was given.
    pub fn count(&mut self, at: u32, asked: u64, given: u64) {
        self.asked.add(at, asked);
        if given < asked {
            self.refused += asked - given;
            self.met_at.get_or_insert(at);
        }
    }

    /// Notes how many there are at once.
    pub fn at_once(&mut self, count: u64) {
        self.most = self.most.max(count);
    }
}

/// How each limit was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meters([Meter; LIMITS.len()]);

impl Default for Meters {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Meter::default()))
    }
}

impl Meters {
    /// How this one was.
    pub fn get(&self, id: Id) -> &Meter {
        &self.0[id.index()]
    }

    /// The same, to count.
    pub fn of(&mut self, id: Id) -> &mut Meter {
        &mut self.0[id.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_second_may_begin_at_any_tenth() {
        let mut series = Series::default();
        for at in (950..1_950).step_by(50) {
            series.add(at, 3);
        }
        // 950 lies in the tenth from 900: the second from there has 950 to 1,850, which are 19.
        assert_eq!(series.busiest_second(), 19 * 3);
        assert_eq!(series.total(), 60);
    }
}
