//! SQS: the dead-letter queues, the queue that a message goes back to, and the analysts' queue.

use std::collections::BTreeMap;

use aws_sdk_sqs::{
    Client,
    types::{
        ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
        MessageSystemAttributeName, QueueAttributeName,
    },
};
use cuepoint_shared::aws::{AwsError, Failure};
use jiff::Timestamp;

use crate::redrive::letter::Letter;

/// How many messages one call takes.
const AT_ONCE: i32 = 10;

/// How messages are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taking {
    /// How long they are hidden from others, in seconds, 43,200 at most. They are there again after
    /// that, should this program be killed.
    pub hidden: i32,
    /// How long a call waits for a first one, in seconds, 1 to 20: so it asks all of the queue's
    /// servers.
    pub wait: i32,
}

/// What lets a received message be deleted or shown again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt(String);

impl Receipt {
    /// Of this handle.
    pub fn new(handle: String) -> Self {
        Self(handle)
    }
}

/// The queues of an account.
#[derive(Debug, Clone)]
pub struct Queues {
    client: Client,
}

impl Queues {
    /// The queues that this client sees.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Takes a few messages, which are hidden from others for a while. None: there is none left.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn receive(
        &self,
        queue: &str,
        taking: Taking,
    ) -> Result<Vec<(Letter, Receipt)>, AwsError> {
        let answer = self
            .client
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(AT_ONCE)
            .visibility_timeout(taking.hidden)
            .wait_time_seconds(taking.wait)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .send()
            .await
            .map_err(|error| AwsError::new("ReceiveMessage", &error))?;
        Ok(answer.messages().iter().map(read).collect())
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn send(&self, queue: &str, body: &str) -> Result<(), AwsError> {
        let call = self
            .client
            .send_message()
            .queue_url(queue)
            .message_body(body);
        call.send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::new("SendMessage", &error))
    }

    /// Deletes a message.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn delete(&self, queue: &str, receipt: &Receipt) -> Result<(), AwsError> {
        let call = self.client.delete_message().queue_url(queue);
        call.receipt_handle(&receipt.0)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::new("DeleteMessage", &error))
    }

    /// Deletes messages, at most as many as were received at once.
    ///
    /// # Errors
    /// [`AwsError`] of the call, or of the first message that was not deleted.
    pub async fn delete_all(&self, queue: &str, receipts: &[Receipt]) -> Result<(), AwsError> {
        if receipts.is_empty() {
            return Ok(());
        }
        let entries = receipts.iter().enumerate().map(|(index, Receipt(handle))| {
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(handle)
                .build()
                .expect("id and receipt are set")
        });
        let call = self.client.delete_message_batch().queue_url(queue);
        let answer = call
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .map_err(|error| AwsError::new("DeleteMessageBatch", &error))?;
        match answer.failed().first() {
            None => Ok(()),
            Some(failed) => Err(AwsError {
                operation: "DeleteMessageBatch",
                failure: match failed.sender_fault() {
                    true => Failure::Refused,
                    false => Failure::Unavailable,
                },
                code: failed.code().to_owned(),
                message: failed.message().unwrap_or("no message").to_owned(),
            }),
        }
    }

    /// Shows messages again that were received. One that is gone or was shown again by itself is
    /// fine.
    ///
    /// # Errors
    /// The first [`AwsError`]; all other messages are shown. What is not shown now is there again
    /// when the time is over for which it was taken.
    pub async fn release(&self, queue: &str, receipts: &[Receipt]) -> Result<(), AwsError> {
        let mut failed = None;
        for some in receipts.chunks(AT_ONCE.unsigned_abs() as usize) {
            let entries = some.iter().enumerate().map(|(index, Receipt(handle))| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(index.to_string())
                    .receipt_handle(handle)
                    .visibility_timeout(0)
                    .build()
                    .expect("id and receipt are set")
            });
            let shown = self
                .client
                .change_message_visibility_batch()
                .queue_url(queue)
                .set_entries(Some(entries.collect()))
                .send()
                .await;
            if let Err(error) = shown {
                let error = AwsError::new("ChangeMessageVisibilityBatch", &error);
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Whether nothing waits in a queue and nothing taken from it is under way, as far as the queue
    /// knows.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn is_empty(&self, queue: &str) -> Result<bool, AwsError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(queue)
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await
            .map_err(|error| AwsError::new("GetQueueAttributes", &error))?;
        let attributes = answer.attributes();
        let zero = |name| {
            attributes
                .and_then(|all| all.get(name))
                .is_some_and(|n| n == "0")
        };
        Ok(names.iter().all(zero))
    }
}

fn read(message: &Message) -> (Letter, Receipt) {
    let sent = message
        .attributes()
        .and_then(|all| all.get(&MessageSystemAttributeName::SentTimestamp))
        .and_then(|text| text.parse().ok())
        .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
    let attributes = message.message_attributes().into_iter().flatten();
    let texts = attributes
        .filter_map(|(name, value)| Some((name.clone(), value.string_value()?.to_owned())));
    let letter = Letter {
        message_id: message.message_id().unwrap_or_default().to_owned(),
        body: message.body().unwrap_or_default().to_owned(),
        attributes: texts.collect::<BTreeMap<_, _>>(),
        sent: sent.unwrap_or(Timestamp::UNIX_EPOCH),
    };
    let receipt = Receipt::new(message.receipt_handle().unwrap_or_default().to_owned());
    (letter, receipt)
}
