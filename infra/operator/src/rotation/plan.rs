//! What a rotation does next, from what can be seen of it and from nothing else.
//!
//! A rotation that is killed anywhere leaves one of these states, and [`next`] goes on from there:
//!
//! | seen | next |
//! | --- | --- |
//! | a version staged `AWSPENDING`, its pair unknown to IVS | import it |
//! | …, its pair known to IVS | make it current |
//! | …, and it is current already | take the stage off |
//! | the current version's pair unknown to IVS | import it |
//! | the functions sign with another version, or an old pair is known to IVS and they name none | bring it to the functions |
//! | an old pair known to IVS | wait until nothing signed with it can be in use, then delete it |
//! | none of these | nothing: the rotation is over |

use std::{fmt, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::{function::Update, ivs::Pair, keys::PublicHalf};

/// A version of the secret, and the key it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The version's id.
    pub version: String,
    /// What anyone may know of the key.
    pub half: PublicHalf,
}

/// What can be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The version staged `AWSCURRENT`.
    pub current: Key,
    /// The version staged `AWSPENDING`.
    pub pending: Option<Key>,
    /// The keys of all other versions that still hold one.
    pub old: Vec<Key>,
    /// What IVS knows.
    pub pairs: Vec<Pair>,
    /// The function that signs.
    pub signer: Signer,
}

/// The function that signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The version it is told to sign with; none: the current one when it starts.
    pub version: Option<String>,
    /// Whether functions that start from now on are told so.
    pub update: Update,
    /// Since when that is known. Not before the update was successful.
    pub settled: Timestamp,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// How long its tokens live at most.
    pub longest_token: Duration,
}

/// One step of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Make the public half known to IVS.
    Import(Key),
    /// Make the pending key the current one.
    Promote {
        /// The pending key.
        to: Key,
        /// The version that is current now.
        from: String,
    },
    /// Take `AWSPENDING` off the version, which is current.
    Unstage(String),
    /// Tell the functions to sign with this version.
    Point(String),
    /// Wait until the functions have been told.
    AwaitUpdate,
    /// Let IVS forget these pairs, not before this time.
    Retire {
        /// Pairs of keys that this secret held before.
        pairs: Vec<Pair>,
        /// From then on nothing signed with them can be in use.
        not_before: Timestamp,
    },
}

/// A step as the plan of a dry run has it.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Import(key) => write!(f, "import key {} at IVS", key.half.fingerprint),
            Self::Promote { to, .. } => write!(f, "make version {} current", to.version),
            Self::Unstage(version) => write!(f, "take AWSPENDING off version {version}"),
            Self::Point(version) => write!(f, "tell the function to sign with version {version}"),
            Self::AwaitUpdate => write!(f, "wait until the function has been told"),
            Self::Retire { pairs, .. } => {
                let keys: Vec<_> = pairs.iter().map(|pair| pair.fingerprint.as_str()).collect();
                let keys = keys.join(", ");
                write!(
                    f,
                    "when nothing signed with it can be in use: delete key {keys} from IVS"
                )
            }
        }
    }
}

/// How long Lambda lets a function start, before an invocation counts ("Lambda quotas").
const INITIALISATION: Duration = Duration::from_secs(10);

/// The next step of a rotation; none when none is under way. `skew` is how far clocks may differ.
pub fn next(seen: &Seen, skew: Duration) -> Option<Step> {
    if let Some(pending) = &seen.pending {
        return Some(if pending.version == seen.current.version {
            Step::Unstage(pending.version.clone())
        } else if !seen.is_known(&pending.half.fingerprint) {
            Step::Import(pending.clone())
        } else {
            Step::Promote {
                to: pending.clone(),
                from: seen.current.version.clone(),
            }
        });
    }
    if !seen.is_known(&seen.current.half.fingerprint) {
        return Some(Step::Import(seen.current.clone()));
    }
    let old = seen.old_pairs();
    match &seen.signer.version {
        Some(version) if *version == seen.current.version => {}
        None if old.is_empty() => {}
        _ => return Some(Step::Point(seen.current.version.clone())),
    }
    if old.is_empty() {
        return None;
    }
    Some(match seen.signer.update {
        Update::Successful => Step::Retire {
            pairs: old,
            not_before: unused_from(&seen.signer, skew),
        },
        Update::InProgress => Step::AwaitUpdate,
        // A function that could not take the change goes on as before it: it has to be told again.
        Update::Failed(_) => Step::Point(seen.current.version.clone()),
    })
}

/// From when on nothing that was signed with another key than the functions are told can be in use:
/// a function that was already starting when they were told has ended, and so has the longest token
/// that it can have signed last, by every clock.
fn unused_from(signer: &Signer, skew: Duration) -> Timestamp {
    let longest = INITIALISATION + signer.timeout + signer.longest_token + skew;
    let longest = SignedDuration::try_from(longest).unwrap_or(SignedDuration::MAX);
    signer
        .settled
        .saturating_add(longest)
        .unwrap_or(Timestamp::MAX)
}

/// Everything a run would do, a line a step.
pub fn outline(seen: &Seen, skew: Duration) -> Vec<String> {
    let mut seen = seen.clone();
    let mut lines = Vec::new();
    if next(&seen, skew).is_none() {
        lines.push("make a key, as a version of the secret staged AWSPENDING".to_owned());
        let new = || "(the new one)".to_owned();
        let half = PublicHalf {
            fingerprint: new(),
            pem: new(),
        };
        let version = new();
        seen.pending = Some(Key { version, half });
    }
    while let Some(step) = next(&seen, skew) {
        lines.push(step.to_string());
        seen.take(&step);
    }
    lines
}

impl Seen {
    /// What is seen after a step was taken.
    fn take(&mut self, step: &Step) {
        match step {
            Step::Import(key) => self.pairs.push(Pair {
                arn: String::new(),
                name: String::new(),
                fingerprint: key.half.fingerprint.clone(),
            }),
            Step::Promote { to, .. } => {
                let before = std::mem::replace(&mut self.current, to.clone());
                self.old.push(before);
            }
            Step::Unstage(_) => self.pending = None,
            Step::Point(version) => {
                self.signer.version = Some(version.clone());
                self.signer.update = Update::Successful;
            }
            Step::AwaitUpdate => self.signer.update = Update::Successful,
            Step::Retire { pairs, .. } => self.pairs.retain(|pair| !pairs.contains(pair)),
        }
    }

    fn is_known(&self, fingerprint: &str) -> bool {
        self.pairs
            .iter()
            .any(|pair| pair.fingerprint == fingerprint)
    }

    /// The pairs at IVS whose key this secret held before and neither holds now nor will next.
    fn old_pairs(&self) -> Vec<Pair> {
        let in_use = |fingerprint: &str| {
            let keys = self.pending.iter().chain([&self.current]);
            keys.into_iter()
                .any(|key| key.half.fingerprint == fingerprint)
        };
        let old = |pair: &&Pair| {
            let ours = self
                .old
                .iter()
                .any(|key| key.half.fingerprint == pair.fingerprint);
            ours && !in_use(&pair.fingerprint)
        };
        self.pairs.iter().filter(old).cloned().collect()
    }

    /// The pairs at IVS that no version of this secret holds the key of.
    pub fn foreign_pairs(&self) -> Vec<&Pair> {
        let keys = || self.old.iter().chain(&self.pending).chain([&self.current]);
        let foreign = |pair: &&Pair| keys().all(|key| key.half.fingerprint != pair.fingerprint);
        self.pairs.iter().filter(foreign).collect()
    }
}

#[cfg(test)]
mod tests;
