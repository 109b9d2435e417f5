//! Windows kept for a while by a running function.
//!
//! The times of a window never change, so what is kept decides rightly which answers are in time.
//! Only that a window was voided may be seen late, by [`KEPT_AT_MOST`] and the moment by which an
//! inconsistent read is behind: an answer that is taken then does not count, like all others to that
//! question. Results are not looked up here.
//!
//! All functions that take an audience's answers read one item, whose partition gives 3,000 consistent
//! reads a second. A question is mostly over before what was read at its beginning is read again, and
//! where it is not, each function reads at a time of its own.

use jiff::{SignedDuration, Timestamp};

use crate::{
    keys::QuestionKey,
    recent::Recent,
    store::{StoreError, windows::WindowStore},
    window::Window,
};

/// How long a window is used at least before it is read again.
pub const KEPT_AT_LEAST: SignedDuration = SignedDuration::from_secs(5);
/// And no longer than this.
pub const KEPT_AT_MOST: SignedDuration = SignedDuration::from_secs(10);
/// How a window is read, consistently or not, one way after the other until it is found. An
/// inconsistent read is half as dear; but who asks about a window that has just been opened must not
/// hear that there is none.
pub const READS: [bool; 2] = [false, true];
/// How many windows are kept at most.
const CAPACITY: usize = 256;

/// How long a running function uses a window, which has drawn this number.
pub fn kept_for(drawn: u64) -> SignedDuration {
    let least = KEPT_AT_LEAST.as_millis() as u64;
    let spread = KEPT_AT_MOST.as_millis() as u64 - least;
    SignedDuration::from_millis((least + drawn % spread) as i64)
}

/// The windows, and those that were read lately.
#[derive(Debug)]
pub struct WindowCache {
    store: WindowStore,
    recent: Recent<QuestionKey, Window>,
}

impl WindowCache {
    /// Reads from this table, and keeps windows for [`KEPT_AT_LEAST`].
    pub fn new(store: WindowStore) -> Self {
        Self {
            store,
            recent: Recent::new(KEPT_AT_LEAST, CAPACITY),
        }
    }

    /// Keeps windows as long as a function with this number does, see [`kept_for`].
    #[must_use]
    pub fn drawn(self, drawn: u64) -> Self {
        Self {
            recent: Recent::new(kept_for(drawn), CAPACITY),
            ..self
        }
    }

    /// A question's window, as it was at most [`KEPT_AT_MOST`] ago; that there is none is not kept.
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
        for consistently in READS {
            let window = self.store.read(question, consistently).await?;
            if let Some(window) = &window {
                self.recent.keep(question.clone(), window.clone(), now);
                return Ok(Some(window.clone()));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::{Arc, Mutex},
    };

    use aws_sdk_dynamodb::{
        Client, Config,
        config::{
            BehaviorVersion, HttpClient, Region, RuntimeComponents,
            http::{HttpRequest, HttpResponse},
        },
    };
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    };
    use serde_json::{Value, json};

    use super::*;

    /// DynamoDB, which finds or misses the item, one read after the other, and notes which reads were
    /// consistent.
    #[derive(Debug, Clone, Default)]
    struct Table {
        found: Arc<Mutex<VecDeque<bool>>>,
        consistent: Arc<Mutex<Vec<bool>>>,
    }

    impl HttpConnector for Table {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let asked: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            let consistent = asked["ConsistentRead"].as_bool().unwrap_or(false);
            self.consistent.lock().unwrap().push(consistent);
            let found = self.found.lock().unwrap().pop_front();
            let body = match found.expect("no such read") {
                true => json!({ "Item": item() }),
                false => json!({}),
            };
            let response = HttpResponse::new(200.try_into().unwrap(), body.to_string().into());
            HttpConnectorFuture::ready(Ok(response))
        }
    }

    impl HttpClient for Table {
        fn http_connector(
            &self,
            _: &HttpConnectorSettings,
            _: &RuntimeComponents,
        ) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    fn item() -> Value {
        json!({
            "run": {"S": "quiz#run"}, "questionId": {"S": "q1"}, "status": {"S": "open"},
            "options": {"N": "4"}, "seconds": {"N": "10"}, "shards": {"N": "1"},
            "openedAt": {"S": "2026-11-22T12:00:00Z"}, "closesAt": {"S": "2026-11-22T12:00:15Z"},
            "tallyAt": {"S": "2026-11-22T12:00:18Z"},
        })
    }

    fn question() -> QuestionKey {
        QuestionKey {
            quiz_id: "quiz".parse().unwrap(),
            run_id: "run".parse().unwrap(),
            question_id: "q1".parse().unwrap(),
        }
    }

    fn cache(table: &Table) -> WindowCache {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-1"))
            .allow_no_auth()
            .http_client(table.clone());
        let client = Client::from_conf(config.build());
        WindowCache::new(WindowStore::new(client, "windows".to_owned()))
    }

    /// Gets the window at these seconds; whether each time there was one, and which reads that took.
    fn reads(found: &[bool], at: &[i64]) -> (Vec<bool>, Vec<bool>) {
        let table = Table::default();
        *table.found.lock().unwrap() = found.iter().copied().collect();
        let cache = cache(&table);
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build().unwrap();
        let got = at.iter().map(|&second| {
            let now = Timestamp::from_second(second).unwrap();
            let window = runtime.block_on(cache.get(&question(), now));
            window.unwrap().is_some()
        });
        let got = got.collect();
        let consistent = table.consistent.lock().unwrap().clone();
        (got, consistent)
    }

    #[test]
    fn a_window_is_read_inconsistently_and_not_again_while_it_is_kept() {
        let (got, consistent) = reads(&[true, true], &[0, 1, 4, 5]);
        assert_eq!(got, [true; 4]);
        assert_eq!(consistent, [false, false]);
    }

    #[test]
    fn one_that_an_inconsistent_read_misses_is_found_and_one_that_is_not_there_is_sought_again() {
        let (got, consistent) = reads(&[false, true], &[0, 1]);
        assert_eq!((got, consistent), (vec![true; 2], vec![false, true]));
        let (got, consistent) = reads(&[false; 4], &[0, 1]);
        assert_eq!(got, [false; 2]);
        assert_eq!(consistent, [false, true, false, true]);
    }

    #[test]
    fn functions_keep_windows_for_different_times_within_bounds() {
        assert_eq!(kept_for(0), KEPT_AT_LEAST);
        assert_eq!(
            kept_for(5_001),
            KEPT_AT_LEAST + SignedDuration::from_millis(1)
        );
        assert!(kept_for(4_999) < KEPT_AT_MOST && kept_for(u64::MAX) < KEPT_AT_MOST);
    }
}
