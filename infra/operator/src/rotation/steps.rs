//! Takes one step of a rotation.

use anyhow::Context;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    Rotation,
    look::VERSION_VARIABLE,
    plan::{Key, Seen, Step},
};
use crate::{
    failure::{Advised, advise},
    function::{InvokeError, Update, Updated},
    ivs::{Imported, Pair},
    secret::{CURRENT, PENDING, Version},
};

/// How often a conflicting change of the function is waited for.
const ATTEMPTS: u32 = 60;

impl Rotation {
    pub(super) async fn take(
        &self,
        step: Step,
        seen: &Seen,
        settled: &mut bool,
    ) -> anyhow::Result<()> {
        match step {
            Step::Import(key) => {
                self.import(&key, seen).await?;
                *settled = false;
            }
            Step::Promote { to, from } => {
                self.settle(settled).await;
                let promoted = self.secret.make_current(&to.version, &from).await;
                promoted
                    .map_err(advise)
                    .context("cannot make the new key current")?;
                println!(
                    "4/6 made version {} current: functions that start now may sign with it",
                    to.version
                );
                let shown = |version: &Version| version.is(CURRENT) && version.id == to.version;
                self.await_versions(|versions| versions.iter().any(shown))
                    .await?;
            }
            Step::Unstage(version) => {
                let unstaged = self.secret.unstage_pending(&version).await;
                unstaged
                    .map_err(advise)
                    .context("cannot take AWSPENDING off")?;
                let shown = |version: &Version| !version.is(PENDING);
                self.await_versions(|versions| versions.iter().all(shown))
                    .await?;
            }
            Step::Point(version) => {
                self.settle(settled).await;
                self.point(&version).await?;
            }
            Step::AwaitUpdate => self.await_update().await?,
            Step::Retire { pairs, not_before } => {
                if (self.now)() < not_before {
                    self.check_start().await?;
                    println!("6/6 retiring {}", named(&pairs));
                    let life = seen.signer.longest_token.as_secs();
                    let why = format!(
                        "a token that it signed last may live for {life} s, by clocks that differ"
                    );
                    self.wait(not_before, &why).await;
                    // What was seen may have changed meanwhile: look again before it is deleted.
                    return Ok(());
                }
                self.retire(&pairs).await?;
            }
        }
        Ok(())
    }

    async fn import(&self, key: &Key, seen: &Seen) -> anyhow::Result<()> {
        let short: String = key.version.chars().take(8).collect();
        let name = format!("{}-{short}", self.function);
        let imported = self.key_pairs.import(&name, &key.half).await;
        let imported = imported
            .map_err(advise)
            .context("cannot import the key at IVS")?;
        if imported == Imported::Full {
            let foreign = named(seen.foreign_pairs());
            let what = format!(
                "IVS takes no more key pairs in this region: it knows {}; no version of the secret \
                 holds the key of {}",
                named(&seen.pairs),
                if foreign.is_empty() { "none" } else { &foreign },
            );
            let next = "delete one that nobody needs (`aws ivs delete-playback-key-pair --arn ARN`) \
                        or have the quota raised, then run again";
            return Err(Advised::new(what, next).into());
        }
        let fingerprint = &key.half.fingerprint;
        println!("3/6 imported key {fingerprint} at IVS as {name}");
        let shown = |pair: &Pair| pair.fingerprint == *fingerprint;
        self.await_pairs(|known| known.iter().any(shown)).await
    }

    /// Lets IVS get to know a key everywhere, once after it was imported.
    async fn settle(&self, settled: &mut bool) {
        if !*settled {
            let settle = SignedDuration::try_from(self.settle).unwrap_or(SignedDuration::MAX);
            let end = (self.now)()
                .saturating_add(settle)
                .unwrap_or(jiff::Timestamp::MAX);
            self.wait(end, "IVS gets to know the key everywhere").await;
            *settled = true;
        }
    }

    /// Tells the functions which version to sign with. Lambda then starts new ones.
    async fn point(&self, version: &str) -> anyhow::Result<()> {
        for _ in 0..ATTEMPTS {
            let configuration = self.functions.configuration(&self.function).await;
            let configuration = configuration.map_err(advise)?;
            if let Some(why) = configuration.unreadable {
                let what = format!("the variables of {} cannot be read: {why}", self.function);
                let next = "an operator needs kms:Decrypt for the key that encrypts them";
                return Err(Advised::new(what, next).into());
            }
            if configuration.update != Update::InProgress {
                let mut variables = configuration.variables;
                variables.insert(VERSION_VARIABLE.to_owned(), version.to_owned());
                let revision = &configuration.revision;
                let updated = self
                    .functions
                    .set_variables(&self.function, variables, revision);
                let updated = updated.await.map_err(advise);
                if updated.context("cannot tell the functions which key to sign with")?
                    == Updated::Taken
                {
                    println!("5/6 told {} to sign with version {version}", self.function);
                    return self.await_update().await;
                }
            }
            // Somebody else changes it just now.
            tokio::time::sleep(super::TICK).await;
        }
        let what = format!(
            "{} is being changed all the time by somebody else",
            self.function
        );
        Err(Advised::new(what, "run again when that has ended").into())
    }

    async fn await_update(&self) -> anyhow::Result<()> {
        loop {
            let configuration = self.functions.configuration(&self.function).await;
            match configuration.map_err(advise)?.update {
                Update::Successful => return Ok(()),
                Update::InProgress => tokio::time::sleep(super::TICK).await,
                Update::Failed(why) => {
                    let what = format!(
                        "{} did not take its new configuration ({why}); nothing was deleted",
                        self.function
                    );
                    return Err(Advised::new(what, "run again to try anew").into());
                }
            }
        }
    }

    /// A request that nobody signed makes the function start, and so read its key. It answers with a
    /// refusal; only a function that cannot start fails.
    async fn check_start(&self) -> anyhow::Result<()> {
        match self.functions.invoke(&self.function, &nobody()).await {
            Ok(()) => Ok(()),
            Err(InvokeError::Call(error)) => Err(advise(error)),
            Err(error) => {
                let what = format!("with the new key, {error}; nothing was deleted");
                let next = "look into its log; when it works, run again";
                Err(Advised::new(what, next).into())
            }
        }
    }

    async fn retire(&self, pairs: &[Pair]) -> anyhow::Result<()> {
        for pair in pairs {
            let deleted = self.key_pairs.delete(&pair.arn).await;
            deleted
                .map_err(advise)
                .with_context(|| format!("cannot delete the key pair {}", pair.arn))?;
            println!("6/6 deleted key {} from IVS", pair.fingerprint);
        }
        self.await_pairs(|known| pairs.iter().all(|pair| !known.contains(pair)))
            .await
    }
}

/// Key pairs as an operator finds them.
fn named<'a>(pairs: impl IntoIterator<Item = &'a Pair>) -> String {
    let named = pairs.into_iter().map(|pair| {
        let Pair {
            arn,
            name,
            fingerprint,
        } = pair;
        format!("key {fingerprint} ({name}, {arn})")
    });
    named.collect::<Vec<_>>().join(", ")
}

/// A request of nobody, as the HTTP API (payload format 2.0) hands it on.
fn nobody() -> Value {
    json!({
        "version": "2.0",
        "routeKey": "POST /channels/{channelId}/playback-token",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {},
        "pathParameters": {"channelId": "none"},
        "requestContext": {
            "accountId": "none", "apiId": "none", "requestId": "none", "stage": "$default",
            "routeKey": "POST /channels/{channelId}/playback-token", "timeEpoch": 0,
            "http": {
                "method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
                "userAgent": "operator",
            },
        },
        "isBase64Encoded": false,
    })
}
