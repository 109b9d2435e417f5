//! Results of settled questions kept for a while by a running function.
//!
//! A question is tallied once, and after that its results are read by the whole audience. All its
//! parts are in one partition of the table of tallies, which gives them to hundreds of readers a second
//! and not to thousands.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::{
    keys::QuestionKey,
    recent::Recent,
    store::{StoreError, tallies::TallyStore, windows::WindowStore},
    window::{Window, WindowStatus},
};

/// How long results that do not change any more are used before they are read again.
const KEPT_FOR: SignedDuration = SignedDuration::from_secs(60);
/// How many questions are kept at most.
const CAPACITY: usize = 128;

/// What is known of a question's answers.
#[derive(Debug, PartialEq, Eq)]
pub struct Counted {
    /// Its window, with the final tally if there is one.
    pub window: Window,
    /// The live tally.
    pub live: Vec<u64>,
}

impl Counted {
    /// Whether this stays as it is.
    fn is_settled(&self) -> bool {
        match self.window.status {
            WindowStatus::Tallied => self.window.counts.as_ref() == Some(&self.live),
            WindowStatus::Voided => true,
            _ => false,
        }
    }
}

/// The results, and those that were read lately.
#[derive(Debug)]
pub struct ResultsCache {
    windows: WindowStore,
    tallies: TallyStore,
    recent: Recent<String, Arc<Counted>>,
}

impl ResultsCache {
    /// Reads from these tables.
    pub fn new(windows: WindowStore, tallies: TallyStore) -> Self {
        Self {
            windows,
            tallies,
            recent: Recent::new(KEPT_FOR, CAPACITY),
        }
    }

    /// A question's results; none when it was never asked. Only what is settled is kept.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn get(
        &self,
        question: &QuestionKey,
        now: Timestamp,
    ) -> Result<Option<Arc<Counted>>, StoreError> {
        let key = question.to_string();
        if let Some(counted) = self.recent.get(&key, now) {
            return Ok(Some(counted));
        }
        let Some(window) = self.windows.get(question).await? else {
            return Ok(None);
        };
        let live = self.tallies.live(question, window.rules.options).await?;
        let counted = Arc::new(Counted { window, live });
        if counted.is_settled() {
            self.recent.keep(key, counted.clone(), now);
        }
        Ok(Some(counted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Rules;

    #[test]
    fn results_are_settled_when_nothing_can_change_them() {
        let rules = Rules {
            options: 2,
            correct: None,
            seconds: 10,
            shards: 1,
        };
        let second = SignedDuration::from_secs(1);
        let now = Timestamp::UNIX_EPOCH;
        let open = Window::open("q1".parse().unwrap(), rules, second * 5, second * 3, now);
        let settled = |window: &Window, live: [u64; 2]| {
            let (window, live) = (window.clone(), live.to_vec());
            Counted { window, live }.is_settled()
        };
        let tallied = open.clone().with_counts(vec![2, 1]);
        assert!(!settled(&open, [2, 1]));
        assert!(!settled(&tallied, [2, 0]), "the stream has not drained");
        assert!(settled(&tallied, [2, 1]));
        assert!(settled(&open.void().unwrap(), [0, 0]));
    }
}
