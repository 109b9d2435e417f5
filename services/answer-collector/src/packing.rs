//! Packs answers into `answers-recorded` events, each as full as EventBridge bills for one.

use cuepoint_shared::{
    events::{AnswersRecorded, Event, EventData, Metadata, RecordedAnswer},
    ids::EventId,
};
use jiff::Timestamp;
use uuid::{Uuid, uuid};

use crate::{
    keys::QuestionKey,
    live::{Recorded, Sequence},
};

/// What EventBridge bills as one event, in bytes (EventBridge pricing: "64 KB chunks").
pub const MAX_EVENT_BYTES: usize = 64 * 1024;
/// Room for a time of occurrence longer than the one that is measured with.
const SLACK: usize = 16;
/// The namespace of these events' ids.
const NAMESPACE: Uuid = uuid!("3f0b8a52-6a63-4c5e-9d0b-2f4f4f1f9b61");

/// Packs answers to one question, in the order of the stream.
///
/// An event's id follows from the question and the first and last sequence number in it: the same
/// answers, delivered again, make the same events.
pub fn pack(question: &QuestionKey, answers: Vec<Recorded>) -> Vec<Event<AnswersRecorded>> {
    let room = MAX_EVENT_BYTES - envelope_bytes(question);
    let mut events = Vec::new();
    let mut chunk = Vec::new();
    let mut bytes = 0;
    for answer in answers {
        let size = answer_bytes(&answer);
        if bytes + size > room {
            events.extend(event(question, std::mem::take(&mut chunk)));
            bytes = 0;
        }
        bytes += size;
        chunk.push(answer);
    }
    events.extend(event(question, chunk));
    events
}

fn event(question: &QuestionKey, answers: Vec<Recorded>) -> Option<Event<AnswersRecorded>> {
    let (first, last) = (answers.first()?, answers.last()?);
    let event_id = event_id(question, &first.sequence, &last.sequence);
    let occurred_at = last.received_at;
    Some(envelope(
        question,
        event_id,
        occurred_at,
        answers.into_iter().map(recorded).collect(),
    ))
}

fn event_id(question: &QuestionKey, first: &Sequence, last: &Sequence) -> EventId {
    let name = format!("{question}#{}#{}", first.as_str(), last.as_str());
    let id = Uuid::new_v5(&NAMESPACE, name.as_bytes());
    format!("answers-recorded/{id}")
        .parse()
        .expect("letters, a slash and a UUID make an id")
}

fn envelope(
    question: &QuestionKey,
    event_id: EventId,
    occurred_at: Timestamp,
    answers: Vec<RecordedAnswer>,
) -> Event<AnswersRecorded> {
    let correlation_id = question
        .run_id
        .as_str()
        .parse()
        .expect("a run id is a correlation id by its characters");
    Event {
        metadata: Metadata::new(event_id, occurred_at, correlation_id),
        data: AnswersRecorded {
            quiz_id: question.quiz_id.clone(),
            run_id: question.run_id.clone(),
            question_id: question.question_id.clone(),
            answers,
        },
    }
}

fn recorded(answer: Recorded) -> RecordedAnswer {
    RecordedAnswer {
        viewer_id: answer.viewer_id,
        choice: answer.choice,
        received_at: answer.received_at,
    }
}

/// The size of an event without answers, as EventBridge counts: source and detail type too.
fn envelope_bytes(question: &QuestionKey) -> usize {
    let any: Sequence = "0".parse().expect("a digit is a sequence number");
    let id = event_id(question, &any, &any);
    let empty = envelope(question, id, Timestamp::UNIX_EPOCH, Vec::new());
    AnswersRecorded::SOURCE.len() + AnswersRecorded::DETAIL_TYPE.len() + json_bytes(&empty) + SLACK
}

/// The size of an answer with the comma after it.
fn answer_bytes(answer: &Recorded) -> usize {
    json_bytes(&recorded(answer.clone())) + 1
}

fn json_bytes<T: serde::Serialize>(value: &T) -> usize {
    serde_json::to_string(value)
        .expect("an event has only string keys")
        .len()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn question() -> QuestionKey {
        QuestionKey {
            quiz_id: "q".repeat(40).parse().unwrap(),
            run_id: "r".repeat(40).parse().unwrap(),
            question_id: "q50".parse().unwrap(),
        }
    }

    fn answers(count: usize, id_length: usize) -> Vec<Recorded> {
        let start: Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
        (0..count)
            .map(|n| Recorded {
                sequence: n.to_string().parse().unwrap(),
                viewer_id: format!("{n:0>id_length$}").parse().unwrap(),
                choice: u32::try_from(n % 4).unwrap(),
                received_at: start + SignedDuration::from_millis(i64::try_from(n).unwrap()),
            })
            .collect()
    }

    fn bytes(event: &Event<AnswersRecorded>) -> usize {
        AnswersRecorded::SOURCE.len() + AnswersRecorded::DETAIL_TYPE.len() + json_bytes(event)
    }

    #[test]
    fn nothing_makes_no_event() {
        assert!(pack(&question(), Vec::new()).is_empty());
    }

    #[test]
    fn the_same_answers_make_the_same_events() {
        let ids = |answers| -> Vec<_> {
            pack(&question(), answers)
                .into_iter()
                .map(|event| event.metadata.event_id)
                .collect()
        };
        let once = ids(answers(2_000, 36));
        assert!(once.len() > 1);
        assert_eq!(once, ids(answers(2_000, 36)));
        assert_ne!(
            once[0],
            ids(answers(10, 36))[0],
            "other answers, another id"
        );
        let mut other = question();
        other.question_id = "q2".parse().unwrap();
        assert_ne!(
            pack(&other, answers(10, 36))[0].metadata.event_id,
            ids(answers(10, 36))[0]
        );
    }

    proptest! {
        #[test]
        fn every_answer_is_packed_once_in_order_and_tightly(
            count in 0..3_000_usize,
            id_length in 4..=40_usize,
        ) {
            let events = pack(&question(), answers(count, id_length));
            let packed: Vec<_> = events.iter().flat_map(|e| e.data.answers.clone()).collect();
            let expected: Vec<_> = answers(count, id_length).into_iter().map(recorded).collect();
            prop_assert_eq!(packed, expected);
            for (index, event) in events.iter().enumerate() {
                prop_assert!(bytes(event) <= MAX_EVENT_BYTES);
                let full = bytes(event) + 2 * SLACK + 160 > MAX_EVENT_BYTES;
                prop_assert!(full || index + 1 == events.len(), "room left: {}", bytes(event));
            }
        }
    }
}
