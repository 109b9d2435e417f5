//! The figures: as tables, as a section of the page, and whether they are good enough.

use documents::tables::{markdown, plain};
use serde::Serialize;

use crate::{
    side_by_side::{self, Words, titles},
    whole::{Figures, Plan},
};

/// The least of the bare signing rate that the handler reaches.
const LEAST_RATIO: f64 = 0.90;
/// How much faster than the better of Python and Node the whole function is at least.
const LEAST_FACTOR: f64 = 3.0;

/// What is said of the functions.
const WORDS: Words<'_> = Words {
    event: "a request of an entitled viewer: one DynamoDB\nGetItem, one signature, one EventBridge PutEvents",
    cold_start: "The secret is read in that time.",
    compared: "the same answers, the same claims and the same announcements; every signature is\nverified",
    kept: "SDK clients, the secret and the parsed key are made once\nand kept",
    left_out: "Both leave out the limit per viewer and the\nchecks of channels and keys at the start, which only `token-api` has.",
    services: "DynamoDB and EventBridge take",
    least_factor: LEAST_FACTOR,
};

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
    /// What is not as good as it has to be, in whole lines.
    pub(super) fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.ratio < LEAST_RATIO {
            complaints.push(format!(
                "the handler reaches {:.3} of the bare signing rate: {LEAST_RATIO:.2} is the least",
                self.ratio
            ));
        }
        complaints.extend(side_by_side::complaint(&self.functions, LEAST_FACTOR));
        complaints
    }

    fn handler_rows(&self) -> Vec<Vec<String>> {
        let row = |what: &str, rate: f64| {
            let share = format!("{:.3}", rate / self.raw_per_second);
            vec![what.to_owned(), format!("{rate:.0}"), share]
        };
        vec![
            titles(["on one core", "per second", "of bare"]),
            row("bare P-384 signature, aws-lc-rs", self.raw_per_second),
            row("token: request in, response out", self.handler_per_second),
            row(
                "the same with JSON read and written",
                self.with_json_per_second,
            ),
        ]
    }

    /// The figures for a terminal.
    pub(super) fn tables(&self) -> String {
        format!(
            "{}\n\n{}",
            plain(&self.handler_rows()),
            side_by_side::table(&self.functions)
        )
    }

    /// The section of the page. `machine` and `versions` are sentences about what was used.
    pub(super) fn section(&self, machine: &str, plan: Plan, versions: &[String]) -> String {
        let handler = markdown(&self.handler_rows());
        let functions = side_by_side::section(&self.functions, plan, versions, &WORDS);
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

{functions}",
            slice = super::handler::SLICE.as_millis(),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::side_by_side::tests::functions;

    fn results(ratio: f64, rates: [f64; 3]) -> Results {
        Results {
            handler_per_second: 11_000.0,
            raw_per_second: 12_000.0,
            ratio,
            with_json_per_second: 10_000.0,
            functions: functions(rates),
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
}
