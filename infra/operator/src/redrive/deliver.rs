//! Delivers one letter again, and deletes it then.

use serde_json::{Value, json};

use super::{
    DeadLetterQueue, Redrive, Work,
    letter::{Opened, Origin, Place, Way},
};
use crate::{function::InvokeError, queue::Receipt, stream::StreamError};

/// How many records a function is called with, as its event source does.
const BATCH: usize = 100;

/// Why a letter was not delivered.
#[derive(Debug, thiserror::Error)]
enum Failed {
    /// It may be another time.
    #[error("{0}")]
    Now(String),
    /// It never will be.
    #[error("{0}")]
    Never(String),
}

impl Redrive {
    /// Returns what it was about, so that it is known again if it comes back.
    ///
    /// # Errors
    /// Why it is left where it is, in one line.
    pub(super) async fn put_back(
        &self,
        queue: &DeadLetterQueue,
        letter: &Opened,
        receipt: &Receipt,
        work: &mut Work,
    ) -> Result<Vec<String>, String> {
        let way = letter.way(&queue.origin)?;
        if let Some(why) = waits(letter, &way, work) {
            return Err(why);
        }
        match self.deliver(&queue.origin, letter, &way).await {
            // Not deleted, it is delivered once more by the next redrive.
            Ok(about) => match self.queues.delete(&queue.url, receipt).await {
                Ok(()) => Ok(about),
                Err(error) => Err(format!("delivered, but not deleted: {error}")),
            },
            Err(failed) => {
                if let Failed::Now(_) = failed {
                    remember(letter, work);
                }
                Err(failed.to_string())
            }
        }
    }

    async fn deliver(
        &self,
        origin: &Origin,
        letter: &Opened,
        way: &Way,
    ) -> Result<Vec<String>, Failed> {
        match (origin, way) {
            (Origin::Queue { url }, Way::Send) => {
                let sent = self.queues.send(url, &letter.letter.body).await;
                sent.map_err(now)?;
            }
            (Origin::Function { deployed, .. }, Way::Record(record)) => {
                self.call(deployed, std::slice::from_ref(record)).await?;
            }
            (Origin::Function { deployed, .. }, Way::Batch(place)) => {
                return self.replay(deployed, place).await;
            }
            (Origin::Saga { arn }, Way::Start { name, input }) => {
                self.sagas.start(arn, name, input).await.map_err(now)?;
            }
            _ => return Err(Failed::Never("it does not fit its queue".to_owned())),
        }
        Ok(vec![letter.identity()])
    }

    /// Calls a function with a batch as the stream has it. What the event source would leave out,
    /// the function leaves out. Returns the ids of the records.
    async fn replay(&self, function: &str, place: &Place) -> Result<Vec<String>, Failed> {
        let mut pages = self.streams.pages(place).await?;
        let mut about = Vec::new();
        loop {
            let records = pages.next().await?;
            if records.is_empty() {
                return Ok(about);
            }
            for batch in records.chunks(BATCH) {
                self.call(function, batch).await?;
            }
            let ids = records
                .iter()
                .filter_map(|record| record["eventID"].as_str());
            about.extend(ids.map(str::to_owned));
        }
    }

    async fn call(&self, function: &str, records: &[Value]) -> Result<(), Failed> {
        let called = self
            .functions
            .invoke(function, &json!({ "Records": records }))
            .await;
        called.map_err(|error: InvokeError| now(error))
    }
}

fn now(error: impl std::error::Error) -> Failed {
    Failed::Now(error.to_string())
}

impl From<StreamError> for Failed {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Gone | StreamError::NoEnd(_) => Self::Never(error.to_string()),
            StreamError::Call(error) => now(error),
        }
    }
}

/// Why a change has to wait for an older one.
fn waits(letter: &Opened, way: &Way, work: &Work) -> Option<String> {
    match way {
        Way::Record(_) | Way::Batch(_) => {
            let item = || work.waiting.get(&letter.item()?).cloned();
            work.stopped.clone().or_else(item)
        }
        Way::Send | Way::Start { .. } => None,
    }
}

/// Later changes of the same item have to wait for this one; a batch is about many items.
fn remember(letter: &Opened, work: &mut Work) {
    let why = format!(
        "an older one could not be moved: message {}",
        letter.letter.message_id
    );
    match letter.item() {
        Some(item) => drop(work.waiting.insert(item, why)),
        None => work.stopped = Some(why),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::redrive::letter::Letter;

    fn letter(body: &Value) -> Opened {
        Opened::new(Letter {
            message_id: "m1".to_owned(),
            body: body.to_string(),
            attributes: [].into(),
            sent: Timestamp::UNIX_EPOCH,
        })
    }

    #[test]
    fn later_changes_of_an_item_wait_for_one_that_failed() {
        let mut work = Work::default();
        let record = |item: &str| {
            let record = json!({"dynamodb": {"Keys": {"pk": {"S": item}}}});
            (letter(&record), Way::Record(record))
        };
        let (failed, way) = record("a");
        assert_eq!(waits(&failed, &way, &work), None);
        remember(&failed, &mut work);
        let (later, way) = record("a");
        assert!(waits(&later, &way, &work).unwrap().contains("message m1"));
        let (other, way) = record("b");
        assert_eq!(waits(&other, &way, &work), None);

        remember(&letter(&json!({"DDBStreamBatchInfo": {}})), &mut work);
        assert!(
            waits(&other, &way, &work).is_some(),
            "a batch may be about any item"
        );
        assert_eq!(
            waits(&other, &Way::Send, &work),
            None,
            "events of upstream apps have no order"
        );
    }
}
