//! Windows kept for a moment by a running function, so that an audience that answers at once does
//! not read one item of a table as often.
//!
//! The times of a window never change, so what is kept decides rightly which answers are in time.
//! Only that a window was voided may be seen late, by [`KEPT_FOR`]: an answer that is taken then
//! does not count, like all others to that question.

use std::{collections::HashMap, sync::Mutex};

use jiff::{SignedDuration, Timestamp};

use crate::{
    keys::QuestionKey,
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
    recent: Mutex<HashMap<QuestionKey, (Timestamp, Window)>>,
}

impl WindowCache {
    /// Reads from this table.
    pub fn new(store: WindowStore) -> Self {
        Self {
            store,
            recent: Mutex::default(),
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
        if let Some((read_at, window)) = self.recent().get(question)
            && now.duration_since(*read_at) < KEPT_FOR
        {
            return Ok(Some(window.clone()));
        }
        let window = self.store.get(question).await?;
        if let Some(window) = &window {
            let mut recent = self.recent();
            if recent.len() >= CAPACITY {
                recent.clear();
            }
            recent.insert(question.clone(), (now, window.clone()));
        }
        Ok(window)
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, HashMap<QuestionKey, (Timestamp, Window)>> {
        self.recent
            .lock()
            .expect("nothing panics while it holds this lock")
    }
}
