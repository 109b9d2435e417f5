//! The answers of a partition, page by page, each page in the order of the viewers' ids.
//!
//! "Query results are always sorted by the sort key value", texts "in order of UTF-8 bytes"
//! (DynamoDB developer guide, "Key condition expressions for the Query operation"), which is the
//! order of `str`. What is merged by that order, or goes on where a page ended, would be wrong
//! without a word if it were another, so a page in any other order is refused.

use cuepoint_shared::{aws::AwsError, events::RecordedAnswer, ids::UserId, telemetry};
use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    StoreError,
    answers::{Answer, AnswerStore},
    page_query::{self, typed},
    text,
};
use crate::keys::{Partition, QuestionKey};

/// Some answers of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// In the order of the viewers' ids, each of whom is there once.
    pub answers: Vec<Answer>,
    /// After which viewer it goes on; none: it was the last page.
    pub next: Option<UserId>,
}

/// What is read of an answer.
trait Row: DeserializeOwned + Send + 'static {
    /// The attributes.
    const PROJECTION: &'static str;
    /// Whose answer it is, when that is read.
    fn viewer_id(&self) -> Option<&UserId>;
}

/// A page as DynamoDB writes it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
#[serde(bound(deserialize = "R: DeserializeOwned"))]
struct Rows<R> {
    items: Vec<R>,
    #[serde(default)]
    last_evaluated_key: Option<Key>,
}

#[derive(Deserialize)]
struct Key {
    #[serde(rename = "viewerId", deserialize_with = "typed")]
    viewer_id: UserId,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(deserialize_with = "typed")]
    choice: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    #[serde(deserialize_with = "typed")]
    viewer_id: UserId,
    #[serde(deserialize_with = "typed")]
    choice: u32,
    #[serde(deserialize_with = "typed")]
    received_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whole {
    #[serde(deserialize_with = "typed")]
    viewer_id: UserId,
    #[serde(deserialize_with = "typed")]
    choice: u32,
    #[serde(deserialize_with = "typed")]
    received_at: Timestamp,
    #[serde(deserialize_with = "typed")]
    name: String,
}

impl Row for Choice {
    const PROJECTION: &'static str = "choice";

    fn viewer_id(&self) -> Option<&UserId> {
        None
    }
}

impl Row for Recorded {
    const PROJECTION: &'static str = "viewerId, choice, receivedAt";

    fn viewer_id(&self) -> Option<&UserId> {
        Some(&self.viewer_id)
    }
}

impl Row for Whole {
    const PROJECTION: &'static str = "viewerId, choice, receivedAt, #name";

    fn viewer_id(&self) -> Option<&UserId> {
        Some(&self.viewer_id)
    }
}

impl AnswerStore {
    /// How many chose each of so many options in a partition.
    ///
    /// DynamoDB could count by itself, with `Select=COUNT` and a filter for each option. But a
    /// query costs what it looks at, not what it gives: a million answers of 190 bytes are 46,000
    /// read units for each option, and a table has 40,000 a second unless AWS was asked for more.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn count(&self, partition: &Partition, options: u32) -> Result<Vec<u64>, StoreError> {
        let mut counts = vec![0; options as usize];
        let mut after = None;
        loop {
            let page = self.rows::<Choice>(partition, after, None).await?;
            for Choice { choice } in page.items {
                let count = counts.get_mut(choice as usize);
                *count.ok_or_else(|| StoreError::UnknownOption {
                    key: partition.to_string(),
                    choice,
                })? += 1;
            }
            match page.last_evaluated_key {
                Some(key) => after = Some(key.viewer_id),
                None => return Ok(counts),
            }
        }
    }

    /// The answers of a partition after this viewer's, or from the first on: at most `limit`, of
    /// which refusals take places too.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn page(
        &self,
        partition: &Partition,
        after: Option<UserId>,
        limit: i32,
    ) -> Result<Page, StoreError> {
        let page = self.rows::<Whole>(partition, after, Some(limit)).await?;
        let answers = page.items.into_iter().map(|row| Answer {
            viewer_id: row.viewer_id,
            choice: row.choice,
            received_at: row.received_at,
            name: row.name,
        });
        Ok(Page {
            answers: answers.collect(),
            next: page.last_evaluated_key.map(|key| key.viewer_id),
        })
    }

    /// All answers to a question, page by page, in bounded memory and in the same order each time:
    /// shard after shard, in each by viewer.
    ///
    /// # Errors
    /// [`StoreError`], as an item of the stream; nothing that comes after it may be used.
    pub fn pages(
        &self,
        question: &QuestionKey,
        shards: u32,
    ) -> impl Stream<Item = Result<Vec<RecordedAnswer>, StoreError>> {
        // One after the other: a query that was begun ahead and is not polled while the one before it
        // goes on would time out.
        let shards = stream::iter(0..shards).map(|shard| question.partition(shard));
        shards.flat_map(|partition| Box::pin(self.pages_of(partition)))
    }

    fn pages_of(
        &self,
        partition: Partition,
    ) -> impl Stream<Item = Result<Vec<RecordedAnswer>, StoreError>> {
        // Where the next page begins; none: there is no other.
        stream::try_unfold(Some(None), move |from| {
            let partition = partition.clone();
            async move {
                let Some(after) = from else { return Ok(None) };
                let page = self.rows::<Recorded>(&partition, after, None).await?;
                let answers = page.items.into_iter().map(|row| RecordedAnswer {
                    viewer_id: row.viewer_id,
                    choice: row.choice,
                    received_at: row.received_at,
                });
                let next = page.last_evaluated_key.map(|key| Some(key.viewer_id));
                Ok(Some((answers.collect(), next)))
            }
        })
    }

    /// One page by a consistent read.
    async fn rows<R: Row>(
        &self,
        partition: &Partition,
        after: Option<UserId>,
        limit: Option<i32>,
    ) -> Result<Rows<R>, StoreError> {
        let key = partition.to_string();
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#partition = :partition")
            .expression_attribute_names("#partition", "partition")
            .expression_attribute_values(":partition", text(&key))
            .projection_expression(R::PROJECTION)
            .filter_expression("attribute_exists(choice)")
            .consistent_read(true)
            .set_limit(limit);
        if R::PROJECTION.contains("#name") {
            query = query.expression_attribute_names("#name", "name");
        }
        if let Some(after) = &after {
            query = query
                .exclusive_start_key("partition", text(&key))
                .exclusive_start_key("viewerId", text(after.as_str()));
        }
        checked(&key, after.as_ref(), page_query::send(query).await)
    }
}

/// A page that can be gone on with: in order, and beyond where the one before it ended.
fn checked<R: Row>(
    key: &str,
    after: Option<&UserId>,
    sent: Result<serde_json::Result<Rows<R>>, AwsError>,
) -> Result<Rows<R>, StoreError> {
    let page = sent?.map_err(|error| StoreError::UnreadablePage {
        key: key.to_owned(),
        place: telemetry::where_broken(&error),
    })?;
    let last = page.last_evaluated_key.as_ref().map(|key| &key.viewer_id);
    let mut before = after;
    for viewer_id in page.items.iter().filter_map(R::viewer_id) {
        if before.is_some_and(|before| before >= viewer_id) {
            return Err(StoreError::OutOfOrder(key.to_owned()));
        }
        before = Some(viewer_id);
    }
    // A refusal may be the last that was looked at. A page that ends where it began is no progress.
    match last {
        Some(last) if before.is_some_and(|before| before > last) || after == Some(last) => {
            Err(StoreError::OutOfOrder(key.to_owned()))
        }
        _ => Ok(page),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page<R: Row>(
        after: Option<&str>,
        viewers: &[&str],
        last: Option<&str>,
    ) -> Result<Rows<R>, StoreError> {
        let items = viewers.iter().map(|viewer| {
            format!(r#"{{"viewerId":{{"S":"{viewer}"}},"choice":{{"N":"1"}},"receivedAt":{{"S":"2026-11-22T20:00:00Z"}}}}"#)
        });
        let items = items.collect::<Vec<_>>().join(",");
        let last = last.map_or_else(String::new, |last| {
            format!(
                r#","LastEvaluatedKey":{{"partition":{{"S":"p"}},"viewerId":{{"S":"{last}"}}}}"#
            )
        });
        let body = format!(r#"{{"Items":[{items}],"Count":1{last}}}"#);
        let after = after.map(|after| after.parse().unwrap());
        checked("a#b#q1#0", after.as_ref(), Ok(serde_json::from_str(&body)))
    }

    #[test]
    fn a_page_goes_on_in_the_order_of_bytes_from_where_the_last_one_ended() {
        let viewers = |after, viewers: &[&str], last| {
            let page = page::<Recorded>(after, viewers, last).unwrap();
            page.items
                .into_iter()
                .map(|row| row.viewer_id.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(viewers(None, &["B", "_", "a"], None), ["B", "_", "a"]);
        assert_eq!(viewers(Some("a"), &["aa", "b"], Some("b")), ["aa", "b"]);
        assert_eq!(
            viewers(Some("a"), &["b"], Some("c")),
            ["b"],
            "a refusal was the last"
        );
        assert!(
            viewers(Some("a"), &[], Some("b")).is_empty(),
            "refusals only"
        );
    }

    #[test]
    fn a_page_out_of_order_is_refused() {
        let refused = |after, viewers: &[&str], last| {
            let error = page::<Recorded>(after, viewers, last).err().unwrap();
            assert!(
                matches!(&error, StoreError::OutOfOrder(key) if key == "a#b#q1#0"),
                "{error}"
            );
        };
        refused(None, &["a", "B"], None);
        refused(None, &["a", "a"], None);
        refused(Some("b"), &["b", "c"], None);
        refused(Some("b"), &["a", "c"], None);
        refused(Some("a"), &["b", "c"], Some("b"));
        refused(Some("a"), &[], Some("a"));
    }

    #[test]
    fn a_page_that_never_ends_is_refused_also_where_no_viewer_is_read() {
        assert!(page::<Choice>(Some("a"), &["b"], Some("b")).is_ok());
        for last in ["a", "A"] {
            let error = page::<Choice>(Some("a"), &["b"], Some(last)).err().unwrap();
            assert!(matches!(error, StoreError::OutOfOrder(_)), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_repeated() {
        let error = page::<Whole>(None, &["a"], None).err().unwrap().to_string();
        assert!(
            error.starts_with("a page of a#b#q1#0 cannot be read: Data error"),
            "{error}"
        );
    }
}
