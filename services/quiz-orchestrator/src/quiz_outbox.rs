//! The function `quiz-outbox`: says on the event bus what happens to runs.
//!
//! It reads the stream of the table, so an event follows from what is stored and from nothing
//! else. A record that comes again is published again under the same event id, the record's own:
//! consumers drop repeats by it. A record that cannot be read is parked with its reason; anything
//! that may pass fails the batch, which comes again whole, until its records are too old: then they
//! are parked as well. What an operator delivers again is never too old: its failure is the
//! operator's to hear.

use cuepoint_shared::{
    aws::AwsError,
    dead_letters::DeadLetters,
    event_bus::{EventBus, Outgoing, PublishError},
    events::{
        Event, EventData, Metadata, QuizAborted, QuizCancelRequested, QuizCancelled, QuizCompleted,
        QuizScheduled, QuizStarted, Text,
    },
    ids::{EventId, InvalidId},
    streams::{self, Change, ChangeKind, Patience, RecordError, Sifted, StreamBatch},
};
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;
use tracing::{info, warn};

use crate::run::{Announcement, Run, announcement};

/// Publishes what happens to runs.
#[derive(Debug, Clone)]
pub struct QuizOutboxHandler {
    /// Where events go.
    pub bus: EventBus,
    /// Where records go that can never work.
    pub dead_letters: DeadLetters,
    /// When records go there that could not be published.
    pub patience: Patience,
}

/// Why a record can never be published.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("the record's id: {0}")]
    EventId(#[from] InvalidId),
    #[error("the record has no item after the change")]
    NoItem,
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Why the batch must come again.
#[derive(Debug, thiserror::Error)]
enum BatchError {
    #[error(transparent)]
    Park(#[from] AwsError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl QuizOutboxHandler {
    /// Publishes a batch.
    ///
    /// # Errors
    /// A [`Diagnostic`] of type `Unavailable`: the batch must come again.
    pub async fn handle(&self, event: LambdaEvent<StreamBatch>) -> Result<(), Diagnostic> {
        let records = event.payload.records.len();
        match self.publish(&event.payload).await {
            Ok((published, parked)) => {
                info!(records, published, parked, "published");
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

    async fn publish(&self, batch: &StreamBatch) -> Result<(usize, usize), BatchError> {
        let Sifted {
            read: events,
            mut dead,
        } = streams::sift(&batch.records, outgoing);
        let mut published = events.len();
        if let Err(error) = self.bus.publish(&events).await {
            let said = |record: &&Value| matches!(outgoing(record), Ok(Some(_)));
            let failed = batch.records.iter().filter(said);
            let patience = self.patience.with(batch);
            let Some(given_up) = patience.gives_up_all(failed, &error) else {
                return Err(error.into());
            };
            dead.extend(given_up);
            published = 0;
        }
        streams::park(&dead, &self.dead_letters).await?;
        Ok((published, dead.len()))
    }
}

/// What a record says on the bus, if anything.
fn outgoing(record: &Value) -> Result<Option<Outgoing>, Unusable> {
    if !is_run(record) {
        return Ok(None);
    }
    let change = Change::<Run>::read(record)?;
    if change.kind == ChangeKind::Remove {
        return Ok(None);
    }
    let run = change.new.ok_or(Unusable::NoItem)?;
    let Some(said) = announcement(change.old.as_ref(), &run) else {
        return Ok(None);
    };
    let event_id: EventId = change.event_id.parse()?;
    let metadata = Metadata::new(event_id, run.changed_at, run.correlation_id.clone());
    Ok(Some(event(said, metadata, run)?))
}

/// The table's other items announce nothing. What has no readable key is let through, to fail as
/// a run and be parked.
fn is_run(record: &Value) -> bool {
    let key = record
        .pointer("/dynamodb/Keys/sk/S")
        .and_then(Value::as_str);
    key.is_none_or(|key| key.starts_with("RUN#"))
}

fn event(said: Announcement, metadata: Metadata, run: Run) -> Result<Outgoing, PublishError> {
    let Run {
        quiz_id,
        run_id,
        channel_id,
        starts_at,
        ..
    } = run;
    match said {
        Announcement::Scheduled => encode(
            metadata,
            QuizScheduled {
                quiz_id,
                run_id,
                channel_id,
                starts_at,
            },
        ),
        Announcement::Started => encode(
            metadata,
            QuizStarted {
                quiz_id,
                run_id,
                channel_id,
                starts_at,
            },
        ),
        Announcement::CancelRequested => encode(
            metadata,
            QuizCancelRequested {
                quiz_id,
                run_id,
                channel_id,
                starts_at,
            },
        ),
        Announcement::Completed => encode(
            metadata,
            QuizCompleted {
                quiz_id,
                run_id,
                channel_id,
                starts_at,
            },
        ),
        Announcement::Cancelled => encode(
            metadata,
            QuizCancelled {
                quiz_id,
                run_id,
                channel_id,
                starts_at,
            },
        ),
        Announcement::Aborted => {
            let reason = run.reason.unwrap_or_else(|| Text::shortened("unknown"));
            let failed_step = run
                .failed_step
                .unwrap_or_else(|| Text::shortened("unknown"));
            let data = QuizAborted {
                quiz_id,
                run_id,
                channel_id,
                starts_at,
                reason,
                failed_step,
            };
            encode(metadata, data)
        }
    }
}

fn encode<T: EventData>(metadata: Metadata, data: T) -> Result<Outgoing, PublishError> {
    Outgoing::new(&Event { metadata, data })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image(status: &str) -> Value {
        json!({
            "pk": {"S": "QUIZ#a"}, "sk": {"S": "RUN#b"},
            "quizId": {"S": "a"}, "runId": {"S": "b"}, "channelId": {"S": "c"},
            "status": {"S": status}, "startsAt": {"S": "2026-11-22T08:00:00Z"},
            "endsAt": {"S": "2026-11-22T08:05:00Z"},
            "expectedAudience": {"N": "1000"}, "shards": {"N": "1"}, "pauseSeconds": {"N": "5"},
            "correlationId": {"S": "b"}, "changedAt": {"S": "2026-11-22T08:00:01Z"},
            "revision": {"N": "3"}
        })
    }

    fn record(old: Option<&str>, new: &str) -> Value {
        json!({
            "eventID": "e1", "eventName": if old.is_some() { "MODIFY" } else { "INSERT" },
            "dynamodb": {
                "Keys": {"pk": {"S": "QUIZ#a"}, "sk": {"S": "RUN#b"}},
                "SequenceNumber": "1", "OldImage": old.map(image), "NewImage": image(new)
            }
        })
    }

    fn said(record: &Value) -> Option<String> {
        outgoing(record).unwrap().map(|event| format!("{event:?}"))
    }

    #[test]
    fn a_change_of_status_is_said_once_under_the_records_id() {
        let event = said(&record(None, "scheduled")).unwrap();
        assert!(
            event.contains("quiz-scheduled") && event.contains(r#"\"eventId\":\"e1\""#),
            "{event}"
        );
        for (old, new, expected) in [
            ("scheduled", "running", "quiz-started"),
            ("running", "cancelling", "quiz-cancel-requested"),
            ("running", "completed", "quiz-completed"),
            ("running", "aborted", "quiz-aborted"),
            ("cancelling", "cancelled", "quiz-cancelled"),
        ] {
            assert!(said(&record(Some(old), new)).unwrap().contains(expected));
        }
        assert_eq!(
            said(&record(Some("scheduled"), "scheduled")),
            None,
            "only claimed"
        );
        let mut moved = record(Some("scheduled"), "scheduled");
        moved["dynamodb"]["NewImage"]["startsAt"]["S"] = json!("2026-11-22T09:00:00Z");
        let event = said(&moved).unwrap();
        assert!(
            event.contains("quiz-scheduled") && event.contains("T09:00:00Z"),
            "{event}"
        );
    }

    #[test]
    fn other_items_say_nothing_and_what_is_not_a_run_is_unusable() {
        let quiz = json!({"dynamodb": {"Keys": {"sk": {"S": "QUIZ"}}}});
        assert_eq!(said(&quiz), None);
        assert!(outgoing(&json!({})).is_err());
        assert!(outgoing(&record(None, "no such status")).is_err());
    }
}
