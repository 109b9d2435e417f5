//! What `cargo xtask bench answers` has measured, in nanoseconds of a whole CPU: it writes the file.

use serde::Deserialize;

const FIGURES: &str = include_str!("../../../docs/benchmarks-answers.json");

/// How large the audience is whose tally counts here, and in how many shards it is: the largest.
const TALLY: (u64, u64) = (1_000_000, 100);
/// The function that is ours.
const OURS: &str = "rust";

/// What an answer takes of a whole CPU, in nanoseconds, to two digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The whole function `answer-api`, for an answer that it accepts.
    pub take: u64,
    /// `live-tally`, in a full batch.
    pub add: u64,
    /// `answer-saga`, in the final tally.
    pub count: u64,
    /// The same in the leaderboard.
    pub rank: u64,
    /// `answer-recorder`, in a large audience.
    pub record: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Figures {
    stream: Vec<Batches>,
    tallies: Vec<Tally>,
    recorded: Recorded,
    functions: Vec<Function>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batches {
    batch: u64,
    cpu_us: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tally {
    answers: u64,
    shards: u64,
    tally_ms: f64,
    leaderboard_ms: f64,
    /// Of both.
    cpu_ms: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    cpu_us: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Function {
    name: String,
    cpu_ms: f64,
}

impl Measured {
    /// As it is written.
    pub fn read() -> Self {
        let figures: Figures =
            serde_json::from_str(FIGURES).expect("it is of this form: a test reads it");
        Self::of(&figures).expect("it has all that is needed: a test reads it")
    }

    fn of(figures: &Figures) -> Option<Self> {
        let ours = figures.functions.iter().find(|each| each.name == OURS)?;
        let full = figures.stream.iter().max_by_key(|each| each.batch)?;
        let tally = figures
            .tallies
            .iter()
            .find(|each| (each.answers, each.shards) == TALLY)?;
        // Both keep the same CPUs busy, each for its time.
        let each = tally.cpu_ms * 1e6 / tally.answers as f64;
        let counting = tally.tally_ms / (tally.tally_ms + tally.leaderboard_ms);
        Some(Self {
            take: two_digits(ours.cpu_ms * 1e6),
            add: two_digits(full.cpu_us * 1e3),
            count: two_digits(each * counting),
            rank: two_digits(each * (1.0 - counting)),
            record: two_digits(figures.recorded.cpu_us * 1e3),
        })
    }
}

/// Rounded up to two digits: more are different each time that it is measured.
fn two_digits(nanos: f64) -> u64 {
    let whole = nanos.ceil() as u64;
    let step = 10_u64.pow(whole.checked_ilog10().unwrap_or(0).saturating_sub(1));
    whole.div_ceil(step) * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_as_computed_by_hand() {
        let figures = r#"{
            "accept": {"perSecond": 1.0},
            "stream": [{"batch": 100, "cpuUs": 28.0}, {"batch": 1000, "cpuUs": 20.71}],
            "tallies": [
                {"answers": 1000000, "shards": 10, "tallyMs": 1, "leaderboardMs": 1, "cpuMs": 1},
                {"answers": 1000000, "shards": 100, "tallyMs": 100, "leaderboardMs": 700, "cpuMs": 1440}
            ],
            "recorded": {"answers": 1000000, "cpuUs": 2.04},
            "functions": [{"name": "node", "cpuMs": 1.5}, {"name": "rust", "cpuMs": 0.47}]
        }"#;
        let figures = serde_json::from_str(figures).unwrap();
        let expected = Measured {
            take: 470_000,
            add: 21_000,
            count: 180,
            rank: 1_300,
            record: 2_100,
        };
        assert_eq!(Measured::of(&figures), Some(expected));
        // What is written can be read, and is of the same order.
        let written = Measured::read();
        assert!((10..2_000).contains(&written.count), "{written:?}");
        assert!(
            written.take > written.add && written.add > written.rank,
            "{written:?}"
        );
    }
}
