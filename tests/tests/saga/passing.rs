//! Failures that pass, at every call that the saga's tasks make: the show goes on as if nothing had
//! been.

use std::fmt;

use cuepoint_e2e::questions;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use stage::{
    Faults,
    faults::{Action, Rule},
};

use crate::{cases::side_by_side, events, rehearsal::Rehearsal, watcher::Watcher};

/// How often a function's client asks by itself before it gives up.
const ATTEMPTS: u64 = 3;

/// The functions, and the calls that their tasks make.
const CALLS: [(&str, &str, &str); 8] = [
    ("quiz-saga", "dynamodb", "GetItem"),
    ("quiz-saga", "dynamodb", "TransactWriteItems"),
    ("quiz-saga", "ivs", "PutMetadata"),
    ("quiz-saga", "ivs", "GetStream"),
    ("answer-saga", "sqs", "SendMessage"),
    ("answer-saga", "dynamodb", "GetItem"),
    ("answer-saga", "dynamodb", "PutItem"),
    ("answer-saga", "dynamodb", "Query"),
];

/// How many calls are made between two at which a function is killed: more than any task makes, so
/// that its next attempt gets through.
const APART: u64 = 8;

/// What happens to the calls of a show.
struct Case {
    name: String,
    rules: Vec<Rule>,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// At the first call of each kind that is made for the run.
fn at_each_kind_of_call(name: &str, action: Action, in_a_row: u64) -> Case {
    let rule = |(function, service, operation)| {
        let rule = Rule::new(action.clone()).of_function(function);
        rule.to(service, operation).times(in_a_row)
    };
    Case {
        name: name.to_owned(),
        rules: CALLS.into_iter().map(rule).collect(),
    }
}

/// After every eighth call of each function, counted from this one.
fn killed_after(first: u64) -> Case {
    let rules = (0..4).flat_map(|round| {
        ["quiz-saga", "answer-saga"].map(|function| {
            let rule = Rule::new(Action::KillAfter).of_function(function);
            rule.skip(first + round * APART).times(1)
        })
    });
    Case {
        name: format!("killed after call {first}, {} and so on", first + APART),
        rules: rules.collect(),
    }
}

#[tokio::test]
async fn what_passes_is_retried_and_the_show_goes_on() {
    let mut cases = vec![
        at_each_kind_of_call("throttled", Action::Throttle, ATTEMPTS),
        at_each_kind_of_call("failed", Action::Fail, ATTEMPTS),
        at_each_kind_of_call("answer lost", Action::LoseAnswer, 1),
        at_each_kind_of_call("killed before", Action::KillBefore, 1),
    ];
    cases.extend((0..APART).map(killed_after));
    side_by_side(cases, async |case| {
        let rehearsal = Rehearsal::on_air().await;
        let watcher = Watcher::of(&rehearsal).await;
        let soon = Timestamp::now() + SignedDuration::from_secs(3);
        // Half of its time is for the retries until the question is in the video.
        let quiz = questions::quiz(1, 15);
        // So that it looks for the stream, too.
        let starts = json!({ "startsAt": soon.to_string(), "onStreamLoss": "repeat" });
        let run = rehearsal.schedule_quiz(&quiz, &starts).await;
        let faults = Faults::new(&rehearsal.stack).unwrap();
        let mut made = Vec::new();
        for rule in &case.rules {
            // That call names nothing but the channel, which is this test's alone.
            let about = match rule.operation.as_deref() {
                Some("GetStream") => &rehearsal.channel.arn,
                _ => &run.run_id,
            };
            let fault = faults.add(rule.clone().about(about)).await.unwrap();
            made.push((rule, fault));
        }
        let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
        assert_eq!(body["status"], "completed", "{case}: {body}");
        assert_eq!(windows["q1"], "tallied");
        let mut hits = 0;
        for (rule, fault) in made {
            let hit = fault.hits().await.unwrap();
            // The last calls of a row may never be made.
            assert!(hit > 0 || rule.skip > 0, "{case}: nothing of {rule:?}");
            hits += hit;
        }
        assert!(hits > 1, "{case}: {hits} faults");
        println!("   {case}: {hits} faults");
        let told = rehearsal.events.now(&run.run_id).await;
        for name in [
            "quiz-started",
            "question-opened",
            "question-tallied",
            "quiz-completed",
        ] {
            assert_eq!(events::count(&told, name), 1, "{name}: {told:#?}");
        }
        for cue in ["question", "results"] {
            watcher.sees_a(cue).await;
        }
        rehearsal.another_quiz_runs().await;
    })
    .await;
}
