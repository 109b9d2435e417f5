//! A new playback key without a refusal in between.
//!
//! What is done next follows from what can be seen ([`plan`]): stages of the secret's versions, key
//! pairs at IVS, the function's configuration. Nothing else is remembered, so a rotation may be killed
//! anywhere; the next one finishes it. Each step is idempotent or conditional, so two at the same time
//! do no harm either.

pub mod look;
pub mod plan;
mod shown;
mod steps;

use std::time::Duration;

use anyhow::Context;
use cuepoint_shared::clock::Clock;
use jiff::{SignedDuration, Timestamp};

use self::{look::Look, plan::Seen};
use crate::{
    failure::advise,
    function::Functions,
    ivs::KeyPairs,
    keys,
    secret::{Secret, Version},
};

/// How often it is looked whether a wait is over.
const TICK: Duration = Duration::from_secs(1);
/// How often a wait is told again.
const REMIND: SignedDuration = SignedDuration::from_secs(60);

/// What is rotated, and with how much patience.
pub struct Rotation {
    /// Where the private keys are.
    pub secret: Secret,
    /// Where the public ones are.
    pub key_pairs: KeyPairs,
    /// Where the function is that signs.
    pub functions: Functions,
    /// Its name.
    pub function: String,
    /// How long IVS gets to know a key everywhere.
    pub settle: Duration,
    /// How far clocks may differ.
    pub skew: Duration,
    /// What tells the time.
    pub now: Clock,
}

impl Rotation {
    /// Finishes a rotation that was interrupted, or else makes a whole one.
    ///
    /// # Errors
    /// In one line what is wrong and what to do next; running it again goes on from there.
    pub async fn run(&self) -> anyhow::Result<()> {
        let mut look = Look::default();
        let seen = self.look(&mut look).await?;
        self.tell(&seen);
        let interrupted = plan::next(&seen, self.skew).is_some();
        match interrupted {
            true => {
                println!("A rotation was interrupted: it is finished, and no other is started.")
            }
            false => self.make_key().await?,
        }
        let mut settled = false;
        loop {
            let seen = self.look(&mut look).await?;
            let Some(step) = plan::next(&seen, self.skew) else {
                break;
            };
            self.take(step, &seen, &mut settled).await?;
        }
        match interrupted {
            true => println!("The interrupted rotation is finished. Run again for another key."),
            false => println!("The playback key is rotated."),
        }
        Ok(())
    }

    /// Says what a run would do, and changes nothing.
    ///
    /// # Errors
    /// When something cannot be looked at.
    pub async fn dry_run(&self) -> anyhow::Result<()> {
        let seen = self.look(&mut Look::default()).await?;
        self.tell(&seen);
        match plan::next(&seen, self.skew) {
            Some(_) => println!("A rotation was interrupted. A run would finish it:"),
            None => println!("A run would:"),
        }
        for line in plan::outline(&seen, self.skew) {
            println!("  - {line}");
        }
        Ok(())
    }

    /// Step 2: a key that nobody signs with yet.
    async fn make_key(&self) -> anyhow::Result<()> {
        let version = uuid::Uuid::new_v4().to_string();
        let secret = keys::new_secret()?;
        self.secret
            .put_pending(&version, &secret)
            .await
            .map_err(advise)
            .context("cannot store a new key")?;
        println!("2/6 made a key: version {version} of the secret, staged AWSPENDING");
        let shown = |other: &Version| other.id == version;
        self.await_versions(|versions| versions.iter().any(shown))
            .await
    }

    /// Waits until `end`, and says for how long and why.
    async fn wait(&self, end: Timestamp, why: &str) {
        let mut told = None;
        loop {
            let now = (self.now)();
            let left = end.duration_since(now);
            if left <= SignedDuration::ZERO {
                return;
            }
            if told.is_none_or(|told| now.duration_since(told) >= REMIND) {
                println!("    waiting {} s: {why}", left.as_secs() + 1);
                told = Some(now);
            }
            tokio::time::sleep(TICK.min(left.unsigned_abs())).await;
        }
    }

    fn tell(&self, seen: &Seen) {
        let Seen {
            current, signer, ..
        } = seen;
        println!(
            "1/6 looked: version {} of the secret is current (key {}), IVS knows {} key pairs, {} {}",
            current.version,
            current.half.fingerprint,
            seen.pairs.len(),
            self.function,
            match &signer.version {
                Some(version) => format!("signs with version {version}"),
                None => "signs with the version that is current when it starts".to_owned(),
            }
        );
    }
}
