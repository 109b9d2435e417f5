//! What answers are given to: a question, whose window is open, and viewers who answer it.

use std::path::Path;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    api_request::{self, Asked, viewer},
    aws_stub::AwsStub,
    function::Launch,
    whole::Events,
};

/// The tables.
pub const ANSWERS: &str = "answers";
/// See [`ANSWERS`].
pub const WINDOWS: &str = "windows";
/// See [`ANSWERS`].
pub const TALLIES: &str = "tallies";

/// The quiz.
pub const QUIZ: &str = "quiz-0001";
/// Its run.
pub const RUN: &str = "00000000-0000-4000-8000-00000000000a";
/// The question.
pub const QUESTION: &str = "q1";
/// How many options it has.
pub const OPTIONS: u32 = 4;
/// How many shards its answers are spread over.
pub const SHARDS: u32 = 40;

/// How many viewers answer, in turn.
pub const VIEWERS: u64 = 5_000;

/// A window that is open from a second ago on, and long enough for any measurement.
#[derive(Debug, Clone, Copy)]
pub struct Fixture {
    opened_at: Timestamp,
}

impl Fixture {
    /// With a window that opened a second before now.
    pub fn new(now: Timestamp) -> Self {
        Self {
            opened_at: now - SignedDuration::from_secs(1),
        }
    }

    /// The window as it is in its table.
    pub fn window(&self) -> Value {
        let closes_at = self.opened_at + SignedDuration::from_hours(4);
        window(QUESTION, self.opened_at, closes_at, "open")
    }

    /// Lets the stub answer so that every viewer's answer is taken.
    pub fn prepare(&self, stub: &AwsStub) {
        stub.set_item_of(WINDOWS, Some(&self.window()));
        stub.set_item_of(ANSWERS, None);
        stub.set_put(None);
    }

    /// How a function is started that takes answers.
    pub fn launch(&self, name: &str, program: &Path, task_root: &Path, stub: &AwsStub) -> Launch {
        let variables = [
            ("ANSWERS_TABLE", ANSWERS),
            ("WINDOWS_TABLE", WINDOWS),
            ("TALLIES_TABLE", TALLIES),
        ];
        Launch::of_program(name, program, task_root, stub, &variables)
    }
}

impl Events for Fixture {
    fn event(&self, number: u64) -> Bytes {
        let choice = number % u64::from(OPTIONS);
        let body = format!("{{\"choice\":{choice}}}");
        let viewer = viewer(number % VIEWERS);
        request(&viewer, QUESTION, &body).to_string().into()
    }

    fn status(&self) -> u16 {
        201
    }
}

/// The window of a question with [`OPTIONS`] and [`SHARDS`], as DynamoDB writes it. It is tallied
/// three seconds after it closes.
pub fn window(question: &str, opened_at: Timestamp, closes_at: Timestamp, status: &str) -> Value {
    let time = |at: Timestamp| json!({ "S": at.to_string() });
    json!({
        "run": { "S": format!("{QUIZ}#{RUN}") },
        "questionId": { "S": question },
        "options": { "N": OPTIONS.to_string() },
        "correct": { "N": "1" },
        "seconds": { "N": "20" },
        "shards": { "N": SHARDS.to_string() },
        "openedAt": time(opened_at),
        "closesAt": time(closes_at),
        "tallyAt": time(closes_at + SignedDuration::from_secs(3)),
        "status": { "S": status },
    })
}

/// A viewer's answer to a question of the run.
pub fn request(viewer: &str, question: &str, body: &str) -> Value {
    api_request::request(&Asked {
        route: "POST /quizzes/{quizId}/runs/{runId}/questions/{questionId}/answers",
        parameters: &[("quizId", QUIZ), ("runId", RUN), ("questionId", question)],
        viewer,
        body: Some(body),
    })
}
