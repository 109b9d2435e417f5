//! What was taken back: viewer sessions up to a version, and single-use tokens that were used.

use std::collections::HashMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::Viewer;

/// Viewers that can be revoked per server, so that memory stays bounded.
const VIEWERS: usize = 100_000;
/// Single-use ids remembered at once.
const USED: usize = 100_000;

/// There is no room for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many are remembered already")]
pub struct Full;

/// Revoked viewer sessions, by channel and viewer.
#[derive(Debug, Default)]
pub struct Revocations {
    highest: HashMap<String, HashMap<String, u32>>,
    count: usize,
}

impl Revocations {
    /// Revokes the viewer's sessions up to `version`. Idempotent; a lower version changes nothing.
    ///
    /// # Errors
    /// Too many viewers were revoked since the server started.
    pub fn revoke(&mut self, channel_arn: &str, viewer_id: &str, version: u32) -> Result<(), Full> {
        let viewers = self.highest.entry(channel_arn.to_owned()).or_default();
        match viewers.get_mut(viewer_id) {
            Some(highest) => *highest = version.max(*highest),
            None if self.count >= VIEWERS => return Err(Full),
            None => {
                viewers.insert(viewer_id.to_owned(), version);
                self.count += 1;
            }
        }
        Ok(())
    }

    /// Whether this session of the viewer has been revoked.
    pub fn is_revoked(&self, channel_arn: &str, viewer: &Viewer) -> bool {
        let highest = self
            .highest
            .get(channel_arn)
            .and_then(|viewers| viewers.get(&viewer.id));
        highest.is_some_and(|highest| viewer.session_version <= i64::from(*highest))
    }

    /// Forgets a channel that is gone.
    pub fn forget(&mut self, channel_arn: &str) {
        self.count -= self
            .highest
            .remove(channel_arn)
            .map_or(0, |viewers| viewers.len());
    }
}

/// Ids of single-use tokens that have started their playback.
#[derive(Debug, Default)]
pub struct UsedTokens {
    until: HashMap<Uuid, Timestamp>,
}

impl UsedTokens {
    /// Notes a use; `false` if it is not the first, or there is no room to remember it.
    pub fn take(&mut self, id: Uuid, expires_at: Timestamp, now: Timestamp) -> bool {
        if self.until.len() >= USED {
            self.until.retain(|_, until| *until > now);
        }
        self.until.len() < USED && self.until.insert(id, expires_at).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CHANNEL: &str = "arn:aws:ivs:us-east-1:000000000000:channel/a";

    fn viewer(session_version: i64) -> Viewer {
        Viewer {
            id: "v".into(),
            session_version,
        }
    }

    #[test]
    fn revoking_is_per_channel_and_viewer() {
        let mut revocations = Revocations::default();
        revocations.revoke(CHANNEL, "v", 0).unwrap();
        assert!(revocations.is_revoked(CHANNEL, &viewer(0)));
        assert!(!revocations.is_revoked("other", &viewer(0)));
        assert!(!revocations.is_revoked(
            CHANNEL,
            &Viewer {
                id: "w".into(),
                session_version: 0
            }
        ));
        revocations.forget(CHANNEL);
        assert!(!revocations.is_revoked(CHANNEL, &viewer(0)));
        assert_eq!(revocations.count, 0);
    }

    #[test]
    fn a_single_use_id_works_once() {
        let mut used = UsedTokens::default();
        let (now, id) = (Timestamp::UNIX_EPOCH, Uuid::from_u128(1));
        assert!(used.take(id, now, now));
        assert!(!used.take(id, now, now));
    }

    proptest! {
        #[test]
        fn in_any_order_the_highest_revocation_counts(mut versions in prop::collection::vec(0u32..20, 1..8), asked in -5i64..25) {
            let mut revocations = Revocations::default();
            for version in &versions {
                revocations.revoke(CHANNEL, "v", *version).unwrap();
            }
            versions.sort_unstable();
            let highest = *versions.last().unwrap();
            prop_assert_eq!(revocations.is_revoked(CHANNEL, &viewer(asked)), asked <= i64::from(highest));
        }
    }
}
