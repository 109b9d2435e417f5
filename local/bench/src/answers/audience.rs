//! The answers of an audience, as a table that is queried: rendered page by page as they are asked
//! for, so that no memory is taken by what stands for the table.
//!
//! A page has at most 1 MB of items, counted as DynamoDB does ("Item sizes and formats": the bytes
//! of names and values), or as many as `Limit` says. Items come by their sort key.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    fixture::{ANSWERS, OPTIONS, QUESTION, QUIZ, RUN, TALLIES},
    rows::{Row, choice, item_bytes, number},
};
use crate::memory::Tables;

/// The most that a page has of items.
const PAGE_BYTES: usize = 1_048_576;
/// The index of the correct option.
const CORRECT: u32 = 1;

/// The tables after a question that so many have answered.
#[derive(Debug)]
pub(super) struct Audience {
    answers: u64,
    shards: u64,
    opened_at: Timestamp,
    /// The leaderboard that was written last.
    leaderboard: Mutex<Option<Value>>,
}

/// What of a query is looked at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Query {
    table_name: String,
    #[serde(default)]
    projection_expression: String,
    #[serde(default)]
    expression_attribute_values: Value,
    #[serde(default)]
    exclusive_start_key: Value,
    #[serde(default)]
    limit: Option<u64>,
}

impl Audience {
    /// So many answers, spread evenly over so many shards.
    pub(super) fn new(answers: u64, shards: u64) -> Self {
        Self {
            answers,
            shards,
            opened_at: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 50),
            leaderboard: Mutex::default(),
        }
    }

    /// How many answers there are.
    pub(super) fn answers(&self) -> u64 {
        self.answers
    }

    /// In how many shards.
    pub(super) fn shards(&self) -> u64 {
        self.shards
    }

    /// Renders once what a tally and a leaderboard ask for, and says what that takes.
    pub(super) fn render(&self) -> Duration {
        let started = Instant::now();
        for projection in ["choice", "viewerId, choice, receivedAt, #name"] {
            for shard in 0..self.shards {
                let mut first = 0;
                while first < self.in_shard(shard) {
                    let partition = format!("{QUIZ}#{RUN}#{QUESTION}#{shard}");
                    let end = first + (PAGE_BYTES / item_bytes(&partition)) as u64;
                    let end = end.min(self.in_shard(shard));
                    let row = Row::new(projection, shard, self.opened_at);
                    std::hint::black_box(row.page(first..end, &partition, true));
                    first = end;
                }
            }
        }
        started.elapsed()
    }

    /// How many chose each option.
    pub(super) fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; OPTIONS as usize];
        for shard in 0..self.shards {
            for number in 0..self.in_shard(shard) {
                counts[choice(shard, number) as usize] += 1;
            }
        }
        counts
    }

    /// How many players the leaderboard has that was written.
    pub(super) fn players(&self) -> Option<u64> {
        let leaderboard = self.leaderboard.lock().ok()?;
        let players = leaderboard.as_ref()?.pointer("/Item/players/N")?;
        players.as_str()?.parse().ok()
    }

    fn in_shard(&self, shard: u64) -> u64 {
        self.answers / self.shards + u64::from(shard < self.answers % self.shards)
    }

    /// The window, closed or with its counts.
    fn window(&self, counts: Option<&[u64]>) -> Value {
        let time = |seconds: i64| json!({ "S": (self.opened_at + SignedDuration::from_secs(seconds)).to_string() });
        let mut window = json!({
            "run": { "S": format!("{QUIZ}#{RUN}") },
            "questionId": { "S": QUESTION },
            "options": { "N": OPTIONS.to_string() },
            "correct": { "N": CORRECT.to_string() },
            "seconds": { "N": "15" },
            "shards": { "N": self.shards.to_string() },
            "openedAt": time(0),
            "closesAt": time(20),
            "tallyAt": time(23),
            "status": { "S": "closed" },
        });
        if let Some(counts) = counts {
            let counts: Vec<_> = counts
                .iter()
                .map(|n| json!({ "N": n.to_string() }))
                .collect();
            window["status"] = json!({ "S": "tallied" });
            window["counts"] = json!({ "L": counts });
        }
        window
    }

    fn query(&self, query: &Query) -> Bytes {
        match query.table_name.as_str() {
            ANSWERS => self.page(query),
            // The live counts: of no answer yet.
            TALLIES => items(&[]),
            _ => items(&[self.window(Some(&self.counts()))]),
        }
    }

    /// A page of a shard's answers.
    fn page(&self, query: &Query) -> Bytes {
        let partition = query.expression_attribute_values.pointer("/:partition/S");
        let partition = partition.and_then(Value::as_str).unwrap_or_default();
        let shard = partition
            .rsplit_once('#')
            .and_then(|(_, shard)| shard.parse().ok());
        let shard: u64 = shard.unwrap_or_default();
        let start = query.exclusive_start_key.pointer("/viewerId/S");
        let first = start.and_then(Value::as_str).map_or(0, |id| number(id) + 1);
        let row = Row::new(&query.projection_expression, shard, self.opened_at);
        let fits = (PAGE_BYTES / item_bytes(partition)) as u64;
        let most = query.limit.map_or(fits, |limit| limit.min(fits));
        let all = self.in_shard(shard);
        let end = (first + most).min(all);
        // A page that `Limit` ends says where to go on, also when nothing is left.
        let more = end < all || (Some(most) == query.limit && end - first == most);
        row.page(first..end, partition, more)
    }
}

impl Tables for std::sync::Arc<Audience> {
    fn answer(&self, operation: &str, request: &[u8]) -> Bytes {
        match operation {
            "Query" => match serde_json::from_slice(request) {
                Ok(query) => self.query(&query),
                // What is no answer fails the call.
                Err(_) => Bytes::new(),
            },
            "GetItem" => json!({ "Item": self.window(None) }).to_string().into(),
            _ => {
                if let Ok(mut leaderboard) = self.leaderboard.lock() {
                    *leaderboard = serde_json::from_slice(request).ok();
                }
                Bytes::from_static(b"{}")
            }
        }
    }
}

fn items(items: &[Value]) -> Bytes {
    let count = items.len();
    let answer = json!({ "Count": count, "ScannedCount": count, "Items": items });
    answer.to_string().into()
}

#[cfg(test)]
mod tests {
    use answer_collector::{leaderboard::points, window::Window};

    use super::*;

    fn ask(audience: &Audience, query: &Value) -> Value {
        let query = serde_json::from_value(query.clone()).unwrap();
        serde_json::from_slice(&audience.query(&query)).unwrap()
    }

    fn all(shard: u64) -> Value {
        json!({
            "TableName": ANSWERS,
            "ProjectionExpression": "viewerId, choice, receivedAt, #name",
            "ExpressionAttributeValues": {
                ":partition": { "S": format!("{QUIZ}#{RUN}#{QUESTION}#{shard}") }
            },
        })
    }

    #[test]
    fn pages_are_full_and_follow_each_other_in_the_order_of_viewers() {
        let audience = Audience::new(20_001, 2);
        let mut counts = vec![0; OPTIONS as usize];
        let mut ids = Vec::new();
        for shard in 0..2 {
            let mut query = all(shard);
            loop {
                let page = ask(&audience, &query);
                let items = page["Items"].as_array().unwrap();
                assert_eq!(page["Count"], items.len());
                for item in items {
                    ids.push(item["viewerId"]["S"].as_str().unwrap().to_owned());
                    let choice: usize = item["choice"]["N"].as_str().unwrap().parse().unwrap();
                    counts[choice] += 1;
                    assert_eq!(item["name"]["S"].as_str().unwrap().len(), 11);
                    let at: Timestamp = item["receivedAt"]["S"].as_str().unwrap().parse().unwrap();
                    let after = at.duration_since(audience.opened_at).as_millis();
                    assert!((0..20_000).contains(&after), "{item}");
                }
                let last = &page["LastEvaluatedKey"];
                if last.is_null() {
                    break;
                }
                assert!((6_000..7_000).contains(&items.len()), "{}", items.len());
                assert_eq!(last["viewerId"], items.last().unwrap()["viewerId"]);
                query["ExclusiveStartKey"] = last.clone();
            }
        }
        assert_eq!(ids.len(), 20_001);
        assert_eq!(counts, audience.counts());
        let (first, second) = ids.split_at(10_001);
        assert!(first.is_sorted() && second.is_sorted());
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 20_001, "each viewer once");
    }

    #[test]
    fn a_page_that_its_limit_ends_says_where_to_go_on() {
        let audience = Audience::new(10, 1);
        let mut query = all(0);
        query["Limit"] = json!(10);
        let page = ask(&audience, &query);
        assert_eq!(page["Count"], 10);
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"].clone();
        let page = ask(&audience, &query);
        assert_eq!(page["Count"], 0);
        assert!(page["LastEvaluatedKey"].is_null());
    }

    #[test]
    fn only_what_is_asked_for_is_there() {
        let mut query = all(0);
        query["ProjectionExpression"] = json!("choice");
        let page = ask(&Audience::new(1, 1), &query);
        let item = page["Items"][0].as_object().unwrap();
        assert_eq!(item.keys().collect::<Vec<_>>(), ["choice"]);
    }

    #[test]
    fn the_window_is_one_that_the_service_reads() {
        let audience = Audience::new(100, 3);
        for counts in [None, Some(audience.counts())] {
            let item = audience.window(counts.as_deref());
            let item: std::collections::HashMap<_, _> = serde_json::from_value(item).unwrap();
            let window: Window = serde_dynamo::from_item(
                item as std::collections::HashMap<String, serde_dynamo::AttributeValue>,
            )
            .unwrap();
            assert_eq!(window.counts, counts);
            assert_eq!(points(&window, CORRECT, audience.opened_at), 1_000);
        }
    }
}
