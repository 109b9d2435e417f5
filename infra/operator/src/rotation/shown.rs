//! Waits until a change shows: Secrets Manager and IVS may answer as before for a moment after they
//! have taken it, and the next step goes by what they answer.

use super::{Rotation, TICK};
use crate::{
    failure::{Advised, advise},
    ivs::Pair,
    secret::Version,
};

/// How often it is looked.
const ATTEMPTS: u32 = 60;

impl Rotation {
    pub(super) async fn await_versions(
        &self,
        shown: impl Fn(&[Version]) -> bool,
    ) -> anyhow::Result<()> {
        for _ in 0..ATTEMPTS {
            if shown(&self.secret.versions().await.map_err(advise)?) {
                return Ok(());
            }
            tokio::time::sleep(TICK).await;
        }
        Err(not_shown("Secrets Manager"))
    }

    pub(super) async fn await_pairs(&self, shown: impl Fn(&[Pair]) -> bool) -> anyhow::Result<()> {
        for _ in 0..ATTEMPTS {
            if shown(&self.key_pairs.list().await.map_err(advise)?) {
                return Ok(());
            }
            tokio::time::sleep(TICK).await;
        }
        Err(not_shown("IVS"))
    }
}

fn not_shown(service: &str) -> anyhow::Error {
    let what = format!("{service} does not show what it has taken");
    let next = "run again in a while; somebody else may be rotating at the same time";
    Advised::new(what, next).into()
}
