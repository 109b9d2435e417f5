//! The figures: as tables, as a section of the page, and whether they are good enough.

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::whole::Figures;

/// The least of the bare signing rate that the handler reaches.
const LEAST_RATIO: f64 = 0.90;
/// How much faster than the better of Python and Node the whole function is at least.
const LEAST_FACTOR: f64 = 3.0;

/// What was measured. As JSON, what is promised to programs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Results {
    /// Tokens per second and core through the handler.
    pub(super) handler_per_second: f64,
    /// Bare signatures per second and core.
    pub(super) raw_per_second: f64,
    /// The first of the second.
    pub(super) ratio: f64,
    /// Tokens per second and core with JSON read and written.
    #[serde(skip)]
    pub(super) with_json_per_second: f64,
    /// The whole functions: Rust first.
    pub(super) functions: Vec<Figures>,
}

impl Results {
    /// How many times the better of the other functions' rate the first one reaches.
    fn factor(&self) -> f64 {
        let mut rates = self.functions.iter().map(|function| function.per_second);
        let first = rates.next().unwrap_or_default();
        let best = rates.fold(0.0, f64::max);
        match best > 0.0 {
            true => first / best,
            false => 0.0,
        }
    }

    /// What is not as good as it has to be, in whole lines.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.ratio < LEAST_RATIO {
            complaints.push(format!(
                "the handler reaches {:.3} of the bare signing rate: {LEAST_RATIO:.2} is the least",
                self.ratio
            ));
        }
        if self.factor() < LEAST_FACTOR {
            complaints.push(format!(
                "the function in Rust is {:.1} times as fast as the better of the others: \
                 {LEAST_FACTOR:.0} times is the least",
                self.factor()
            ));
        }
        complaints
    }

    fn handler_rows(&self) -> Vec<Vec<String>> {
        let row = |what: &str, rate: f64| {
            let share = format!("{:.3}", rate / self.raw_per_second);
            vec![what.to_owned(), format!("{rate:.0}"), share]
        };
        let titles = ["on one core", "per second", "of bare"];
        vec![
            titles.map(str::to_owned).to_vec(),
            row("bare P-384 signature, aws-lc-rs", self.raw_per_second),
            row("token: request in, response out", self.handler_per_second),
            row(
                "the same with JSON read and written",
                self.with_json_per_second,
            ),
        ]
    }

    fn function_rows(&self) -> Vec<Vec<String>> {
        let titles = [
            "function",
            "cold start",
            "warm p50",
            "warm p99",
            "per second",
            "CPU each",
            "memory",
        ];
        let mut rows = vec![titles.map(str::to_owned).to_vec()];
        rows.extend(self.functions.iter().map(|function| {
            vec![
                function.name.clone(),
                format!("{:.1} ms", function.cold_start_ms),
                format!("{:.3} ms", function.warm_p50_ms),
                format!("{:.3} ms", function.warm_p99_ms),
                format!("{:.0}", function.per_second),
                format!("{:.2} ms", function.cpu_ms),
                format!("{:.1} MB", function.memory_mb),
            ]
        }));
        rows
    }

    /// The figures for a terminal.
    pub(super) fn tables(&self) -> String {
        let factor = self.factor();
        format!(
            "{}\n\n{}\n\nThe whole function in Rust: {factor:.1} times the better of the others.\n",
            plain(&self.handler_rows()),
            plain(&self.function_rows()),
        )
    }

    /// The section of the page. `machine` and `versions` are sentences about what was used.
    pub(super) fn section(&self, machine: &str, versions: &[String]) -> String {
        let [handler, functions] =
            [self.handler_rows(), self.function_rows()].map(|rows| markdown(&rows));
        let versions: Vec<String> = versions.iter().map(|text| format!("- {text}\n")).collect();
        let (versions, factor) = (versions.concat(), self.factor());
        let ratio = self.ratio;
        format!(
            "## Playback tokens: `cargo xtask bench tokens`

{machine}

### The handler beside the bare signature

{handler}
A playback token is signed with ECDSA on P-384, and no token can be had for less than that signature. The
first line is that signature alone: aws-lc-rs, the key parsed once and kept, as many bytes as a token has.
The second is what `token-api` does between its calls to AWS, but for its line in the log: who is calling and how
often, the body, the decision, the claims, the signature, the announcement and the response. It reaches {ratio:.3} of the first;
{LEAST_RATIO:.2} is the least that the command accepts. The third line adds reading the request from the JSON
that Lambda hands over and writing the response as JSON.

The three take turns of {slice} ms in one thread on one core, counted in the time that the thread had the
core; each figure is the median of its turns.

### The whole function beside the same in Python and Node

{functions}
Each function is a process of its own, driven over the Lambda Runtime API on this machine, one event at a
time, as an execution environment of Lambda is. Every event is a request of an entitled viewer: one DynamoDB
GetItem, one signature, one EventBridge PutEvents. The functions take turns, and the one that has its turn
has a core to itself. On another one, if the machine has it, are the driver and a stub that answers the calls
to AWS from memory; neither sleeps meanwhile. Before anything is measured, all three get the same requests,
good and bad, and must give the same answers, the same claims and the same announcements; every signature is
verified.

- *Cold start*: from the start of the process to its first poll for an event, the median of {starts}
  processes. The secret is read in that time. The programs were read from disk before.
- *Warm p50, p99*: from the event being handed over until the response was in.
- *Per second*: events one after the other, the median of {rounds} turns. The function in Rust handles
  {factor:.1} times what the better of the others does; {LEAST_FACTOR:.0} times is the least accepted.
- *CPU each*: what one event took of the function's own core, all its threads together.
- *Memory*: the most that was resident, in MB of 1,048,576 bytes.

The other two are written as careful users would: SDK clients, the secret and the parsed key are made once
and kept. They are in `local/bench/functions/`. Both leave out the limit per viewer and the
checks of channels and keys at the start, which only `token-api` has. For Node the loop over the Runtime API is written out, because AWS's client for it has to be compiled
from C++; for Python it is AWS's own. Neither is bundled or pre-compiled. The function in Rust is the program
that every command here builds, with the profile `lambda`: the libraries under every call optimised
(`opt-level = 3`), our own code and the generated clients of AWS hardly (1), nothing across crates.

{versions}
**What this does not say.** On AWS, DynamoDB and EventBridge take some milliseconds each, which are the same
for every language and more than what is measured here. A cold start there also fetches the code and starts
the environment. So these figures say how much of a function's time and memory is its own doing, which is
what is billed on top of the waiting, and nothing about what a viewer waits for in all.
",
            slice = super::handler::SLICE.as_millis(),
            starts = super::PLAN.cold_starts,
            rounds = super::PLAN.rounds,
        )
    }
}

/// A table for a terminal; the first row has the titles, the first column is text.
fn plain(rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// The same as Markdown.
fn markdown(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
        if number == 0 {
            text.push_str("| --- |");
            text.push_str(&" ---: |".repeat(row.len() - 1));
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn results(ratio: f64, rates: [f64; 3]) -> Results {
        let names = ["rust", "python", "node"];
        let functions = names
            .into_iter()
            .zip(rates)
            .map(|(name, per_second)| Figures {
                name: name.to_owned(),
                cold_start_ms: 7.0,
                warm_p50_ms: 0.4,
                warm_p99_ms: 0.9,
                per_second,
                cpu_ms: 0.3,
                memory_mb: 12.5,
            });
        Results {
            handler_per_second: 11_000.0,
            raw_per_second: 12_000.0,
            ratio,
            with_json_per_second: 10_000.0,
            functions: functions.collect(),
        }
    }

    #[test]
    fn figures_that_are_too_low_are_complained_about() {
        assert!(results(0.90, [900.0, 100.0, 300.0]).complaints().is_empty());
        let low = results(0.899, [899.0, 300.0, 100.0]).complaints();
        assert_eq!(low.len(), 2, "{low:?}");
        assert!(
            low[0].contains("0.899") && low[1].contains("3.0 times"),
            "{low:?}"
        );
        assert_eq!(results(1.0, [900.0, 0.0, 0.0]).complaints().len(), 1);
    }

    #[test]
    fn programs_get_what_they_were_promised_and_nothing_else() {
        let value = serde_json::to_value(results(0.917, [900.0, 100.0, 300.0])).unwrap();
        let keys = |value: &Value| {
            let object = value.as_object().unwrap();
            object
                .keys()
                .cloned()
                .collect::<std::collections::BTreeSet<_>>()
        };
        let expected = json!({
            "handlerPerSecond": 0, "rawPerSecond": 0, "ratio": 0, "functions": 0,
        });
        assert_eq!(keys(&value), keys(&expected));
        let expected = json!({
            "name": 0, "coldStartMs": 0, "warmP50Ms": 0, "warmP99Ms": 0, "perSecond": 0, "memoryMb": 0,
        });
        assert_eq!(keys(&value["functions"][0]), keys(&expected));
    }

    #[test]
    fn a_row_of_markdown_has_the_columns_of_its_titles() {
        let text = markdown(&results(0.9, [9.0, 1.0, 2.0]).function_rows());
        let columns: Vec<_> = text.lines().map(|line| line.matches('|').count()).collect();
        assert_eq!(columns, [8; 5]);
    }
}
