//! Delivers one letter again, and deletes it then.

use serde_json::{Value, json};

use super::{
    DeadLetterQueue, Redrive, Work,
    letter::{Opened, Origin, Place, Way},
};
use crate::{function::InvokeError, stream::StreamError};

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
        work: &mut Work,
    ) -> Result<Vec<String>, String> {
        let way = letter.way(&queue.origin, (self.now)())?;
        if let Some(why) = waits(letter, &way, work) {
            return Err(why);
        }
        match self.deliver(&queue.origin, letter, &way).await {
            // Not deleted, it is delivered once more by the next redrive.
            Ok(about) => match self.delete(queue, letter, work).await {
                Ok(()) => Ok(about),
                Err(why) => Err(format!("delivered, but not deleted: {why}")),
            },
            Err(failed) => {
                if let Failed::Now(_) = failed {
                    remember(letter, work);
                }
                Err(failed.to_string())
            }
        }
    }

    async fn delete(
        &self,
        queue: &DeadLetterQueue,
        letter: &Opened,
        work: &mut Work,
    ) -> Result<(), String> {
        let id = &letter.letter.message_id;
        let receipt = work.taken.receipt(id).ok_or("it was not taken")?;
        let deleted = self.queues.delete(&queue.url, receipt).await;
        deleted.map_err(|error| error.to_string())?;
        work.taken.deleted(id);
        Ok(())
    }

    async fn deliver(
        &self,
        origin: &Origin,
        letter: &Opened,
        way: &Way,
    ) -> Result<Vec<String>, Failed> {
        match (origin, way) {
            (Origin::Queue { url } | Origin::Store { url }, Way::Send) => {
                let sent = self.queues.send(url, &letter.letter.body).await;
                sent.map_err(now)?;
            }
            (Origin::Function { deployed, .. }, Way::Record(record)) => {
                self.call(deployed, std::slice::from_ref(record)).await?;
            }
            (
                Origin::Function {
                    deployed, batch, ..
                },
                Way::Batch(place),
            ) => return self.replay(deployed, place, *batch).await,
            (Origin::Saga { arn } | Origin::Compensation { arn }, Way::Start { name, input }) => {
                self.sagas.start(arn, name, input).await.map_err(now)?;
            }
            _ => return Err(Failed::Never("it does not fit its queue".to_owned())),
        }
        Ok(vec![letter.identity()])
    }

    /// Calls a function with a batch as the stream has it, cut as its event source cuts at most.
    /// What the event source would leave out, the function leaves out. Returns the ids of the
    /// records.
    async fn replay(
        &self,
        function: &str,
        place: &Place,
        batch: usize,
    ) -> Result<Vec<String>, Failed> {
        let mut pages = self.streams.pages(place).await?;
        let (mut about, mut records) = (Vec::new(), Vec::new());
        loop {
            let page = pages.next().await?;
            let ended = page.is_empty();
            let ids = page.iter().filter_map(|record| record["eventID"].as_str());
            about.extend(ids.map(str::to_owned));
            records.extend(page);
            for some in next_calls(&mut records, batch, ended) {
                self.call(function, &some).await?;
            }
            if ended {
                return Ok(about);
            }
        }
    }

    /// The function is told that it is an operator who calls: it then fails for what it would
    /// otherwise give up, and park again, because of its age.
    async fn call(&self, function: &str, records: &[Value]) -> Result<(), Failed> {
        let called = self
            .functions
            .invoke(function, &json!({ "Records": records, "redrive": true }))
            .await;
        called.map_err(|error: InvokeError| now(error))
    }
}

/// Takes whole batches from records that were read; at the end also what is left.
fn next_calls(records: &mut Vec<Value>, batch: usize, ended: bool) -> Vec<Vec<Value>> {
    let whole = records.len() / batch * batch;
    let rest = match ended {
        true => Vec::new(),
        false => records.split_off(whole),
    };
    let ready = std::mem::replace(records, rest);
    ready.chunks(batch).map(<[Value]>::to_vec).collect()
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

/// Why a change has to wait for an older one. A batch may be about any item.
fn waits(letter: &Opened, way: &Way, work: &Work) -> Option<String> {
    let stopped = || work.stopped.clone();
    match way {
        Way::Record(_) => stopped().or_else(|| work.waiting.get(&letter.item()?).cloned()),
        Way::Batch(_) => stopped().or_else(|| work.waiting.values().next().cloned()),
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
    fn a_batch_is_cut_as_its_event_source_cuts_whatever_the_pages_are() {
        let mut records: Vec<Value> = (0..7).map(Value::from).collect();
        let calls = next_calls(&mut records, 3, false);
        assert_eq!(calls, [json!([0, 1, 2]), json!([3, 4, 5])].map(list));
        records.push(7.into());
        assert!(next_calls(&mut records, 3, false).is_empty());
        assert_eq!(next_calls(&mut records, 3, true), [list(json!([6, 7]))]);
        assert!(next_calls(&mut records, 3, true).is_empty());
    }

    fn list(value: Value) -> Vec<Value> {
        value.as_array().unwrap().clone()
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
        let batch = Way::Batch(Place {
            stream: "arn".to_owned(),
            shard: "s".to_owned(),
            first: "1".to_owned(),
            last: "2".to_owned(),
        });
        let noted = letter(&json!({"DDBStreamBatchInfo": {}}));
        assert!(waits(&noted, &batch, &work).is_some());
        assert_eq!(waits(&noted, &batch, &Work::default()), None);

        remember(&noted, &mut work);
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
