//! The dead-letter queue of a function: where a record goes that can never work, with its reason.

use aws_sdk_sqs::{Client, types::MessageAttributeValue};

use crate::aws::AwsError;

/// Message attribute: why the record was parked, in one line.
pub const REASON: &str = "reason";
/// Message attribute: which function parked it.
pub const FUNCTION: &str = "function";
/// Message attribute: the id of the event or stream record, when it is known.
pub const EVENT_ID: &str = "eventId";

/// Parks records of one function.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    client: Client,
    queue_url: String,
    function: &'static str,
}

impl DeadLetters {
    /// The queue of this function.
    pub fn new(client: Client, queue_url: String, function: &'static str) -> Self {
        Self {
            client,
            queue_url,
            function,
        }
    }

    /// Keeps a record as it came.
    ///
    /// # Errors
    /// [`AwsError`]: the record is not kept, so the caller must fail and be called again.
    pub async fn park(
        &self,
        record: &str,
        reason: &str,
        event_id: Option<&str>,
    ) -> Result<(), AwsError> {
        let mut message = self
            .client
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(record)
            .message_attributes(REASON, text(&one_line(reason)))
            .message_attributes(FUNCTION, text(self.function));
        if let Some(id) = event_id.filter(|id| !id.is_empty()) {
            message = message.message_attributes(EVENT_ID, text(id));
        }
        message
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::new("SendMessage", &error))
    }
}

fn text(value: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(value)
        .build()
        .expect("the data type is set")
}

/// SQS takes no control characters in an attribute.
fn one_line(reason: &str) -> String {
    let line: String = reason
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if line.trim().is_empty() {
        "no reason given".to_owned()
    } else {
        line
    }
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn a_reason_is_one_line_and_never_empty() {
        assert_eq!(one_line("a\nb\u{1}c"), "a b c");
        assert_eq!(one_line("\n"), "no reason given");
    }
}
