//! The calls of functions, as sums and as what each part of a test adds to them.

use std::collections::BTreeMap;

use stage::{Faults, Outputs, Watched};

/// How often what was called: by function, operation and, of DynamoDB, table.
pub(crate) type Sums = BTreeMap<String, u64>;

/// What calls with some text in them are counted by.
pub(crate) struct Calls {
    all: Watched,
    tables: Vec<(&'static str, Watched)>,
}

impl Calls {
    pub(crate) async fn about(faults: &Faults, outputs: &Outputs, text: &str) -> Self {
        let mut tables = Vec::new();
        for (name, table) in [
            ("answers", &outputs.answers_table),
            ("windows", &outputs.windows_table),
            ("tallies", &outputs.tallies_table),
            ("entitlements", &outputs.entitlements_table),
        ] {
            // With its quotation marks, so that no longer name is meant.
            let table = format!("\"{table}\"");
            tables.push((name, faults.watch(&[&table, text]).await.unwrap()));
        }
        let all = faults.watch(&[text]).await.unwrap();
        Self { all, tables }
    }

    /// All that was called so far.
    pub(crate) async fn now(&self) -> Sums {
        let mut sums = Sums::new();
        for seen in self.all.seen().await.unwrap() {
            if let Some(function) = seen.function
                && seen.service != "dynamodb"
            {
                sums.insert(format!("{function} {}", seen.operation), seen.calls);
            }
        }
        for (name, table) in &self.tables {
            for seen in table.seen().await.unwrap() {
                if let Some(function) = seen.function {
                    sums.insert(format!("{function} {} {name}", seen.operation), seen.calls);
                }
            }
        }
        sums
    }
}

/// What was called by one function.
pub(crate) fn of(sums: &Sums, function: &str) -> Sums {
    let of = |(call, _): &(&String, &u64)| call.split(' ').next() == Some(function);
    sums.iter()
        .filter(of)
        .map(|(call, count)| (call.clone(), *count))
        .collect()
}

/// What each part of a test has called.
#[derive(Default)]
pub(crate) struct Ledger {
    before: Sums,
    pub(crate) parts: BTreeMap<String, Sums>,
}

impl Ledger {
    /// Notes what has been called since the last part, for each of so many. What other functions do
    /// meanwhile is left out, and the windows that `answer-api` reads now and then: it keeps them
    /// for a second.
    ///
    /// # Panics
    /// When it is not the same for each.
    pub(crate) fn note(&mut self, part: &str, now: Sums, times: u64) {
        let mut sums = Sums::new();
        for (call, count) in &now {
            let aside = call.starts_with("live-tally")
                || call.starts_with("answer-recorder")
                || call == "answer-api GetItem windows";
            let more = count - self.before.get(call).copied().unwrap_or(0);
            if more > 0 && !aside {
                assert_eq!(more % times, 0, "{part}: {more} times {call} for {times}");
                sums.insert(call.clone(), more / times);
            }
        }
        self.before = now;
        self.add(part, sums);
    }

    /// Notes a part by itself.
    pub(crate) fn add(&mut self, part: &str, sums: Sums) {
        self.parts.insert(part.to_owned(), sums);
    }
}
