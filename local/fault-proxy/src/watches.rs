//! What is called: counted for whoever says beforehand what is to be counted.
//!
//! A watch keeps sums, by function, service and operation, and never the calls themselves: it stays
//! small however many there are.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::call::Call;

/// Which calls are counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Watch {
    /// Each of these is in the body, e.g. a table's name and the id of a run.
    #[serde(default)]
    pub contains: Vec<String>,
}

/// The calls of one function to one operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// The function, by its full name; none when it was called by something else.
    pub function: Option<String>,
    /// The service, as signatures name it.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// How often it was called and answered. An attempt that a client makes again counts again.
    pub calls: u64,
    /// Those among them whose answer was an error, also one that is wanted, as of a condition.
    pub failed: u64,
    /// What was sent, in bytes of the bodies.
    pub request_bytes: u64,
    /// What was answered.
    pub response_bytes: u64,
}

/// The watches that are kept.
#[derive(Debug, Default)]
pub struct Watches {
    state: Mutex<State>,
}

/// The watches that a call is counted by, and what it is counted as.
#[derive(Debug)]
pub struct Counted {
    watches: Vec<u64>,
    key: Key,
    request_bytes: u64,
}

type Key = (Option<String>, String, String);

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    watches: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    watch: Watch,
    seen: BTreeMap<Key, Seen>,
}

impl Watches {
    /// Begins to count. Returns the number the watch is known by.
    pub fn add(&self, watch: Watch) -> u64 {
        let mut state = self.state();
        state.last_id += 1;
        let id = state.last_id;
        let seen = BTreeMap::new();
        state.watches.insert(id, Entry { watch, seen });
        id
    }

    /// Ends a watch; whether there was one.
    pub fn remove(&self, id: u64) -> bool {
        self.state().watches.remove(&id).is_some()
    }

    /// What a watch has counted so far.
    pub fn seen(&self, id: u64) -> Option<Vec<Seen>> {
        Some(
            self.state()
                .watches
                .get(&id)?
                .seen
                .values()
                .cloned()
                .collect(),
        )
    }

    /// Whether anything is counted at all.
    pub fn any(&self) -> bool {
        !self.state().watches.is_empty()
    }

    /// By which watches a call is to be counted when it is answered.
    pub fn about(&self, call: &Call<'_>) -> Option<Counted> {
        let state = self.state();
        let of = |entry: &Entry| entry.watch.contains.iter().all(|text| call.contains(text));
        let watches = state.watches.iter().filter(|(_, entry)| of(entry));
        let watches: Vec<_> = watches.map(|(id, _)| *id).collect();
        (!watches.is_empty()).then(|| Counted {
            watches,
            key: (
                call.function.map(str::to_owned),
                call.service.clone(),
                call.operation.clone(),
            ),
            request_bytes: call.body.len() as u64,
        })
    }

    /// Counts a call that was answered with so many bytes.
    pub fn count(&self, counted: Counted, failed: bool, response_bytes: u64) {
        let mut state = self.state();
        for id in &counted.watches {
            // It may have ended meanwhile.
            let Some(entry) = state.watches.get_mut(id) else {
                continue;
            };
            let (function, service, operation) = counted.key.clone();
            let seen = entry.seen.entry(counted.key.clone()).or_insert(Seen {
                function,
                service,
                operation,
                calls: 0,
                failed: 0,
                request_bytes: 0,
                response_bytes: 0,
            });
            seen.calls += 1;
            seen.failed += u64::from(failed);
            seen.request_bytes += counted.request_bytes;
            seen.response_bytes += response_bytes;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(operation: &str, body: &'a [u8]) -> Call<'a> {
        Call {
            function: Some("cuepoint-answer-api"),
            service: "dynamodb".to_owned(),
            operation: operation.to_owned(),
            body,
        }
    }

    #[test]
    fn a_watch_adds_up_the_calls_that_it_is_about() {
        let watches = Watches::default();
        assert!(!watches.any());
        assert!(watches.about(&call("PutItem", b"run-7")).is_none());
        let contains = vec!["run-7".to_owned(), "answers".to_owned()];
        let id = watches.add(Watch { contains });
        assert!(watches.about(&call("PutItem", b"run-7 tallies")).is_none());
        for (operation, failed) in [("PutItem", false), ("PutItem", true), ("Query", false)] {
            let counted = watches.about(&call(operation, b"run-7 answers")).unwrap();
            watches.count(counted, failed, 100);
        }
        let seen = watches.seen(id).unwrap();
        let sums: Vec<_> = seen
            .iter()
            .map(|s| {
                (
                    &*s.operation,
                    s.calls,
                    s.failed,
                    s.request_bytes,
                    s.response_bytes,
                )
            })
            .collect();
        assert_eq!(sums, [("PutItem", 2, 1, 26, 200), ("Query", 1, 0, 13, 100)]);
        let late = watches.about(&call("Query", b"run-7 answers")).unwrap();
        assert!(watches.remove(id) && !watches.remove(id));
        watches.count(late, false, 1);
        assert_eq!(watches.seen(id), None);
    }
}
