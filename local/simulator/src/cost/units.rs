//! What a test has measured on the deployed functions: `tests/tests/units.rs` holds the file to it.

use std::collections::BTreeMap;

use serde::Deserialize;

const MEASURED: &str = include_str!("../units.json");

/// What the headers of an answer of the API weigh, in bytes. Assumed.
const REPLY_HEADERS: f64 = 400.0;
/// What Lambda itself logs of an invocation: its start, its end and its report, in bytes. Assumed, as
/// the emulator logs otherwise.
pub const PLATFORM_LOG_BYTES: u64 = 330;
/// What the API logs of a request, in the form that `infra/app.yaml` gives it, in bytes. Assumed, as
/// the emulator does not log it.
pub const ACCESS_LOG_BYTES: u64 = 250;
/// What a write unit writes.
const WRITE_UNIT: f64 = 1_024.0;
/// What a read unit reads.
const READ_UNIT: f64 = 4_096.0;
/// In how many shards the measured questions were.
const SHARDS: u64 = 2;

/// Calls and sizes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Units {
    /// How often what is called in a part, by function, operation and table.
    pub calls: BTreeMap<String, BTreeMap<String, u64>>,
    /// How large what is, in bytes.
    pub bytes: BTreeMap<String, f64>,
}

impl Units {
    /// As they are written.
    pub fn read() -> Self {
        serde_json::from_str(MEASURED).expect("the file is of this form: a test reads it")
    }

    /// How often a call is made in a part; never, if it was not seen.
    pub fn calls(&self, part: &str, call: &str) -> u64 {
        let calls = self.calls.get(part);
        calls
            .and_then(|calls| calls.get(call))
            .copied()
            .unwrap_or(0)
    }

    fn bytes(&self, what: &str) -> f64 {
        self.bytes.get(what).copied().unwrap_or(0.0)
    }

    /// An answer's item, in bytes.
    pub fn answer_bytes(&self) -> f64 {
        self.bytes("answerItem")
    }

    /// What leaves AWS for an answer of the API, in bytes.
    pub fn reply_bytes(&self) -> f64 {
        self.bytes("answerReply") + REPLY_HEADERS
    }

    /// What is logged of a request of the API: by it, by its function and by Lambda.
    pub fn request_log_bytes(&self) -> f64 {
        let line = self.bytes("answerLogLine");
        line + (PLATFORM_LOG_BYTES + ACCESS_LOG_BYTES) as f64
    }

    /// Write units of an accepted answer.
    pub fn answer_writes(&self) -> u64 {
        let part = "an accepted answer";
        let writes = self.calls(part, "answer-api PutItem answers")
            + self.calls(part, "answer-api UpdateItem answers");
        writes * (self.answer_bytes() / WRITE_UNIT).ceil() as u64
    }

    /// Read units of an accepted answer while it is taken.
    pub fn answer_reads(&self) -> u64 {
        self.calls("an accepted answer", "answer-api GetItem answers")
    }

    /// Read units of all answers of a question, which are read whole for the final tally, for the
    /// record and, once a show, for the leaderboard.
    pub fn question_reads(&self, answers: u64) -> u64 {
        let readings: u64 = [
            ("a tally of two shards", "answer-saga Query answers"),
            ("recording two shards", "answer-recorder Query answers"),
            (
                "a leaderboard of one question in two shards",
                "answer-saga Query answers",
            ),
        ]
        .iter()
        .map(|(part, call)| self.calls(part, call))
        .sum();
        let once = answers as f64 * self.answer_bytes() / READ_UNIT;
        (readings as f64 / SHARDS as f64 * once).ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_written_once_and_read_three_times() {
        let units = Units::read();
        assert_eq!((units.answer_writes(), units.answer_reads()), (1, 0));
        let bytes = units.answer_bytes();
        assert!((150.0..400.0).contains(&bytes), "{bytes}");
        let expected = (3.0 * 1_000_000.0 * bytes / 4_096.0).ceil();
        assert_eq!(units.question_reads(1_000_000), expected as u64);
        assert_eq!(
            units.calls("an accepted answer", "answer-api no such call"),
            0
        );
    }
}
