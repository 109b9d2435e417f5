//! Windows kept for a moment by a running function.
//!
//! The times of a window never change, so what is kept decides rightly which answers are in time.
//! Only that a window was voided may be seen late, by [`KEPT_FOR`]: an answer that is taken then
//! does not count, like all others to that question.

use jiff::{SignedDuration, Timestamp};

use crate::{
    keys::QuestionKey,
    recent::Recent,
    store::{StoreError, windows::WindowStore},
    window::Window,
};

/// How long a window is used before it is read again.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_secs(1);
/// How many windows are kept at most.
const CAPACITY: usize = 256;

/// The windows, and those that were read in the last moment.
#[derive(Debug)]
pub struct WindowCache {
    store: WindowStore,
    recent: Recent<QuestionKey, Window>,
}

impl WindowCache {
    /// Reads from this table.
    pub fn new(store: WindowStore) -> Self {
        Self {
            store,
            recent: Recent::new(KEPT_FOR, CAPACITY),
        }
    }

    /// A question's window, as it was at most [`KEPT_FOR`] ago; that there is none is not kept.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get(
        &self,
        question: &QuestionKey,
        now: Timestamp,
    ) -> Result<Option<Window>, StoreError> {
        if let Some(window) = self.recent.get(question, now) {
            return Ok(Some(window));
        }
        let window = self.store.get(question).await?;
        if let Some(window) = &window {
            self.recent.keep(question.clone(), window.clone(), now);
        }
        Ok(window)
    }
}
