//! DynamoDB Streams: records that a function was to have, as Lambda would have delivered them.

use std::collections::HashMap;

use aws_sdk_dynamodbstreams::{
    Client,
    error::ProvideErrorMetadata,
    types::{AttributeValue, Record, ShardIteratorType, StreamRecord},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use cuepoint_shared::aws::AwsError;
use serde_json::{Map, Value, json};

use crate::redrive::letter::{Place, SequenceNumber};

/// How often nothing may come before the end is given up on: an open shard has pages without
/// records in it.
const EMPTY_PAGES: u32 = 200;

/// The records cannot be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StreamError {
    /// They are too old, or their table or shard is gone.
    #[error("its records are gone: a stream keeps them for 24 hours")]
    Gone,
    /// The end of the batch was not found.
    #[error("the stream has no record {0}")]
    NoEnd(String),
    /// The call failed.
    #[error(transparent)]
    Call(#[from] AwsError),
}

/// The streams of an account.
#[derive(Debug, Clone)]
pub struct Streams {
    client: Client,
}

/// The records of one batch, page by page.
#[derive(Debug)]
pub struct Pages<'a> {
    streams: &'a Streams,
    place: &'a Place,
    iterator: Option<String>,
}

impl Streams {
    /// The streams that this client sees.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The records of a batch, from its first on.
    ///
    /// # Errors
    /// [`StreamError`]
    pub async fn pages<'a>(&'a self, place: &'a Place) -> Result<Pages<'a>, StreamError> {
        let answer = self
            .client
            .get_shard_iterator()
            .stream_arn(&place.stream)
            .shard_id(&place.shard)
            .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
            .sequence_number(&place.first)
            .send()
            .await
            .map_err(|error| match error.code() {
                Some("TrimmedDataAccessException" | "ResourceNotFoundException") => {
                    StreamError::Gone
                }
                _ => AwsError::new("GetShardIterator", &error).into(),
            })?;
        Ok(Pages {
            streams: self,
            place,
            iterator: answer.shard_iterator,
        })
    }
}

impl Pages<'_> {
    /// Some more records, oldest first; empty when the batch has ended.
    ///
    /// # Errors
    /// [`StreamError`]
    pub async fn next(&mut self) -> Result<Vec<Value>, StreamError> {
        let last = SequenceNumber::new(&self.place.last);
        for _ in 0..EMPTY_PAGES {
            let Some(iterator) = self.iterator.take() else {
                return Ok(Vec::new());
            };
            let answer = self
                .streams
                .client
                .get_records()
                .shard_iterator(iterator)
                .send();
            let answer = answer.await.map_err(|error| match error.code() {
                Some("TrimmedDataAccessException" | "ResourceNotFoundException") => {
                    StreamError::Gone
                }
                _ => AwsError::new("GetRecords", &error).into(),
            })?;
            let records = answer.records();
            let within = |record: &&Record| number(record).is_some_and(|at| at <= last);
            let ended = records
                .iter()
                .any(|record| number(record).is_some_and(|at| at >= last));
            if !ended {
                self.iterator = answer.next_shard_iterator.clone();
                if self.iterator.is_none() {
                    return Err(StreamError::NoEnd(self.place.last.clone()));
                }
            }
            let found: Vec<Value> = records
                .iter()
                .take_while(within)
                .map(|record| delivered(record, &self.place.stream))
                .collect();
            if ended || !found.is_empty() {
                return Ok(found);
            }
        }
        Err(StreamError::NoEnd(self.place.last.clone()))
    }
}

fn number(record: &Record) -> Option<SequenceNumber<'_>> {
    record
        .dynamodb()?
        .sequence_number()
        .map(SequenceNumber::new)
}

/// A record in the form in which Lambda delivers it.
fn delivered(record: &Record, stream: &str) -> Value {
    let mut delivered = json!({
        "eventID": record.event_id(),
        "eventName": record.event_name().map(|name| name.as_str()),
        "eventVersion": record.event_version(),
        "eventSource": record.event_source(),
        "awsRegion": record.aws_region(),
        "dynamodb": record.dynamodb().map(change),
        "eventSourceARN": stream,
    });
    if let Some(identity) = record.user_identity() {
        delivered["userIdentity"] = json!({
            "type": identity.r#type(),
            "principalId": identity.principal_id(),
        });
    }
    delivered
}

fn change(record: &StreamRecord) -> Value {
    let mut change = json!({
        "Keys": record.keys().map(item),
        "SequenceNumber": record.sequence_number(),
        "SizeBytes": record.size_bytes(),
        "StreamViewType": record.stream_view_type().map(|kind| kind.as_str()),
        "ApproximateCreationDateTime":
            record.approximate_creation_date_time().map(|time| time.as_secs_f64()),
    });
    for (name, image) in [
        ("NewImage", record.new_image()),
        ("OldImage", record.old_image()),
    ] {
        if let Some(image) = image {
            change[name] = item(image);
        }
    }
    change
}

fn item(item: &HashMap<String, AttributeValue>) -> Value {
    let fields = item
        .iter()
        .map(|(name, value)| (name.clone(), attribute(value)));
    fields.collect::<Map<_, _>>().into()
}

fn attribute(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(is) => json!({ "BOOL": is }),
        AttributeValue::Null(is) => json!({ "NULL": is }),
        AttributeValue::B(bytes) => json!({ "B": BASE64_STANDARD.encode(bytes) }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Bs(all) => {
            let all: Vec<_> = all
                .iter()
                .map(|bytes| BASE64_STANDARD.encode(bytes))
                .collect();
            json!({ "BS": all })
        }
        AttributeValue::L(values) => {
            let values: Vec<_> = values.iter().map(attribute).collect();
            json!({ "L": values })
        }
        AttributeValue::M(fields) => json!({ "M": item(fields) }),
        // A kind that DynamoDB has not today; the function parks what it cannot read.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodbstreams::types::OperationType;

    use super::*;

    #[test]
    fn a_record_reads_as_lambda_delivers_it() {
        let text = |text: &str| AttributeValue::S(text.into());
        let image = StreamRecord::builder()
            .keys("userId", text("viewer"))
            .new_image("userId", text("viewer"))
            .new_image(
                "counts",
                AttributeValue::L(vec![AttributeValue::N("1".into())]),
            )
            .new_image("gone", AttributeValue::Null(true))
            .sequence_number("400000000000000499660")
            .build();
        let record = Record::builder()
            .event_id("e1")
            .event_name(OperationType::Insert)
            .dynamodb(image)
            .build();
        let delivered = delivered(&record, "arn:stream");
        assert_eq!(delivered["eventID"], "e1");
        assert_eq!(delivered["eventName"], "INSERT");
        assert_eq!(delivered["eventSourceARN"], "arn:stream");
        let change = &delivered["dynamodb"];
        assert_eq!(change["SequenceNumber"], "400000000000000499660");
        assert_eq!(change["Keys"], json!({"userId": {"S": "viewer"}}));
        assert_eq!(
            change["NewImage"],
            json!({"userId": {"S": "viewer"}, "counts": {"L": [{"N": "1"}]}, "gone": {"NULL": true}})
        );
        assert!(change.get("OldImage").is_none());
    }
}
