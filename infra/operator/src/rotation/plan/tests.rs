//! A world with functions that start, sign and are still told the old thing, in which rotations are
//! killed anywhere: nothing that may still be in use is ever deleted.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const TIMEOUT: i64 = 10;
const TOKEN: i64 = 20;
const SKEW: i64 = 15;

fn key(name: &str) -> Key {
    let half = PublicHalf {
        fingerprint: format!("fp-{name}"),
        pem: String::new(),
    };
    Key {
        version: format!("v-{name}"),
        half,
    }
}

fn pair(name: &str) -> Pair {
    Pair {
        arn: format!("arn-{name}"),
        name: String::new(),
        fingerprint: format!("fp-{name}"),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn skew() -> Duration {
    Duration::from_secs(SKEW.unsigned_abs())
}

/// A stack at rest: key `a` is current, and IVS knows it and one of somebody else.
fn at_rest() -> Seen {
    Seen {
        current: key("a"),
        pending: None,
        old: Vec::new(),
        pairs: vec![pair("a"), pair("foreign")],
        signer: Signer {
            version: None,
            update: Update::Successful,
            settled: at(0),
            timeout: Duration::from_secs(TIMEOUT.unsigned_abs()),
            longest_token: Duration::from_secs(TOKEN.unsigned_abs()),
        },
    }
}

#[test]
fn every_interruption_point_has_its_next_step() {
    let next = |seen: &Seen| super::next(seen, skew());
    let mut seen = at_rest();
    assert_eq!(next(&seen), None, "nothing is under way");

    seen.pending = Some(key("b"));
    assert_eq!(next(&seen), Some(Step::Import(key("b"))));

    seen.pairs.push(pair("b"));
    let to = key("b");
    let from = "v-a".to_owned();
    assert_eq!(next(&seen), Some(Step::Promote { to, from }));

    seen.current = key("b");
    seen.old = vec![key("a")];
    assert_eq!(next(&seen), Some(Step::Unstage("v-b".into())));

    seen.pending = None;
    assert_eq!(next(&seen), Some(Step::Point("v-b".into())));
    seen.signer.version = Some("v-a".into());
    assert_eq!(
        next(&seen),
        Some(Step::Point("v-b".into())),
        "an earlier rotation's"
    );

    seen.signer.version = Some("v-b".into());
    seen.signer.update = Update::InProgress;
    assert_eq!(next(&seen), Some(Step::AwaitUpdate));
    seen.signer.update = Update::Failed("why".into());
    assert_eq!(next(&seen), Some(Step::Point("v-b".into())));

    seen.signer.update = Update::Successful;
    seen.signer.settled = at(1_000);
    let pairs = vec![pair("a")];
    let not_before = at(1_000 + 10 + TIMEOUT + TOKEN + SKEW);
    assert_eq!(next(&seen), Some(Step::Retire { pairs, not_before }));

    seen.pairs.retain(|known| *known != pair("a"));
    assert_eq!(next(&seen), None, "it is over");
}

#[test]
fn a_current_key_that_ivs_does_not_know_is_imported_before_anyone_is_told() {
    let mut seen = at_rest();
    seen.current = key("by-hand");
    seen.old = vec![key("a")];
    assert_eq!(next(&seen, skew()), Some(Step::Import(key("by-hand"))));
    seen.pairs.push(pair("by-hand"));
    assert_eq!(next(&seen, skew()), Some(Step::Point("v-by-hand".into())));
}

#[test]
fn a_key_that_comes_back_is_not_retired() {
    let mut seen = at_rest();
    // The same key again, in another version.
    seen.old = vec![Key {
        version: "v-first".into(),
        ..key("a")
    }];
    assert_eq!(next(&seen, skew()), None);
    assert_eq!(seen.foreign_pairs(), [&pair("foreign")]);
}

#[test]
fn a_dry_run_names_every_step() {
    let lines = outline(&at_rest(), skew()).join("\n");
    let order = [
        "make a key",
        "import",
        "current",
        "AWSPENDING off",
        "tell",
        "delete key fp-a",
    ];
    let places: Vec<_> = order.iter().map(|word| lines.find(word)).collect();
    assert!(places.iter().all(Option::is_some), "{lines}");
    assert!(places.is_sorted(), "{lines}");
    assert!(!lines.contains("foreign"), "{lines}");
}

/// A function that runs: what it signs with, and until when it may.
struct Running {
    fingerprint: String,
    ends: i64,
}

/// What happens besides the steps.
#[derive(Debug, Clone)]
enum Event {
    /// Time passes.
    Pass(i64),
    /// A function starts.
    Start,
    /// The operator takes the next step, if any, or begins a rotation.
    Step,
    /// The operator is killed, and a new one looks.
    Kill,
    /// The same, but between a call that worked and all that follows.
    Deploy,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        12 => (1..12_i64).prop_map(Event::Pass),
        6 => Just(Event::Start),
        12 => Just(Event::Step),
        1 => Just(Event::Kill),
        1 => Just(Event::Deploy),
    ];
    prop::collection::vec(event, 1..200)
}

/// AWS, the viewers and their clocks.
struct World {
    seen: Seen,
    now: i64,
    /// Since when this operator has seen that the function is told.
    noticed: Option<i64>,
    running: Vec<Running>,
    /// By fingerprint, when the last token ends that was signed with it.
    tokens: BTreeMap<String, i64>,
    keys: u32,
}

impl World {
    fn new() -> Self {
        let seen = at_rest();
        Self {
            seen,
            now: 0,
            noticed: None,
            running: Vec::new(),
            tokens: BTreeMap::new(),
            keys: 0,
        }
    }

    /// What a function that starts now reads.
    fn told(&self) -> String {
        let seen = &self.seen;
        let all = || seen.old.iter().chain([&seen.current]).chain(&seen.pending);
        let version = seen
            .signer
            .version
            .as_ref()
            .unwrap_or(&seen.current.version);
        all()
            .find(|key| key.version == *version)
            .unwrap()
            .half
            .fingerprint
            .clone()
    }

    fn play(&mut self, event: &Event) {
        match event {
            Event::Pass(seconds) => {
                self.now += seconds;
                self.sign();
            }
            Event::Start => {
                // It stays warm for as long as its configuration is not left behind.
                let (fingerprint, ends) = (self.told(), i64::MAX);
                self.running.push(Running { fingerprint, ends });
                self.sign();
            }
            Event::Step => self.step(),
            Event::Kill => self.noticed = None,
            Event::Deploy => {
                // A deployment takes away what the template does not say.
                self.seen.signer.version = None;
                self.reconfigured();
            }
        }
        self.check();
    }

    /// Viewers ask all the time, and whoever runs answers, until its end.
    fn sign(&mut self) {
        for function in &self.running {
            // Clocks differ: the token's end is by the function's.
            let end = function.ends.min(self.now) + TOKEN + SKEW;
            let last = self
                .tokens
                .entry(function.fingerprint.clone())
                .or_insert(end);
            *last = end.max(*last);
        }
    }

    /// Lambda has a new configuration: what runs may start and run to its end, and no longer.
    fn reconfigured(&mut self) {
        let last = self.now + 10 + TIMEOUT;
        for function in &mut self.running {
            function.ends = function.ends.min(last);
        }
        self.noticed = None;
    }

    fn step(&mut self) {
        let since = *self.noticed.get_or_insert(self.now);
        self.seen.signer.settled = at(since);
        match next(&self.seen, skew()) {
            None => {
                self.keys += 1;
                self.seen.pending = Some(key(&format!("{}", self.keys)));
            }
            Some(Step::Retire { not_before, .. }) if at(self.now) < not_before => {}
            Some(step) => {
                self.seen.take(&step);
                if matches!(step, Step::Point(_)) {
                    self.reconfigured();
                }
            }
        }
    }

    /// Whatever may be in use is known to IVS.
    fn check(&self) {
        let known = |fingerprint: &str| self.seen.is_known(fingerprint);
        for (fingerprint, end) in &self.tokens {
            assert!(
                *end <= self.now || known(fingerprint),
                "a token of {fingerprint} at {}",
                self.now
            );
        }
        for Running { fingerprint, ends } in &self.running {
            assert!(
                *ends <= self.now || known(fingerprint),
                "a function with {fingerprint}"
            );
        }
        assert!(known("fp-foreign"), "it was not ours");
        assert!(known(&self.told()), "a function that starts now");
    }
}

proptest! {
    #[test]
    fn nothing_that_may_be_in_use_is_ever_deleted(events in events()) {
        let mut world = World::new();
        for event in &events {
            world.play(event);
        }
        // Left alone, it ends with one pair of ours.
        for _ in 0..12 {
            if next(&world.seen, skew()).is_none() && world.seen.pending.is_none() {
                break;
            }
            world.play(&Event::Step);
            world.play(&Event::Pass(60));
        }
        prop_assert_eq!(next(&world.seen, skew()), None);
        let ours = world.seen.pairs.iter().filter(|pair| pair.fingerprint != "fp-foreign");
        prop_assert_eq!(ours.count(), 1);
    }
}
