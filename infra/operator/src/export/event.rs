//! An event as it is kept: the line that is written, and what tells it from all others. No rule here
//! talks to AWS or touches a file.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::redrive::letter::Letter;

/// The kind of what is no event, so that it is kept all the same.
pub const UNREADABLE: &str = "unreadable";

/// The longest `detail-type` that EventBridge takes ("PutEventsRequestEntry", API reference).
const LONGEST_KIND: usize = 128;

/// What tells one event from all others: its kind and its id, in 16 bytes, since millions of them are
/// kept in mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(Uuid);

impl Key {
    fn of(kind: &str, id: &str) -> Self {
        Self(Uuid::new_v5(
            &Uuid::NAMESPACE_URL,
            format!("{kind}/{id}").as_bytes(),
        ))
    }
}

/// One line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its `detail-type`, which names the file.
    pub kind: String,
    /// By which a repeat is known.
    pub key: Key,
    /// JSON, without the end of the line.
    pub line: String,
}

impl Entry {
    /// What a message of the queue becomes: the event as EventBridge delivered it, or, when it is
    /// none, the message and why it cannot be read.
    pub fn of(letter: &Letter) -> Self {
        match read(&letter.body) {
            Ok(entry) => entry,
            Err(why) => {
                let (id, body) = (&letter.message_id, &letter.body);
                Self {
                    kind: UNREADABLE.to_owned(),
                    key: Key::of(UNREADABLE, id),
                    line: json!({"messageId": id, "why": why, "body": body}).to_string(),
                }
            }
        }
    }

    /// A line that was written earlier, of the file of this kind.
    ///
    /// # Errors
    /// Why it is none, in a few words.
    pub fn written(kind: &str, line: &str) -> Result<Self, &'static str> {
        if kind != UNREADABLE {
            let entry = read(line)?;
            return (entry.kind == kind)
                .then_some(entry)
                .ok_or("it is of another kind than its file");
        }
        let json: Value = serde_json::from_str(line).map_err(|_| "it is not JSON")?;
        let id = json["messageId"].as_str().ok_or("it has no messageId")?;
        Ok(Self {
            kind: kind.to_owned(),
            key: Key::of(kind, id),
            line: line.to_owned(),
        })
    }
}

/// Reads an event in its envelope.
fn read(text: &str) -> Result<Entry, &'static str> {
    let json: Value = serde_json::from_str(text).map_err(|_| "it is not JSON")?;
    let kind = json["detail-type"]
        .as_str()
        .ok_or("it has no detail-type")?;
    if !names_a_file(kind) {
        return Err("its detail-type cannot be the name of a file");
    }
    let id = json.pointer("/detail/metadata/eventId");
    let id = id.and_then(Value::as_str).ok_or("it has no event id")?;
    Ok(Entry {
        kind: kind.to_owned(),
        key: Key::of(kind, id),
        // Written anew, it has no line break, whatever the message had.
        line: json.to_string(),
    })
}

/// Kebab case, as all of ours are: nothing that could lead out of the folder.
fn names_a_file(kind: &str) -> bool {
    let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    kind != UNREADABLE
        && (1..=LONGEST_KIND).contains(&kind.len())
        && !kind.starts_with('-')
        && kind.bytes().all(is_known)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn letter(body: &str) -> Letter {
        Letter {
            message_id: "m1".to_owned(),
            body: body.to_owned(),
            attributes: [].into(),
            sent: Timestamp::UNIX_EPOCH,
        }
    }

    fn event(kind: &str, id: &str) -> String {
        json!({"detail-type": kind, "detail": {"metadata": {"eventId": id}, "data": {}}})
            .to_string()
    }

    #[test]
    fn an_event_is_one_line_and_known_again_by_kind_and_id() {
        let pretty = event("quiz-started", "a").replace(',', ",\n  ");
        let entry = Entry::of(&letter(&pretty));
        assert_eq!(entry.kind, "quiz-started");
        assert!(!entry.line.contains('\n'));
        assert_eq!(
            Entry::written("quiz-started", &entry.line),
            Ok(entry.clone())
        );
        let others = [event("quiz-started", "b"), event("quiz-aborted", "a")];
        for other in others {
            assert_ne!(Entry::of(&letter(&other)).key, entry.key);
        }
    }

    #[test]
    fn what_is_no_event_is_kept_with_the_reason() {
        let bodies = [
            "hello".to_owned(),
            "{}".to_owned(),
            event("../../passwd", "a"),
            event("Quiz", "a"),
            event("", "a"),
            event("unreadable", "a"),
            event(&"x".repeat(129), "a"),
            json!({"detail-type": "quiz-started", "detail": {}}).to_string(),
        ];
        for body in bodies {
            let entry = Entry::of(&letter(&body));
            assert_eq!(entry.kind, UNREADABLE, "{body}");
            let kept: Value = serde_json::from_str(&entry.line).unwrap();
            assert_eq!(kept["body"], body);
            assert!(kept["why"].as_str().unwrap().starts_with("it"), "{kept}");
            assert_eq!(Entry::written(UNREADABLE, &entry.line), Ok(entry));
        }
    }

    #[test]
    fn a_line_of_another_file_is_noticed() {
        assert!(Entry::written("quiz-aborted", &event("quiz-started", "a")).is_err());
        assert!(Entry::written(UNREADABLE, &event("quiz-started", "a")).is_err());
    }
}
