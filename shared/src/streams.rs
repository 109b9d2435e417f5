//! What Lambda delivers from a DynamoDB stream.
//!
//! Each record is kept as it came, so that one that cannot be read can be parked as it came. A
//! function that reads a stream fails the whole batch for what may pass later, and parks what can
//! never work: it never reports single failures of a batch. What has failed for too long is parked
//! too, with the reason, before Lambda would give it up without one: see [`Patience`].

use std::{collections::HashMap, fmt::Display};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, de::DeserializeOwned};
use serde_dynamo::AttributeValue;
use serde_json::Value;

use crate::{
    aws::AwsError,
    clock::Clock,
    config::{self, ConfigError},
    dead_letters::DeadLetters,
};

/// A batch of records, oldest first.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct StreamBatch {
    /// The records as they came.
    #[serde(rename = "Records")]
    pub records: Vec<Value>,
    /// The shard of the stream, where Lambda says it (it does for tumbling windows only).
    #[serde(rename = "shardId", default)]
    pub shard_id: Option<String>,
    /// Whether an operator delivers it again, who then has to hear of a failure: see
    /// [`Patience::with`].
    #[serde(default)]
    pub redrive: bool,
}

/// What happened to an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ChangeKind {
    /// It is new.
    Insert,
    /// It was there before.
    Modify,
    /// It is gone, by a delete or by its time to live.
    Remove,
}

/// A record that is not one of a DynamoDB stream, or whose item is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The record itself cannot be read.
    #[error("not a stream record: {0}")]
    NotARecord(#[from] serde_json::Error),
    /// The item in it cannot be read.
    #[error("the item in it: {0}")]
    Item(#[from] serde_dynamo::Error),
}

/// One change of an item.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<T> {
    /// The same for every delivery of this record.
    pub event_id: String,
    /// What happened.
    pub kind: ChangeKind,
    /// Its place in the stream shard: decimal digits, of no fixed width.
    pub sequence_number: String,
    /// The item before, where the stream carries it.
    pub old: Option<T>,
    /// The item after, where the stream carries it.
    pub new: Option<T>,
}

/// The id of a record that may not be readable otherwise.
pub fn event_id(record: &Value) -> Option<&str> {
    record.get("eventID").and_then(Value::as_str)
}

impl<T: DeserializeOwned> Change<T> {
    /// Reads a record and the items in it.
    ///
    /// # Errors
    /// [`RecordError`]: it will not be readable at the next delivery either.
    pub fn read(record: &Value) -> Result<Self, RecordError> {
        let record = Record::deserialize(record)?;
        Ok(Self {
            event_id: record.event_id,
            kind: record.event_name,
            sequence_number: record.dynamodb.sequence_number,
            old: item(record.dynamodb.old_image)?,
            new: item(record.dynamodb.new_image)?,
        })
    }
}

fn item<T: DeserializeOwned>(image: Option<Image>) -> Result<Option<T>, serde_dynamo::Error> {
    image.map(serde_dynamo::from_item).transpose()
}

/// A record to be parked, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadRecord<'a> {
    /// As it came.
    pub record: &'a Value,
    /// Why, in one line.
    pub reason: String,
}

/// What could be read of a batch.
#[derive(Debug)]
pub struct Sifted<'a, T> {
    /// What the records say, oldest first.
    pub read: Vec<T>,
    /// The records that can never be read.
    pub dead: Vec<DeadRecord<'a>>,
}

/// Reads a batch. A record that says nothing reads as none.
pub fn sift<'a, T, E: Display>(
    records: &'a [Value],
    read: impl Fn(&'a Value) -> Result<Option<T>, E>,
) -> Sifted<'a, T> {
    let mut sifted = Sifted {
        read: Vec::new(),
        dead: Vec::new(),
    };
    for record in records {
        match read(record) {
            Ok(said) => sifted.read.extend(said),
            Err(unusable) => {
                let reason = unusable.to_string();
                sifted.dead.push(DeadRecord { record, reason });
            }
        }
    }
    sifted
}

/// Keeps records as they came, with their ids and reasons. It comes last, when nothing of the batch
/// has to come again: else they would be parked once more at each delivery.
///
/// # Errors
/// [`AwsError`]: one is not kept, so the batch has to come again.
pub async fn park(dead: &[DeadRecord<'_>], dead_letters: &DeadLetters) -> Result<(), AwsError> {
    for DeadRecord { record, reason } in dead {
        let body = record.to_string();
        dead_letters.park(&body, reason, event_id(record)).await?;
    }
    Ok(())
}

/// How old a record may get while it fails for something that may pass.
///
/// Lambda gives a record up at the age that its event source says (`MaximumRecordAgeInSeconds`), and
/// then notes only its place in the stream. So a function gives up a while before, and keeps the
/// record with its reason. A record that is old but does not fail is not given up. One that an
/// operator has delivered again is not given up either: its letter is still in the queue, and the
/// later changes of its item wait for it.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    longest: SignedDuration,
    now: Clock,
}

impl Patience {
    /// Patience with records up to this age.
    pub fn new(longest: SignedDuration, now: Clock) -> Self {
        Self { longest, now }
    }

    /// Reads the variable `GIVE_UP_AFTER_SECONDS`.
    ///
    /// # Errors
    /// [`ConfigError`] when it is missing or not a whole number.
    pub fn from_env(now: Clock) -> Result<Self, ConfigError> {
        let seconds = config::required_number("GIVE_UP_AFTER_SECONDS")?;
        Ok(Self::new(SignedDuration::from_secs(seconds.into()), now))
    }

    /// Patience with the records of this batch: without an end for what an operator delivers again.
    #[must_use]
    pub fn with(self, batch: &StreamBatch) -> Self {
        match batch.redrive {
            true => Self::new(SignedDuration::MAX, self.now),
            false => self,
        }
    }

    /// Why a record that has failed with this error is given up; none when it is to come again. One
    /// that does not say how old it is comes again.
    pub fn gives_up(&self, record: &Value, error: &impl Display) -> Option<String> {
        let age = (self.now)().duration_since(created_at(record)?);
        let whole_seconds = SignedDuration::from_secs(age.as_secs());
        (age >= self.longest).then(|| format!("gave up after {whole_seconds:#}: {error}"))
    }

    /// The same for several records that failed with the same error; none when any of them is to
    /// come again, since they do so together. Lambda halves a batch that fails, so that one that is
    /// too old comes alone in the end.
    pub fn gives_up_all<'a>(
        &self,
        records: impl IntoIterator<Item = &'a Value>,
        error: &impl Display,
    ) -> Option<Vec<DeadRecord<'a>>> {
        let give_up = |record| {
            let reason = self.gives_up(record, error)?;
            Some(DeadRecord { record, reason })
        };
        records.into_iter().map(give_up).collect()
    }
}

/// When the change was made that a record tells of, as the stream knows it.
fn created_at(record: &Value) -> Option<Timestamp> {
    let seconds = record
        .pointer("/dynamodb/ApproximateCreationDateTime")?
        .as_f64()?;
    let since_1970 = SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_duration(since_1970).ok()
}

type Image = HashMap<String, AttributeValue>;

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventID")]
    event_id: String,
    #[serde(rename = "eventName")]
    event_name: ChangeKind,
    dynamodb: StreamRecord,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamRecord {
    sequence_number: String,
    #[serde(default)]
    old_image: Option<Image>,
    #[serde(default)]
    new_image: Option<Image>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Item {
        name: String,
        counts: Vec<u64>,
    }

    #[test]
    fn a_record_is_read_with_the_items_in_it() {
        let record = json!({
            "eventID": "7de3041dd709b024af6f29e4fa13d34c",
            "eventName": "MODIFY",
            "eventSource": "aws:dynamodb",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_479_499_740.5,
                "Keys": {"name": {"S": "a"}},
                "NewImage": {"name": {"S": "a"}, "counts": {"L": [{"N": "1"}, {"N": "2"}]}},
                "SequenceNumber": "400000000000000499660",
                "SizeBytes": 41,
                "StreamViewType": "NEW_IMAGE"
            }
        });
        let change = Change::<Item>::read(&record).unwrap();
        assert_eq!(event_id(&record), Some(change.event_id.as_str()));
        assert_eq!(change.kind, ChangeKind::Modify);
        assert_eq!(change.sequence_number, "400000000000000499660");
        assert_eq!(change.old, None);
        let expected = Item {
            name: "a".into(),
            counts: vec![1, 2],
        };
        assert_eq!(change.new, Some(expected));
    }

    #[test]
    fn a_failed_record_is_given_up_at_its_age_and_with_its_reason() {
        let now = || "2026-11-22T08:00:00Z".parse().unwrap();
        let patience = Patience::new(SignedDuration::from_mins(330), now);
        let gives_up = |created: Value| {
            let record = json!({"dynamodb": {"ApproximateCreationDateTime": created}});
            patience.gives_up(&record, &"IVS is down")
        };
        let eight = now().as_second();
        assert_eq!(gives_up(json!(eight - 330 * 60 + 1)), None);
        assert_eq!(
            gives_up(json!(eight as f64 - 330.0 * 60.0 - 0.5)).unwrap(),
            "gave up after 5h 30m: IVS is down"
        );
        assert_eq!(gives_up(json!(eight + 60)), None, "another clock");
        assert_eq!(gives_up(Value::Null), None);
        assert_eq!(gives_up(json!(f64::MAX)), None);
    }

    #[test]
    fn what_an_operator_delivers_again_is_never_given_up() {
        let now = || "2026-11-22T08:00:00Z".parse().unwrap();
        let patience = Patience::new(SignedDuration::from_mins(330), now);
        let gives_up = |batch: Value| {
            let batch = StreamBatch::deserialize(batch).unwrap();
            let patience = patience.with(&batch);
            patience.gives_up(&batch.records[0], &"IVS is down")
        };
        let old = json!({"dynamodb": {"ApproximateCreationDateTime": 0}});
        assert!(gives_up(json!({"Records": [old]})).is_some());
        assert_eq!(gives_up(json!({"Records": [old], "redrive": true})), None);
    }

    #[test]
    fn an_unreadable_record_says_whether_it_or_its_item_is_wrong() {
        let not_a_record = Change::<Item>::read(&json!({"eventName": "INSERT"}));
        assert!(matches!(not_a_record, Err(RecordError::NotARecord(_))));
        let wrong_item = Change::<Item>::read(&json!({
            "eventID": "1",
            "eventName": "INSERT",
            "dynamodb": {"SequenceNumber": "1", "NewImage": {"name": {"S": "a"}}}
        }));
        assert!(matches!(wrong_item, Err(RecordError::Item(_))));
    }
}
