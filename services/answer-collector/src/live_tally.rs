//! The function `live-tally`: counts answers live as the stream of `answers` tells them, and
//! publishes them as `answers-recorded`.
//!
//! A batch is published first and counted then. What was counted is neither counted nor published
//! again, whatever batches it comes in (see [`crate::live`]); what was published but not counted,
//! because the function was stopped between, is published again. The same batch is published under
//! the same event ids, as long as none of it was counted; what comes in a batch that is cut
//! otherwise, or was counted in part, is repeated under other ids. So consumers drop repeats by
//! run, question and viewer, not by event id alone.
//!
//! A record that cannot be read is parked with its reason; anything that may pass fails the batch,
//! which comes again whole.

use std::collections::BTreeMap;

use cuepoint_shared::{
    aws::AwsError,
    dead_letters::DeadLetters,
    event_bus::{EventBus, Outgoing, PublishError},
    ids::UserId,
    streams::{self, Change, ChangeKind, RecordError, Sifted, StreamBatch},
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde::Deserialize;
use serde_json::Value;
use tracing::{info, warn};

use crate::{
    keys::{NotAPartition, Partition, QuestionKey},
    live::{self, MAX_OPTIONS, NotASequence, Recorded, Sequence},
    packing,
    store::{StoreError, tallies::TallyStore},
};

/// How many partitions are read or written at the same time.
const PARALLEL: usize = 16;

/// Counts and publishes answers.
#[derive(Debug, Clone)]
pub struct LiveTallyHandler {
    /// The live counts.
    pub tallies: TallyStore,
    /// Where events go.
    pub bus: EventBus,
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
    Publish(#[from] PublishError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("another invocation counts answers of {0}")]
    Contended(Partition),
}

/// An item of the table `answers`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    partition: String,
    viewer_id: UserId,
    choice: u32,
    received_at: Timestamp,
}

/// The answers of a partition that are not counted yet, and the mark they come after.
struct Fresh {
    partition: Partition,
    mark: Option<Sequence>,
    answers: Vec<Recorded>,
}

/// What was done with a batch.
struct Done {
    counted: usize,
    published: usize,
    parked: usize,
}

impl LiveTallyHandler {
    /// Publishes and counts a batch.
    ///
    /// # Errors
    /// A [`Diagnostic`] of type `Unavailable`: the batch must come again.
    pub async fn handle(&self, event: LambdaEvent<StreamBatch>) -> Result<(), Diagnostic> {
        let records = event.payload.records.len();
        match self.process(&event.payload).await {
            Ok(Done {
                counted,
                published,
                parked,
            }) => {
                info!(records, counted, published, parked, "counted");
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
        let fresh: Vec<Fresh> = stream::iter(live::by_partition(recorded))
            .map(|(partition, answers)| self.fresh(partition, answers, stream_shard))
            .buffer_unordered(PARALLEL)
            .try_collect()
            .await?;
        let published = self.publish(&fresh).await?;
        stream::iter(&fresh)
            .map(|fresh| self.count(fresh, stream_shard))
            .buffer_unordered(PARALLEL)
            .try_collect::<()>()
            .await?;
        let counted = fresh.iter().map(|fresh| fresh.answers.len()).sum();
        streams::park(&dead, &self.dead_letters).await?;
        Ok(Done {
            counted,
            published,
            parked: dead.len(),
        })
    }

    async fn fresh(
        &self,
        partition: Partition,
        answers: Vec<Recorded>,
        stream_shard: Option<&str>,
    ) -> Result<Fresh, BatchError> {
        let mark = self.tallies.mark(&partition, stream_shard).await?;
        let answers = live::fresh(answers, mark.as_ref());
        Ok(Fresh {
            partition,
            mark,
            answers,
        })
    }

    /// Publishes all fresh answers, those of a question's shards together.
    async fn publish(&self, fresh: &[Fresh]) -> Result<usize, BatchError> {
        let mut questions: BTreeMap<&QuestionKey, Vec<Recorded>> = BTreeMap::new();
        for Fresh {
            partition, answers, ..
        } in fresh
        {
            questions
                .entry(&partition.question)
                .or_default()
                .extend_from_slice(answers);
        }
        let mut events = Vec::new();
        for (question, mut answers) in questions {
            answers.sort_by(|a, b| a.sequence.cmp(&b.sequence));
            for event in packing::pack(question, answers) {
                events.push(Outgoing::new(&event)?);
            }
        }
        self.bus.publish(&events).await?;
        Ok(events.len())
    }

    async fn count(&self, fresh: &Fresh, stream_shard: Option<&str>) -> Result<(), BatchError> {
        let Fresh {
            partition,
            mark,
            answers,
        } = fresh;
        let Some(addition) = live::addition(answers) else {
            return Ok(());
        };
        match self
            .tallies
            .add(partition, stream_shard, mark.as_ref(), &addition)
            .await?
        {
            true => Ok(()),
            false => Err(BatchError::Contended(partition.clone())),
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
    if item.choice as usize >= MAX_OPTIONS {
        return Err(Unusable::Choice(item.choice));
    }
    let answer = Recorded {
        sequence: change.sequence_number.parse()?,
        viewer_id: item.viewer_id,
        choice: item.choice,
        received_at: item.received_at,
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
        assert!(
            answer(&record("REMOVE", "quiz#run#q1#3", "2", "17"))
                .unwrap()
                .is_none()
        );
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
