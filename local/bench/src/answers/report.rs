//! The figures: as tables, as a section of the page, and whether they are good enough.

use documents::tables::{markdown, plain};
use serde::Serialize;

use super::{
    accept,
    record::Recorded,
    stream,
    tally::{self, Case},
};
use crate::{
    side_by_side::{self, Words, titles},
    statistics::rounded,
    whole::{Figures, Plan},
};

/// The fewest answers that the handler takes per second and core.
const LEAST_ANSWERS: f64 = 10_000.0;
/// How much faster than the better of Python and Node the whole function is at least.
const LEAST_FACTOR: f64 = 5.0;

/// How many answers are tallied and ranked in time, and in how many milliseconds.
const MILLION: u64 = 1_000_000;
/// See [`MILLION`].
const MOST_MILLIS: f64 = 3_000.0;

/// What is said of the functions.
const WORDS: Words<'_> = Words {
    event: "an answer in time of a viewer who has not\nanswered before: one DynamoDB PutItem with its condition, and every 5 to 10 seconds a GetItem of the window",
    cold_start: "",
    compared: "the same answers and write the same items",
    kept: "the SDK's client is made once and kept, and a window is\nkept for 5 to 10 seconds",
    left_out: "Both take answers only: results and leaderboard are left out, and names are cleaned more simply.",
    services: "DynamoDB takes",
    least_factor: LEAST_FACTOR,
};

/// What was measured. As JSON, what is promised to programs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Results {
    /// Through the handler.
    accept: Accept,
    /// Records of the stream per second and core, by the size of their batches.
    stream: Vec<Batches>,
    /// Final tallies and leaderboards, on two cores.
    tallies: Vec<Case>,
    /// Answers that were recorded, on one core.
    recorded: Recorded,
    /// The whole functions: Rust first.
    functions: Vec<Function>,
    #[serde(skip)]
    figures: Vec<Figures>,
}

/// An answer through the handler, on one core.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Accept {
    /// Answers per second.
    per_second: f64,
    /// CPU time of each, in microseconds.
    cpu_us: f64,
    /// What of it is the call of DynamoDB.
    call_us: f64,
    /// What of it is reading the event and writing the response.
    json_us: f64,
    /// What is left.
    own_us: f64,
    /// What of it the stand-in for DynamoDB takes, inside the call's.
    memory_us: f64,
    /// What the call takes by the operation that the SDK generates.
    sdk_us: f64,
}

/// Records of the stream, on one core.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Batches {
    /// How many records come together.
    batch: u64,
    /// Records per second.
    per_second: f64,
    /// CPU time of each, in microseconds.
    cpu_us: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Function {
    #[serde(flatten)]
    figures: Figures,
    /// CPU time of one invocation.
    cpu_ms: f64,
    /// Invocations per second one after the other, waiting included.
    one_by_one_per_second: f64,
}

impl Results {
    pub(super) fn new(
        accept: accept::Rates,
        stream: stream::Rates,
        tallies: Vec<Case>,
        recorded: Recorded,
        figures: Vec<Figures>,
    ) -> Self {
        let micros = |rate: f64| 1e6 / rate;
        let all = micros(accept.answers);
        let (call, json) = (micros(accept.call), micros(accept.json));
        let function = |figures: &Figures| Function {
            cpu_ms: figures.cpu_ms,
            one_by_one_per_second: figures.one_by_one,
            figures: figures.clone(),
        };
        Self {
            accept: Accept {
                // Not rounded up to what is accepted.
                per_second: accept.answers.floor(),
                cpu_us: rounded(all, 1),
                call_us: rounded(call, 1),
                json_us: rounded(json, 1),
                own_us: rounded(all - call - json, 1),
                memory_us: rounded(micros(accept.memory), 1),
                sdk_us: rounded(micros(accept.sdk), 1),
            },
            stream: stream::RECORDS
                .into_iter()
                .zip(stream.records)
                .map(|(batch, rate)| Batches {
                    batch,
                    per_second: rate.floor(),
                    cpu_us: rounded(micros(rate), 1),
                })
                .collect(),
            tallies: tallies.into_iter().map(Case::rounded).collect(),
            recorded: Recorded {
                cpu_us: rounded(recorded.cpu_us, 2),
                ..recorded
            },
            functions: figures.iter().map(function).collect(),
            figures,
        }
    }

    /// What is not as good as it has to be, in whole lines.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let answers = self.accept.per_second;
        if answers < LEAST_ANSWERS {
            complaints.push(format!(
                "the handler takes {answers:.0} answers per second and core: \
                 {LEAST_ANSWERS:.0} is the least"
            ));
        }
        for case in &self.tallies {
            let took = case.tally_ms + case.leaderboard_ms;
            if case.answers == MILLION && took >= MOST_MILLIS {
                complaints.push(format!(
                    "final tally and leaderboard of {MILLION} answers in {} shards take {took:.0} ms: \
                     less than {MOST_MILLIS:.0} ms is asked for",
                    case.shards
                ));
            }
        }
        complaints.extend(side_by_side::complaint(&self.figures, LEAST_FACTOR));
        complaints
    }

    fn accept_rows(&self) -> Vec<Vec<String>> {
        let Accept {
            cpu_us,
            call_us,
            json_us,
            own_us,
            sdk_us,
            ..
        } = self.accept;
        let row = |what: &str, micros: f64| {
            let share = format!("{:.0} %", micros / cpu_us * 100.0);
            let rate = format!("{:.0}", 1e6 / micros);
            vec![what.to_owned(), format!("{micros:.1} µs"), share, rate]
        };
        vec![
            titles(["on one core", "CPU each", "of all", "per second"]),
            row("an answer: event in, response out", cpu_us),
            row("of it the call: PutItem", call_us),
            row("of it JSON of event and response", json_us),
            row("of it the rest, with the line in the log", own_us),
            row("beside it: the call by the SDK's operation", sdk_us),
        ]
    }

    fn stream_rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![titles(["records in a batch", "per second", "CPU each"])];
        rows.extend(self.stream.iter().map(|batches| {
            vec![
                batches.batch.to_string(),
                format!("{:.0}", batches.per_second),
                format!("{:.1} µs", batches.cpu_us),
            ]
        }));
        rows
    }

    fn tally_rows(&self) -> Vec<Vec<String>> {
        let mut rows = vec![titles([
            "answers",
            "shards",
            "tally",
            "leaderboard",
            "both, for each answer",
            "CPU of both",
            "memory",
            "of it before",
        ])];
        rows.extend(self.tallies.iter().map(|case| {
            let both = case.tally_ms + case.leaderboard_ms;
            vec![
                case.answers.to_string(),
                case.shards.to_string(),
                format!("{:.0} ms", case.tally_ms),
                format!("{:.0} ms", case.leaderboard_ms),
                format!("{:.2} µs", both * 1e3 / case.answers as f64),
                format!("{:.0} ms", case.cpu_ms),
                format!("{:.1} MB", case.memory_mb),
                format!("{:.1} MB", case.idle_mb),
            ]
        }));
        rows
    }

    fn record_rows(&self) -> Vec<Vec<String>> {
        let Recorded {
            answers,
            shards,
            events,
            cpu_us,
        } = self.recorded;
        vec![
            titles([
                "answers recorded",
                "shards",
                "events",
                "CPU each",
                "CPU of all",
            ]),
            vec![
                answers.to_string(),
                shards.to_string(),
                events.to_string(),
                format!("{cpu_us:.2} µs"),
                format!("{:.0} ms", cpu_us * answers as f64 / 1e3),
            ],
        ]
    }

    /// The figures for a terminal.
    pub(super) fn tables(&self) -> String {
        format!(
            "{}\n\n{}\n\n{}\n\n{}\n{}",
            plain(&self.accept_rows()),
            plain(&self.stream_rows()),
            plain(&self.tally_rows()),
            plain(&self.record_rows()),
            side_by_side::table(&self.figures)
        )
    }

    /// The section of the page. `machine` and `versions` are sentences about what was used.
    pub(super) fn section(&self, machine: &str, plan: Plan, versions: &[String]) -> String {
        let accept = markdown(&self.accept_rows());
        let functions = side_by_side::section(&self.figures, plan, versions, &WORDS);
        let rows = [self.stream_rows(), self.tally_rows(), self.record_rows()];
        let [stream, tallies, recorded] = rows.map(|rows| markdown(&rows));
        let (partitions, times) = (stream::PARTITIONS, tally::TIMES);
        let rendered = self.tallies.last().map_or(0.0, |case| case.stub_ms);
        let slice = accept::SLICE.as_millis();
        let Accept {
            memory_us: memory,
            sdk_us,
            call_us,
            ..
        } = self.accept;
        let factor = sdk_us / call_us;
        format!(
            "## Answers: `cargo xtask bench answers`

{machine}

### An answer through the handler

{accept}

An event as Lambda hands it over goes in as JSON, and the response comes out as JSON: the caller's claims,
the body, the window (kept for some seconds), the name, the write, the receipt and the line in the log, which
goes nowhere. The client of DynamoDB is the function's own, with its configuration, its signatures and its retries; only what
it would send goes no further than a function in the same process, which answers from memory ({memory:.1} µs of
the call). {LEAST_ANSWERS:.0} answers per second and core is the least that the command accepts.

The first answer of a process is written by the operation that the SDK generates. Those after it fill in and sign
the request that the SDK made then, and go through the same HTTP client; what does not succeed is handed back to
the SDK. The last line is the same write by the SDK's operation each time: {factor:.1} times as much.

The parts take turns of {slice} ms in one thread on one core, counted in the time that the thread had the
core; each figure is the median of its turns. The rest is what is left of the whole.

### The stream's records, counted live

{stream}

A batch of new answers of {partitions} partitions goes through the handler of `live-tally`, on one core: as JSON in, one
GetItem and one UpdateItem for each partition, answered from memory as above. 1,000 is the most that a batch
has here.

### The final tally and the leaderboard

{tallies}

What the saga asks of `answer-saga` after a question, through its handler, on two cores: the tally, which counts every
answer, and the leaderboard, which ranks every viewer. Every case has a process of its own, does both {times} times and
shows the median; its memory is the most that was ever resident, in MB of 1,048,576 bytes. DynamoDB is answered
from memory as above, in pages of 1 MB of items, which are rendered as they are asked for: {rendered:.0} ms of the CPU
time of the last case. {MOST_MILLIS:.0} ms is what both together take at most for a million answers, or the command
fails.

### The answers, recorded

{recorded}

An order to record goes through the handler of `answer-recorder`, on one core: every page of answers is read, packed
into events and published. DynamoDB and EventBridge are answered from memory, which is counted with it; the median of
{times} times.

{functions}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::side_by_side::tests::functions;

    fn results(answers: f64, million_ms: f64, rates: [f64; 3]) -> Results {
        let accept = accept::Rates {
            answers,
            call: 20_000.0,
            json: 100_000.0,
            memory: 1_000_000.0,
            sdk: 5_000.0,
        };
        let stream = stream::Rates {
            records: [90_000.0, 50_000.0],
        };
        let case = |answers: u64, both_ms: f64| Case {
            answers,
            shards: 10,
            tally_ms: both_ms / 2.0,
            leaderboard_ms: both_ms / 2.0,
            cpu_ms: both_ms,
            stub_ms: 1.0,
            memory_mb: 20.0,
            idle_mb: 12.0,
        };
        // Only a million has to be there in time.
        let tallies = vec![case(1_000, 9_000.0), case(MILLION, million_ms)];
        let recorded = Recorded {
            answers: 1_000,
            shards: 10,
            events: 2,
            cpu_us: 2.006,
        };
        Results::new(accept, stream, tallies, recorded, functions(rates))
    }

    #[test]
    fn figures_that_are_too_low_are_complained_about() {
        let good = results(10_000.0, 2_999.0, [500.0, 99.0, 100.0]);
        assert_eq!(good.complaints(), [""; 0]);
        let bad = results(9_999.9, 3_000.0, [499.0, 100.0, 99.0]).complaints();
        assert_eq!(bad.len(), 3, "{bad:?}");
        assert!(bad[0].contains("9999 answers"), "{bad:?}");
        assert!(bad[1].contains("10 shards take 3000 ms"), "{bad:?}");
        assert!(bad[2].contains("5.0 times"), "{bad:?}");
    }

    #[test]
    fn the_parts_of_an_answer_add_up() {
        let Accept {
            cpu_us,
            call_us,
            json_us,
            own_us,
            ..
        } = results(10_000.0, 1.0, [9.0, 1.0, 1.0]).accept;
        assert_eq!(
            (cpu_us, call_us, json_us, own_us),
            (100.0, 50.0, 10.0, 40.0)
        );
    }

    #[test]
    fn programs_get_the_same_figures() {
        let value = serde_json::to_value(results(1e4, 1.0, [9.0, 1.0, 1.0]));
        let value = value.unwrap();
        assert_eq!(value["accept"]["perSecond"], 10_000.0);
        assert_eq!(value["stream"][0]["batch"], 1_000);
        assert_eq!(value["tallies"][1]["answers"], 1_000_000);
        assert_eq!(value["recorded"]["cpuUs"], 2.01);
        assert_eq!(value["functions"][2]["name"], "node");
        assert_eq!(value["functions"][0]["cpuMs"], 0.3);
        assert_eq!(value["functions"][0]["oneByOnePerSecond"], 4.5);
    }
}
