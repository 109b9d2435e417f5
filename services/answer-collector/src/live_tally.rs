//! The function `live-tally`: counts answers live as the stream of `answers` tells them.
//!
//! What was counted is not counted again, whatever batches it comes in: see [`crate::live`].
//!
//! A record that cannot be read is parked with its reason; anything that may pass fails the batch,
//! which comes again whole.

use cuepoint_shared::{
    aws::AwsError,
    dead_letters::DeadLetters,
    streams::{self, Change, ChangeKind, RecordError, Sifted, StreamBatch},
};
use futures::{StreamExt, TryStreamExt, stream};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::Deserialize;
use serde_json::Value;
use tracing::{info, warn};

use crate::{
    keys::{NotAPartition, Partition},
    live::{self, MAX_OPTIONS, NotASequence, Recorded},
    store::{StoreError, tallies::TallyStore},
};

/// How many partitions are read or written at the same time.
pub const PARALLEL: usize = 16;

/// Counts answers.
#[derive(Debug, Clone)]
pub struct LiveTallyHandler {
    /// The live counts.
    pub tallies: TallyStore,
    /// Where records go that can never work.
    pub dead_letters: DeadLetters,
}

/// Why a record can never be counted.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("the record has no item")]
    NoItem,
    #[error(transparent)]
    Partition(#[from] NotAPartition),
    #[error(transparent)]
    Sequence(#[from] NotASequence),
    #[error("no question has an option {0}")]
    Choice(u32),
}

/// Why the batch must come again.
#[derive(Debug, thiserror::Error)]
enum BatchError {
    #[error(transparent)]
    Park(#[from] AwsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("another invocation counts answers of {0}")]
    Contended(Partition),
}

/// An item of the table `answers`.
#[derive(Deserialize)]
struct Item {
    partition: String,
    /// None in a refusal.
    choice: Option<u32>,
}

/// What was done with a batch.
struct Done {
    counted: usize,
    parked: usize,
}

impl LiveTallyHandler {
    /// Its name, as its dead letters say it.
    pub const FUNCTION: &'static str = "live-tally";

    /// Counts a batch.
    ///
    /// # Errors
    /// A [`Diagnostic`] of type `Unavailable`: the batch must come again.
    pub async fn handle(&self, event: LambdaEvent<StreamBatch>) -> Result<(), Diagnostic> {
        let records = event.payload.records.len();
        match self.process(&event.payload).await {
            Ok(Done { counted, parked }) => {
                info!(records, counted, parked, "counted");
                Ok(())
            }
            Err(error) => {
                warn!(records, %error, "the batch must come again");
                let error_type = "Unavailable".to_owned();
                Err(Diagnostic {
                    error_type,
                    error_message: error.to_string(),
                })
            }
        }
    }

    async fn process(&self, batch: &StreamBatch) -> Result<Done, BatchError> {
        let Sifted {
            read: recorded,
            dead,
        } = streams::sift(&batch.records, answer);
        let stream_shard = batch.shard_id.as_deref();
        let counted = stream::iter(live::by_partition(recorded))
            .map(|(partition, answers)| self.count(partition, answers, stream_shard))
            .buffer_unordered(PARALLEL)
            .try_fold(0, |sum, counted| async move { Ok(sum + counted) })
            .await?;
        streams::park(&dead, &self.dead_letters).await?;
        Ok(Done {
            counted,
            parked: dead.len(),
        })
    }

    /// Counts what of a partition's answers was not counted yet, and says how many.
    async fn count(
        &self,
        partition: Partition,
        answers: Vec<Recorded>,
        stream_shard: Option<&str>,
    ) -> Result<usize, BatchError> {
        let mark = self.tallies.mark(&partition, stream_shard).await?;
        let fresh = live::fresh(answers, mark.as_ref());
        let Some(addition) = live::addition(&fresh) else {
            return Ok(0);
        };
        let added = self
            .tallies
            .add(&partition, stream_shard, mark.as_ref(), &addition);
        match added.await? {
            true => Ok(fresh.len()),
            false => Err(BatchError::Contended(partition)),
        }
    }
}

/// The answer that a record tells of; none if it tells of something else than a new answer.
fn answer(record: &Value) -> Result<Option<(Partition, Recorded)>, Unusable> {
    let change = Change::<Item>::read(record)?;
    if change.kind != ChangeKind::Insert {
        return Ok(None);
    }
    let item = change.new.ok_or(Unusable::NoItem)?;
    let Some(choice) = item.choice else {
        return Ok(None);
    };
    if choice as usize >= MAX_OPTIONS {
        return Err(Unusable::Choice(choice));
    }
    let answer = Recorded {
        sequence: change.sequence_number.parse()?,
        choice,
    };
    Ok(Some((item.partition.parse()?, answer)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(kind: &str, partition: &str, choice: &str, sequence: &str) -> Value {
        json!({
            "eventID": "e1", "eventName": kind,
            "dynamodb": {"SequenceNumber": sequence, "NewImage": {
                "partition": {"S": partition}, "viewerId": {"S": "viewer-1"},
                "choice": {"N": choice}, "receivedAt": {"S": "2026-11-22T08:00:00Z"},
                "name": {"S": "Ada"}
            }}
        })
    }

    #[test]
    fn a_new_answer_is_read_and_other_changes_are_not_answers() {
        let (partition, recorded) = answer(&record("INSERT", "quiz#run#q1#3", "2", "17"))
            .unwrap()
            .unwrap();
        assert_eq!((partition.shard, recorded.choice), (3, 2));
        assert_eq!(recorded.sequence, "17".parse().unwrap());
        let removed = record("REMOVE", "quiz#run#q1#3", "2", "17");
        assert!(answer(&removed).unwrap().is_none());
        let mut refusal = record("INSERT", "quiz#run#q1#3", "2", "17");
        let image = &mut refusal["dynamodb"]["NewImage"];
        image.as_object_mut().unwrap().remove("choice");
        assert!(answer(&refusal).unwrap().is_none());
    }

    #[test]
    fn what_can_never_be_counted_is_unusable() {
        let unusable = [
            json!({}),
            record("INSERT", "quiz#run", "2", "17"),
            record("INSERT", "quiz#run#q1#3", "10", "17"),
            record("INSERT", "quiz#run#q1#3", "-1", "17"),
            record("INSERT", "quiz#run#q1#3", "2", "x"),
        ];
        for record in unusable {
            assert!(answer(&record).is_err(), "{record}");
        }
    }
}
