//! Looks at everything that a rotation goes by.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use anyhow::Context;
use cuepoint_shared::key_pair::KeyError;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    Rotation,
    plan::{Key, Seen, Signer},
};
use crate::{
    failure::{Advised, advise},
    function::{Configuration, Update},
    ivs::Pair,
    keys::PublicHalf,
    secret::{CURRENT, PENDING, Version},
};

/// The variable that says which version of the secret a function signs with.
pub const VERSION_VARIABLE: &str = "PLAYBACK_KEY_VERSION";

/// The longest life that IVS takes of a token that names a viewer ("Generate and Sign IVS Playback
/// Tokens", user guide): what is assumed where the configuration does not say.
const LONGEST_TOKEN: Duration = Duration::from_secs(600);

/// After how long a change of a function's configuration has certainly reached it, when it has not
/// been seen to. It takes seconds; the SDKs' waiters give up after five minutes.
const UPDATE: SignedDuration = SignedDuration::from_mins(15);

/// What stays true between two looks of the same run.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// The keys of versions: what a version holds never changes.
    keys: HashMap<String, Result<PublicHalf, Unreadable>>,
    /// The revision of the function that was seen to be in effect, and since when.
    settled: Option<(String, Timestamp)>,
    /// The longest life of a token that any configuration seen allows.
    longest_token: Duration,
}

/// Why a version has no key.
#[derive(Debug, Clone)]
enum Unreadable {
    Empty,
    Key(KeyError),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("nothing"),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl Rotation {
    pub(crate) async fn look(&self, look: &mut Look) -> anyhow::Result<Seen> {
        let versions = self.secret.versions().await.map_err(advise);
        let versions = versions.context("cannot look at the secret's versions")?;
        let pairs = self.key_pairs.list().await.map_err(advise);
        let pairs = pairs.context("cannot look at the key pairs of IVS")?;
        let configuration = self.functions.configuration(&self.function).await;
        let configuration = configuration.map_err(advise);
        let configuration = configuration
            .with_context(|| format!("cannot look at the function {}", self.function))?;
        let staged = |stage: &str| versions.iter().find(|version| version.is(stage));
        let current = staged(CURRENT).ok_or_else(|| {
            let what = format!("no version of the secret {} is current", self.secret.id());
            Advised::new(what, "put the first key into it (docs/tutorial.md, step 2)")
        })?;
        let pending = match staged(PENDING) {
            Some(version) => Some(self.key(version, look).await?),
            None => None,
        };
        Ok(Seen {
            current: self.key(current, look).await?,
            pending,
            old: self.old_keys(&versions, &pairs, look).await?,
            pairs,
            signer: self.signer(&configuration, look),
        })
    }

    /// The key of a version that must have one.
    async fn key(&self, version: &Version, look: &mut Look) -> anyhow::Result<Key> {
        match self.half(&version.id, look).await? {
            Ok(half) => Ok(Key {
                version: version.id.clone(),
                half,
            }),
            Err(holds) => {
                let (id, stages) = (&version.id, version.stages.join(", "));
                let what = format!(
                    "version {id} of the secret {}, staged {stages}, is no playback key: {holds}",
                    self.secret.id(),
                );
                let next = "take its stage off with `aws secretsmanager update-secret-version-stage`, \
                            or put a key there";
                Err(Advised::new(what, next).into())
            }
        }
    }

    /// The keys of the other versions. Those without a stage are asked for only while IVS knows a
    /// pair that no staged version explains.
    async fn old_keys(
        &self,
        versions: &[Version],
        pairs: &[Pair],
        look: &mut Look,
    ) -> anyhow::Result<Vec<Key>> {
        let mut unexplained: HashSet<&str> =
            pairs.iter().map(|pair| pair.fingerprint.as_str()).collect();
        let mut versions: Vec<_> = versions.iter().collect();
        versions.sort_by_key(|version| version.stages.is_empty());
        let mut old = Vec::new();
        for version in versions {
            if version.stages.is_empty() && unexplained.is_empty() {
                break;
            }
            let Ok(half) = self.half(&version.id, look).await? else {
                continue; // it never was a key, so nothing was signed with it
            };
            unexplained.remove(half.fingerprint.as_str());
            if !version.is(CURRENT) && !version.is(PENDING) {
                let version = version.id.clone();
                old.push(Key { version, half });
            }
        }
        Ok(old)
    }

    async fn half(
        &self,
        version: &str,
        look: &mut Look,
    ) -> anyhow::Result<Result<PublicHalf, Unreadable>> {
        if let Some(half) = look.keys.get(version) {
            return Ok(half.clone());
        }
        let value = self.secret.value(version).await.map_err(advise);
        let value =
            value.with_context(|| format!("cannot read version {version} of the secret"))?;
        let half = match value {
            Some(value) => PublicHalf::of_secret(&value).map_err(Unreadable::Key),
            None => Err(Unreadable::Empty),
        };
        look.keys.insert(version.to_owned(), half.clone());
        Ok(half)
    }

    fn signer(&self, configuration: &Configuration, look: &mut Look) -> Signer {
        let now = (self.now)();
        let longest = longest_token(configuration.variables.get("CHANNELS").map(String::as_str));
        look.longest_token = look.longest_token.max(longest);
        if configuration.update != Update::Successful {
            look.settled = None;
        }
        let known = look.settled.take();
        let revision = &configuration.revision;
        let since = match known.filter(|(seen, _)| seen == revision) {
            Some((_, since)) => since,
            None => settled(now, configuration.last_modified),
        };
        if configuration.update == Update::Successful {
            look.settled = Some((revision.clone(), since));
        }
        let version = configuration.variables.get(VERSION_VARIABLE);
        Signer {
            version: version.filter(|version| !version.is_empty()).cloned(),
            update: configuration.update.clone(),
            settled: since,
            timeout: configuration.timeout,
            longest_token: look.longest_token,
        }
    }
}

/// Since when a configuration is in effect that is seen to be so now: for certain only from now on,
/// unless its change is so long ago that it must have been in effect before.
fn settled(now: Timestamp, last_modified: Option<Timestamp>) -> Timestamp {
    let certain = last_modified.and_then(|changed| changed.checked_add(UPDATE).ok());
    certain.map_or(now, |certain| certain.min(now))
}

/// The longest life of a token that the channels of a function allow: `tokenSeconds` of its variable
/// `CHANNELS`. What is not there or cannot be read counts as the longest that IVS takes.
fn longest_token(channels: Option<&str>) -> Duration {
    let channels: Value = channels
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let seconds = |channel: &Value| channel["tokenSeconds"].as_u64().map(Duration::from_secs);
    let lives = channels
        .as_object()
        .into_iter()
        .flat_map(|channels| channels.values());
    lives
        .map(|channel| seconds(channel).unwrap_or(LONGEST_TOKEN))
        .max()
        .unwrap_or(LONGEST_TOKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_live_as_long_as_the_channels_say_and_else_as_long_as_ivs_lets_them() {
        let life = |channels| longest_token(channels).as_secs();
        assert_eq!(
            life(Some(r#"{"a":{"tokenSeconds":20},"b":{"tokenSeconds":30}}"#)),
            30
        );
        assert_eq!(life(Some(r#"{"a":{"tokenSeconds":20},"b":{}}"#)), 600);
        assert_eq!(life(Some("{}")), 600);
        assert_eq!(life(Some("[")), 600);
        assert_eq!(life(None), 600);
    }

    #[test]
    fn a_change_is_in_effect_since_it_was_seen_or_since_long_after_it_was_made() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let now = at("2026-11-22T12:00:00Z");
        assert_eq!(settled(now, None), now);
        assert_eq!(settled(now, Some(at("2026-11-22T11:59:00Z"))), now);
        assert_eq!(settled(now, Some(at("2026-11-22T12:30:00Z"))), now);
        let changed = at("2026-11-22T11:00:00Z");
        assert_eq!(settled(now, Some(changed)), at("2026-11-22T11:15:00Z"));
    }
}
