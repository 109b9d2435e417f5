//! Delivers one letter again, and deletes it then.

use serde_json::json;

use super::{
    DeadLetterQueue, Redrive, Work,
    letter::{Opened, Origin, Place, Way},
};
use crate::{function::InvokeError, queue::Receipt};

/// How many records a function is called with, as its event source does.
const BATCH: usize = 100;

impl Redrive {
    /// # Errors
    /// Why it is left where it is, in one line.
    pub(super) async fn put_back(
        &self,
        queue: &DeadLetterQueue,
        letter: &Opened,
        receipt: &Receipt,
        work: &mut Work,
    ) -> Result<(), String> {
        let way = letter.way(&queue.origin)?;
        if let Some(why) = waits(letter, &way, work) {
            return Err(why);
        }
        let delivered = self.deliver(&queue.origin, &letter.letter.body, &way).await;
        if let Err(failed) = delivered {
            if let Failed::Function(_) = failed {
                let why = format!("an older one failed: {}", letter.letter.message_id);
                match letter.item() {
                    Some(item) => drop(work.waiting.insert(item, why)),
                    None => work.stopped = Some(why),
                }
            }
            return Err(failed.to_string());
        }
        // Not deleted, it is delivered once more by the next redrive.
        let deleted = self.queues.delete(&queue.url, receipt).await;
        deleted.map_err(|error| format!("delivered, but not deleted: {error}"))
    }

    async fn deliver(&self, origin: &Origin, body: &str, way: &Way) -> Result<(), Failed> {
        match (origin, way) {
            (Origin::Queue { url }, Way::Send) => {
                self.queues.send(url, body).await.map_err(Failed::call)
            }
            (Origin::Function { deployed, .. }, Way::Record(record)) => {
                self.call(deployed, std::slice::from_ref(record)).await
            }
            (Origin::Function { deployed, .. }, Way::Batch(place)) => {
                self.replay(deployed, place).await
            }
            (Origin::Saga { arn }, Way::Start { name, input }) => self
                .sagas
                .start(arn, name, input)
                .await
                .map_err(Failed::call),
            _ => Err(Failed::Other("it does not fit its queue".to_owned())),
        }
    }

    /// Calls a function with a batch as the stream has it. What the event source would leave out,
    /// the function leaves out.
    async fn replay(&self, function: &str, place: &Place) -> Result<(), Failed> {
        let mut pages = self.streams.pages(place).await.map_err(Failed::call)?;
        loop {
            let records = pages.next().await.map_err(Failed::call)?;
            if records.is_empty() {
                return Ok(());
            }
            for batch in records.chunks(BATCH) {
                self.call(function, batch).await?;
            }
        }
    }

    async fn call(&self, function: &str, records: &[serde_json::Value]) -> Result<(), Failed> {
        let called = self
            .functions
            .invoke(function, &json!({ "Records": records }))
            .await;
        called.map_err(|error| match error {
            InvokeError::Call(error) => Failed::call(error),
            InvokeError::Function { .. } => Failed::Function(error.to_string()),
        })
    }
}

/// Why a letter was not delivered.
#[derive(Debug, thiserror::Error)]
enum Failed {
    /// The function failed.
    #[error("{0}")]
    Function(String),
    /// Something else did.
    #[error("{0}")]
    Other(String),
}

impl Failed {
    fn call(error: impl std::error::Error) -> Self {
        Self::Other(error.to_string())
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
