//! A dead letter: where it came from, and why it is there. No rule here talks to AWS.

use std::{cmp::Ordering, collections::BTreeMap};

use cuepoint_shared::{
    dead_letters::{EVENT_ID, FUNCTION, REASON},
    ids::EventId,
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// How long after its time a quiz is still started. Whoever is asked to schedule one for a time
/// that has passed says no after a minute; a redrive needs a little longer.
pub const LATEST_START: SignedDuration = SignedDuration::from_mins(10);

/// A message of a dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The queue's id of it.
    pub message_id: String,
    /// What was not done.
    pub body: String,
    /// Its attributes that are text, by name.
    pub attributes: BTreeMap<String, String>,
    /// When it came into the queue.
    pub sent: Timestamp,
}

/// Whose dead letters a queue holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Of a function that reads this queue, and of the rule that feeds it.
    Queue {
        /// Its URL.
        url: String,
    },
    /// Of the rule that feeds this queue, which nobody has to read now.
    Store {
        /// Its URL.
        url: String,
    },
    /// Of a function that reads a stream.
    Function {
        /// What it is called in its dead letters.
        name: &'static str,
        /// What it is called in this deployment.
        deployed: String,
        /// How many records its event source calls it with at most.
        batch: usize,
    },
    /// Of a rule that starts a state machine with an event's detail, to run a quiz.
    Saga {
        /// The state machine's ARN.
        arn: String,
    },
    /// Of rules that start a state machine with an event's detail, to undo a run, and of that machine
    /// itself: never too late.
    Compensation {
        /// The state machine's ARN.
        arn: String,
    },
}

/// How a letter gets back.
#[derive(Debug, Clone, PartialEq)]
pub enum Way {
    /// Its body is sent to the queue it came from.
    Send,
    /// The function is called with this record of its stream.
    Record(Value),
    /// The function is called with these records, which the stream still has to have.
    Batch(Place),
    /// An execution is started.
    Start {
        /// Its name, the same for the same event.
        name: String,
        /// Its input.
        input: String,
    },
}

/// A batch in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The stream's ARN.
    pub stream: String,
    /// The shard.
    pub shard: String,
    /// The sequence number of the first record.
    pub first: String,
    /// The sequence number of the last.
    pub last: String,
}

/// A place in a stream shard: decimal digits, of no fixed width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceNumber<'a>(&'a str);

impl<'a> SequenceNumber<'a> {
    /// Of these digits.
    pub fn new(digits: &'a str) -> Self {
        Self(digits.trim_start_matches('0'))
    }
}

impl Ord for SequenceNumber<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.len(), self.0).cmp(&(other.0.len(), other.0))
    }
}

impl PartialOrd for SequenceNumber<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What Lambda sends when a batch of a stream outlived its retries ("Retain discarded records",
/// developer guide).
#[derive(Deserialize)]
struct OnFailure {
    #[serde(rename = "requestContext")]
    context: RequestContext,
    #[serde(rename = "DDBStreamBatchInfo")]
    batch: BatchInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext {
    function_arn: String,
    condition: String,
    #[serde(default)]
    approximate_invoke_count: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchInfo {
    stream_arn: String,
    shard_id: String,
    start_sequence_number: String,
    end_sequence_number: String,
}

/// A letter as it is read once.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The letter.
    pub letter: Letter,
    /// Its body, when it is JSON.
    json: Option<Value>,
}

impl Opened {
    /// Reads a letter.
    pub fn new(letter: Letter) -> Self {
        let json = serde_json::from_str(&letter.body).ok();
        Self { letter, json }
    }

    /// How it gets back to where it came from, at this time.
    ///
    /// # Errors
    /// Why it never can.
    pub fn way(&self, origin: &Origin, now: Timestamp) -> Result<Way, String> {
        let json = self.json.as_ref().ok_or("its body is not JSON")?;
        match origin {
            Origin::Queue { .. } | Origin::Store { .. } => Ok(Way::Send),
            Origin::Function { name, .. } => self.way_to_function(json, name),
            Origin::Saga { .. } => self.way_to_saga(json, now),
            Origin::Compensation { arn } => self.way_to_compensation(json, arn),
        }
    }

    fn way_to_function(&self, json: &Value, name: &str) -> Result<Way, String> {
        if let Some(OnFailure { batch, .. }) = self.on_failure() {
            let ends = [&batch.start_sequence_number, &batch.end_sequence_number];
            if !ends.into_iter().all(|end| is_number(end)) {
                return Err("its place in the stream cannot be read".to_owned());
            }
            return Ok(Way::Batch(Place {
                stream: batch.stream_arn,
                shard: batch.shard_id,
                first: batch.start_sequence_number,
                last: batch.end_sequence_number,
            }));
        }
        if let Some(other) = self.attribute(FUNCTION).filter(|other| *other != name) {
            let other = one_line(other);
            return Err(format!("it was parked by {other}, whose queue this is not"));
        }
        // Whether the item in it can be read is for the function to say.
        match json.get("dynamodb").is_some_and(Value::is_object) {
            true => Ok(Way::Record(json.clone())),
            false => Err("it is neither a record of a stream nor a note of Lambda".to_owned()),
        }
    }

    /// EventBridge keeps the event; what the rule hands on is its detail.
    fn way_to_saga(&self, json: &Value, now: Timestamp) -> Result<Way, String> {
        let detail = json.get("detail").unwrap_or(json);
        if !detail.get("data").is_some_and(Value::is_object) {
            return Err("it holds no event's detail".to_owned());
        }
        let starts_at = detail["data"]["startsAt"].as_str();
        let starts_at = starts_at.and_then(|text| text.parse::<Timestamp>().ok());
        if starts_at.is_some_and(|at| now.duration_since(at) > LATEST_START) {
            return Err("its start has passed: schedule the quiz anew".to_owned());
        }
        Ok(self.start(detail))
    }

    /// Of an execution of the compensation itself that did not end well, its input is what starts
    /// another one; any other event starts it with its detail.
    fn way_to_compensation(&self, json: &Value, compensation: &str) -> Result<Way, String> {
        let detail = json.get("detail").unwrap_or(json);
        if detail["stateMachineArn"] == compensation {
            let input = detail["input"].as_str();
            let input = input.and_then(|text| serde_json::from_str(text).ok());
            return match input {
                Some(input) => Ok(self.start(&input)),
                None => Err("it does not hold what the execution was started with".to_owned()),
            };
        }
        let known = |key| {
            detail
                .get(key)
                .is_some_and(|value: &Value| !value.is_null())
        };
        match known("data") || known("executionArn") {
            true => Ok(self.start(detail)),
            false => Err("it holds no event's detail".to_owned()),
        }
    }

    fn start(&self, detail: &Value) -> Way {
        Way::Start {
            name: format!(
                "redrive-{}",
                Uuid::new_v5(&Uuid::NAMESPACE_URL, self.identity().as_bytes())
            ),
            input: detail.to_string(),
        }
    }

    /// What tells what it is about from everything else, also when it comes back in a new message.
    pub fn identity(&self) -> String {
        match (self.own_id(), &self.json) {
            (Some(id), _) => id.to_owned(),
            (None, Some(json)) => json.to_string(),
            (None, None) => self.letter.body.clone(),
        }
    }

    /// The id of the event or record in it, when it is one: it may be any text in what an upstream
    /// app has sent.
    pub fn event_id(&self) -> Option<EventId> {
        self.own_id()?.parse().ok()
    }

    fn own_id(&self) -> Option<&str> {
        let within = ["/eventID", "/detail/metadata/eventId", "/metadata/eventId"];
        let json = self.json.as_ref();
        let within = || within.iter().find_map(|at| json?.pointer(at)?.as_str());
        self.attribute(EVENT_ID)
            .or_else(within)
            .filter(|id| !id.is_empty())
    }

    /// The function that could not do it, or the rule that could not reach its target.
    pub fn function(&self) -> Option<String> {
        let last = |arn: &str| arn.rsplit([':', '/']).next().map(one_line);
        if let Some(OnFailure { context, .. }) = self.on_failure() {
            return last(&context.function_arn);
        }
        let rule = || self.attribute("RULE_ARN").and_then(last);
        self.attribute(FUNCTION).map(one_line).or_else(rule)
    }

    /// Why it is here, in one line.
    pub fn reason(&self) -> String {
        if let Some(reason) = self.attribute(REASON) {
            return one_line(reason);
        }
        if let Some(code) = self.attribute("ERROR_CODE") {
            let message = self.attribute("ERROR_MESSAGE").unwrap_or("no reason given");
            return one_line(&format!("EventBridge: {code}: {message}"));
        }
        match self.on_failure() {
            Some(OnFailure { context, .. }) => {
                let (condition, times) = (context.condition, context.approximate_invoke_count);
                one_line(&format!(
                    "Lambda: {condition}, after {times} invocations: see the function's log"
                ))
            }
            None => "it failed too often: see the function's log".to_owned(),
        }
    }

    /// The item that a record is about, so that its changes stay in order.
    pub fn item(&self) -> Option<String> {
        Some(self.json.as_ref()?.pointer("/dynamodb/Keys")?.to_string())
    }

    /// The older of two letters of a queue: by their place in the stream, then by when they came.
    /// Those without a place go first.
    pub fn by_age(&self, other: &Self) -> Ordering {
        let age = |letter: &Self| letter.letter.sent;
        let place = self.sequence_number().cmp(&other.sequence_number());
        place.then_with(|| age(self).cmp(&age(other)))
    }

    fn sequence_number(&self) -> Option<SequenceNumber<'_>> {
        let json = self.json.as_ref()?;
        [
            "/dynamodb/SequenceNumber",
            "/DDBStreamBatchInfo/startSequenceNumber",
        ]
        .iter()
        .find_map(|at| json.pointer(at)?.as_str())
        .map(SequenceNumber::new)
    }

    fn on_failure(&self) -> Option<OnFailure> {
        OnFailure::deserialize(self.json.as_ref()?).ok()
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.letter.attributes.get(name).map(String::as_str)
    }
}

/// Text of a message as it may be printed.
pub fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
