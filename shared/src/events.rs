//! The events on the bus: one Rust type per contract in `events/`.
//!
//! A consumer reads an event into its type, and that is its validation: a field that is missing or
//! out of bounds does not become a value. The JSON Schemas in `events/` are generated from these
//! types, and a test holds both against the examples. Unknown fields are ignored, so that a
//! producer may add some.

mod answers;
mod entitlement;
mod playback;
mod quiz;
mod text;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use crate::ids::{CorrelationId, EventId};

pub use answers::{
    AnswersRecorded, QuestionOpened, QuestionTallied, QuestionVoided, RecordedAnswer,
};
pub use entitlement::{
    EntitlementGranted, EntitlementRevoked, MaximumResolution, UserEntitled, UserEntitlementRevoked,
};
pub use playback::PlaybackTokenIssued;
pub use quiz::{
    QuizAborted, QuizCancelRequested, QuizCancelled, QuizCompleted, QuizScheduled, QuizStarted,
};
pub use text::{Text, TextTooLong};

/// What an event says; the type is its contract.
pub trait EventData: Serialize + DeserializeOwned + JsonSchema {
    /// `detail-type` on the bus, and the name of the schema.
    const DETAIL_TYPE: &'static str;
    /// `source` on the bus. For events of upstream apps, which use their own, this is the one that
    /// the example uses.
    const SOURCE: &'static str;
}

/// An event's `detail`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(bound(deserialize = "T: DeserializeOwned"))]
pub struct Event<T> {
    /// About the event itself.
    pub metadata: Metadata,
    /// What happened.
    pub data: T,
}

/// About an event itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The same for every delivery of the same event.
    pub event_id: EventId,
    /// When it happened, by its producer's clock; decides which of two events is newer.
    pub occurred_at: Timestamp,
    /// Carried from cause to effect.
    pub correlation_id: CorrelationId,
    /// The version of the contract.
    pub schema_version: SchemaVersion,
}

impl Metadata {
    /// Metadata of the present contract.
    pub fn new(event_id: EventId, occurred_at: Timestamp, correlation_id: CorrelationId) -> Self {
        Self {
            event_id,
            occurred_at,
            correlation_id,
            schema_version: SchemaVersion,
        }
    }
}

/// The version of the contracts that this code speaks: 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaVersion;

impl SchemaVersion {
    const NUMBER: u32 = 1;
}

impl Serialize for SchemaVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(Self::NUMBER)
    }
}

impl<'de> Deserialize<'de> for SchemaVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            Self::NUMBER => Ok(Self),
            other => Err(serde::de::Error::custom(format!(
                "schemaVersion {other} is unknown, this consumer speaks {}",
                Self::NUMBER
            ))),
        }
    }
}

impl JsonSchema for SchemaVersion {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SchemaVersion".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "const": Self::NUMBER })
    }
}

/// What EventBridge delivers to a queue: the event in its envelope.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Delivery {
    /// `detail-type`.
    pub detail_type: String,
    /// Who put it on the bus.
    pub source: String,
    /// The event, not read yet.
    pub detail: serde_json::Value,
}

/// One contract, for whoever checks or publishes it.
pub struct Contract {
    /// `detail-type` on the bus.
    pub detail_type: &'static str,
    /// `source` on the bus; for events of upstream apps, the one that the example uses.
    pub source: &'static str,
    /// What a valid `detail` looks like.
    pub schema: Schema,
    /// Reads a `detail` as a consumer does and writes it again as a producer would.
    pub round_trip: fn(serde_json::Value) -> serde_json::Result<serde_json::Value>,
}

/// All contracts.
pub fn contracts() -> Vec<Contract> {
    fn contract<T: EventData>() -> Contract {
        let mut schema = schemars::schema_for!(Event<T>);
        schema.insert("title".to_owned(), T::DETAIL_TYPE.into());
        let round_trip = |detail| {
            serde_json::from_value::<Event<T>>(detail)
                .and_then(|event| serde_json::to_value(&event))
        };
        Contract {
            detail_type: T::DETAIL_TYPE,
            source: T::SOURCE,
            schema,
            round_trip,
        }
    }
    vec![
        contract::<UserEntitled>(),
        contract::<UserEntitlementRevoked>(),
        contract::<EntitlementGranted>(),
        contract::<EntitlementRevoked>(),
        contract::<PlaybackTokenIssued>(),
        contract::<QuizScheduled>(),
        contract::<QuizStarted>(),
        contract::<QuizCompleted>(),
        contract::<QuizAborted>(),
        contract::<QuizCancelRequested>(),
        contract::<QuizCancelled>(),
        contract::<QuestionOpened>(),
        contract::<QuestionTallied>(),
        contract::<QuestionVoided>(),
        contract::<AnswersRecorded>(),
    ]
}
