//! Leaderboards kept for a while by a running function.
//!
//! A run's leaderboard is made once, at its end, and after that it is read by the whole audience.
//! It may have hundreds of kilobytes, and its partition gives 12 MB a second: so it is kept for as long as
//! an audience asks, and read inconsistently, which is half as dear.

use std::sync::Arc;

use cuepoint_shared::ids::{QuizId, RunId};
use jiff::{SignedDuration, Timestamp};

use crate::{
    keys::run_key,
    leaderboard::Leaderboard,
    recent::Recent,
    store::{StoreError, windows::WindowStore},
};

/// How long a leaderboard is used before it is read again: so long one over fewer questions may be
/// told.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_mins(10);
/// How one is read, consistently or not, one way after the other until it is found.
pub const READS: [bool; 2] = [false, true];
/// How many leaderboards are kept at most.
const CAPACITY: usize = 8;

/// The leaderboards, and those that were read lately.
#[derive(Debug)]
pub struct LeaderboardCache {
    store: WindowStore,
    recent: Recent<String, Arc<Leaderboard>>,
}

impl LeaderboardCache {
    /// Reads from this table.
    pub fn new(store: WindowStore) -> Self {
        Self {
            store,
            recent: Recent::new(KEPT_FOR, CAPACITY),
        }
    }

    /// A run's leaderboard, as it was at most [`KEPT_FOR`] ago; that there is none is not kept.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get(
        &self,
        quiz_id: &QuizId,
        run_id: &RunId,
        now: Timestamp,
    ) -> Result<Option<Arc<Leaderboard>>, StoreError> {
        let run = run_key(quiz_id, run_id);
        if let Some(leaderboard) = self.recent.get(&run, now) {
            return Ok(Some(leaderboard));
        }
        for consistently in READS {
            let read = self.store.leaderboard(quiz_id, run_id, consistently);
            if let Some(leaderboard) = read.await?.map(Arc::new) {
                self.recent.keep(run, leaderboard.clone(), now);
                return Ok(Some(leaderboard));
            }
        }
        Ok(None)
    }
}
