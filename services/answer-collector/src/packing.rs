//! Packs answers into `answers-recorded` events, each as full as EventBridge bills for one.
//!
//! An event's id follows from its question and its index among that question's events: the same
//! answers, packed again in the same order, make the same events.

use cuepoint_shared::{
    events::{AnswersRecorded, Event, EventData, Metadata, RecordedAnswer},
    ids::EventId,
};
use jiff::Timestamp;
use uuid::{Uuid, uuid};

use crate::keys::QuestionKey;

/// What EventBridge bills as one event, in bytes (EventBridge pricing: "64 KB chunks").
pub const MAX_EVENT_BYTES: usize = 64 * 1024;
/// The namespace of these events' ids.
const NAMESPACE: Uuid = uuid!("3f0b8a52-6a63-4c5e-9d0b-2f4f4f1f9b61");

/// Packs the answers to one question, as they come.
#[derive(Debug)]
pub struct Packer {
    question: QuestionKey,
    occurred_at: Timestamp,
    /// The bytes that answers and the commas between them may have.
    room: usize,
    /// The bytes that the waiting answers have, with a comma after each.
    bytes: usize,
    waiting: Vec<RecordedAnswer>,
    /// How many events are full.
    full: u64,
}

impl Packer {
    /// Packs into events that all say that they happened at `occurred_at`: for the same question
    /// it has to be the same time.
    pub fn new(question: QuestionKey, occurred_at: Timestamp) -> Self {
        let empty = event(&question, occurred_at, 0, Vec::new());
        let envelope =
            AnswersRecorded::SOURCE.len() + AnswersRecorded::DETAIL_TYPE.len() + json_bytes(&empty);
        Self {
            question,
            occurred_at,
            room: MAX_EVENT_BYTES - envelope,
            bytes: 0,
            waiting: Vec::new(),
            full: 0,
        }
    }

    /// Takes more answers, and gives the events that they fill.
    pub fn extend(
        &mut self,
        answers: impl IntoIterator<Item = RecordedAnswer>,
    ) -> Vec<Event<AnswersRecorded>> {
        let answers = answers.into_iter();
        answers.filter_map(|answer| self.push(answer)).collect()
    }

    fn push(&mut self, answer: RecordedAnswer) -> Option<Event<AnswersRecorded>> {
        let size = json_bytes(&answer);
        let full = (self.bytes + size > self.room).then(|| self.take());
        self.bytes += size + 1;
        self.waiting.push(answer);
        full
    }

    /// What is left, when there are no more answers: an event that is not full, or none.
    pub fn finish(mut self) -> Option<Event<AnswersRecorded>> {
        (!self.waiting.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> Event<AnswersRecorded> {
        let answers = std::mem::take(&mut self.waiting);
        let taken = event(&self.question, self.occurred_at, self.full, answers);
        self.full += 1;
        self.bytes = 0;
        taken
    }
}

fn event(
    question: &QuestionKey,
    occurred_at: Timestamp,
    index: u64,
    answers: Vec<RecordedAnswer>,
) -> Event<AnswersRecorded> {
    let correlation_id = question
        .run_id
        .as_str()
        .parse()
        .expect("a run id is a correlation id by its characters");
    Event {
        metadata: Metadata::new(event_id(question, index), occurred_at, correlation_id),
        data: AnswersRecorded {
            quiz_id: question.quiz_id.clone(),
            run_id: question.run_id.clone(),
            question_id: question.question_id.clone(),
            answers,
        },
    }
}

/// Of the same length for every question and index, so that it does not matter for the room.
fn event_id(question: &QuestionKey, index: u64) -> EventId {
    let id = Uuid::new_v5(&NAMESPACE, format!("{question}#{index}").as_bytes());
    format!("answers-recorded/{id}")
        .parse()
        .expect("letters, a slash and a UUID make an id")
}

fn json_bytes<T: serde::Serialize>(value: &T) -> usize {
    serde_json::to_string(value)
        .expect("an event has only string keys")
        .len()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn question(id: &str) -> QuestionKey {
        QuestionKey {
            quiz_id: "q".repeat(40).parse().unwrap(),
            run_id: "r".repeat(40).parse().unwrap(),
            question_id: id.parse().unwrap(),
        }
    }

    fn at(millis: i64) -> Timestamp {
        let start: Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
        start + SignedDuration::from_millis(millis)
    }

    fn answers(count: usize, id_length: usize) -> Vec<RecordedAnswer> {
        (0..count)
            .map(|n| RecordedAnswer {
                viewer_id: format!("{n:0>id_length$}").parse().unwrap(),
                choice: u32::try_from(n % 4).unwrap(),
                received_at: at(i64::try_from(n).unwrap()),
            })
            .collect()
    }

    /// All events of a question, whose answers come in pages of this length.
    fn pack(id: &str, answers: &[RecordedAnswer], page: usize) -> Vec<Event<AnswersRecorded>> {
        let mut packer = Packer::new(question(id), at(20_123));
        let pages = answers.chunks(page);
        let mut events: Vec<_> = pages
            .flat_map(|page| packer.extend(page.to_vec()))
            .collect();
        events.extend(packer.finish());
        events
    }

    /// What EventBridge counts.
    fn bytes(event: &Event<AnswersRecorded>) -> usize {
        AnswersRecorded::SOURCE.len() + AnswersRecorded::DETAIL_TYPE.len() + json_bytes(event)
    }

    #[test]
    fn nothing_makes_no_event() {
        assert!(pack("q1", &[], 1).is_empty());
    }

    #[test]
    fn every_event_has_an_id_of_its_own() {
        let all = answers(5_000, 36);
        let events = [pack("q1", &all, 100), pack("q2", &all, 100)].concat();
        let ids: BTreeSet<_> = events.iter().map(|e| &e.metadata.event_id).collect();
        assert!(events.len() > 10);
        assert_eq!(ids.len(), events.len());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Nothing is lost, doubled or put elsewhere; no event is larger than what is billed for
        /// one, and the next answer would not have fitted into any but the last.
        #[test]
        fn every_answer_is_packed_once_in_order_and_as_full_as_can_be(
            count in 0..3_000_usize,
            id_length in 4..=40_usize,
        ) {
            let expected = answers(count, id_length);
            let events = pack("q50", &expected, 1_000);
            let packed: Vec<_> = events.iter().flat_map(|e| e.data.answers.clone()).collect();
            prop_assert_eq!(packed, expected);
            for event in &events {
                prop_assert!(bytes(event) <= MAX_EVENT_BYTES);
            }
            for pair in events.windows(2) {
                let next = &pair[1].data.answers[0];
                prop_assert!(bytes(&pair[0]) + 1 + json_bytes(next) > MAX_EVENT_BYTES);
            }
        }

        /// However the answers were paged, the same events come of them, byte for byte.
        #[test]
        fn the_same_answers_make_the_same_events(
            count in 0..2_000_usize,
            pages in prop::array::uniform2(1..2_000_usize),
        ) {
            let answers = answers(count, 36);
            let [one, other] = pages.map(|page| {
                let events = pack("q1", &answers, page);
                events.iter().map(|e| serde_json::to_string(e).unwrap()).collect::<Vec<_>>()
            });
            prop_assert_eq!(one, other);
        }
    }
}
