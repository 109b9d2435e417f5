//! All rules that are in force, and what they have hit.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use crate::{
    call::Call,
    rule::{Action, Rule},
};

/// How often a rule was about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Count {
    /// The calls that it was about.
    pub matched: u64,
    /// Those among them that it hit.
    pub hits: u64,
}

/// The rules, oldest first. Of those that would hit a call the oldest does.
#[derive(Debug, Default)]
pub struct Rules {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    rules: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    rule: Rule,
    count: Count,
    random: Option<Rng>,
}

impl Rules {
    /// Puts a rule into force. Returns the number it is known by.
    pub fn add(&self, rule: Rule) -> u64 {
        let mut state = self.state();
        state.last_id += 1;
        let id = state.last_id;
        let random = rule.chance.map(|chance| Rng::with_seed(chance.seed));
        let entry = Entry {
            rule,
            count: Count::default(),
            random,
        };
        state.rules.insert(id, entry);
        id
    }

    /// Takes a rule out of force; whether there was one.
    pub fn remove(&self, id: u64) -> bool {
        self.state().rules.remove(&id).is_some()
    }

    /// What a rule has hit so far.
    pub fn count(&self, id: u64) -> Option<Count> {
        Some(self.state().rules.get(&id)?.count)
    }

    /// Whether a rule asks who calls.
    pub fn ask_for_the_caller(&self) -> bool {
        let state = self.state();
        let mut rules = state.rules.values();
        rules.any(|entry| entry.rule.asks_for_the_caller())
    }

    /// What is to happen to a call, and by which rule.
    pub fn decide(&self, call: &Call<'_>) -> Option<(u64, Action)> {
        let mut decided = None;
        for (id, entry) in &mut self.state().rules {
            if !entry.rule.is_about(call) {
                continue;
            }
            let hits = entry.draw();
            entry.count.matched += 1;
            if hits && decided.is_none() {
                entry.count.hits += 1;
                decided = Some((*id, entry.rule.action.clone()));
            }
        }
        decided
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Whether the next call that the rule is about is to be hit.
    fn draw(&mut self) -> bool {
        if self.count.matched < self.rule.skip {
            return false;
        }
        let drawn = match (&mut self.random, self.rule.chance) {
            (Some(random), Some(chance)) => random.f64() < chance.probability,
            _ => true,
        };
        drawn && self.rule.times.is_none_or(|most| self.count.hits < most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str) -> Call<'static> {
        Call {
            function: None,
            service: "dynamodb".to_owned(),
            operation: operation.to_owned(),
            body: b"{}",
        }
    }

    #[test]
    fn it_skips_then_hits_so_many_times_then_no_more() {
        let rules = Rules::default();
        let rule = Rule::new(Action::Fail).skip(1).times(2);
        let id = rules.add(rule.to("dynamodb", "PutItem"));
        let hit = |operation| rules.decide(&call(operation)).is_some();
        assert!(!hit("GetItem"));
        let puts: Vec<_> = (0..5).map(|_| hit("PutItem")).collect();
        assert_eq!(puts, [false, true, true, false, false]);
        let count = Count {
            matched: 5,
            hits: 2,
        };
        assert_eq!(rules.count(id), Some(count));
        assert!(rules.remove(id) && !rules.remove(id));
        assert_eq!(rules.count(id), None);
    }

    #[test]
    fn the_oldest_hits_and_the_others_count() {
        let rules = Rules::default();
        let counting = rules.add(Rule::new(Action::Fail).times(0));
        let first = rules.add(Rule::new(Action::Throttle).times(1));
        let second = rules.add(Rule::new(Action::Fail));
        let by: Vec<_> = (0..2).map(|_| rules.decide(&call("Query"))).collect();
        let expected = [(first, Action::Throttle), (second, Action::Fail)];
        assert_eq!(by, expected.map(Some));
        let count = |matched, hits| Some(Count { matched, hits });
        assert_eq!(rules.count(counting), count(2, 0));
        assert_eq!(rules.count(second), count(2, 1));
        assert!(rules.remove(second));
        assert_eq!(rules.decide(&call("Query")), None);
        let next = rules.add(Rule::new(Action::Fail));
        assert!(next > second, "numbers come once");
    }

    #[test]
    fn a_seed_draws_the_same_again() {
        let draw = |seed| {
            let rules = Rules::default();
            rules.add(Rule::new(Action::Fail).by_chance(0.3, seed));
            let hits = (0..1_000).map(|_| rules.decide(&call("Query")).is_some());
            hits.collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let hits = draw(7).iter().filter(|hit| **hit).count();
        assert!((200..400).contains(&hits), "{hits} of 1,000");
    }
}
