//! A task of the show that fails for good: everything is undone.

use std::fmt;

use aws_sdk_sfn::types::ExecutionStatus;
use cuepoint_e2e::api::RunPath;
use serde_json::{Value, json};
use stage::Stack;

use crate::{
    cases::side_by_side,
    machine::{FAULTS, Fault, Machine},
    rehearsal::Rehearsal,
};

/// A state and what happens to it.
struct Case {
    state: String,
    fault: &'static str,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.state, self.fault)
    }
}

/// What leads to a state.
pub(crate) struct Way {
    /// Whether the channel has a stream.
    pub(crate) on_air: bool,
    pub(crate) questions: usize,
    pub(crate) settings: Value,
}

impl Way {
    pub(crate) fn to(state: &str) -> Self {
        let (on_air, questions, settings) = match state {
            "VoidAttempt" | "PublishAttemptVoided" | "WaitForStream" | "LookForStream" => (
                false,
                1,
                json!({"onStreamLoss": "wait", "streamLossSeconds": 10}),
            ),
            "CheckStream" => (true, 1, json!({"onStreamLoss": "repeat"})),
            "WaitForStart" => {
                let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(15);
                (true, 1, json!({"startsAt": soon.to_string()}))
            }
            "Pause" => (true, 2, json!({"pauseSeconds": 15})),
            "PauseBeforeLeaderboard" => (true, 1, json!({"pauseSeconds": 10})),
            _ => (true, 1, json!({})),
        };
        Self {
            on_air,
            questions,
            settings,
        }
    }

    /// A channel for it.
    pub(crate) async fn rehearsal(&self) -> Rehearsal {
        if self.on_air {
            Rehearsal::on_air().await
        } else {
            Rehearsal::off_air().await
        }
    }
}

/// The tasks that answer nothing which a later state needs.
const DONE_WITHOUT: [&str; 4] = ["CheckRun", "CloseWindow", "PushResults", "PushLeaderboard"];

async fn tasks() -> Vec<String> {
    Machine::show(&Stack::load().unwrap()).await.states("Task")
}

/// Whether a state says something on the bus: what is taken for its answer is then what was said.
fn publishes(state: &str) -> bool {
    state.starts_with("Publish")
}

/// Lets a state fail and waits until all is over; then nothing may be left of the run. Returns the
/// run, if there was one, and how the execution ended.
async fn all_is_undone(case: &Case) -> (Option<Value>, ExecutionStatus) {
    let way = Way::to(&case.state);
    let mut rehearsal = way.rehearsal().await;
    let quiz_id = rehearsal.quiz(way.questions).await;
    let order = rehearsal.order(&quiz_id, &way.settings);
    let show = &rehearsal.show;
    let execution = show.start_failing(&case.state, case.fault, &order).await;
    let (status, said) = show.ended(&execution).await;
    let entered = show.entered(&execution).await;
    let reached = entered.contains(&case.state);
    assert!(reached, "{entered:?}: {status} {said}");

    let run = match show.claimed(&execution).await {
        // What was taken for the answer of its claim is no claim.
        Some(run_id) if case.state != "ClaimRun" => {
            let run = RunPath { quiz_id, run_id };
            let (run, windows) = rehearsal.nothing_is_open(&run, way.questions).await;
            println!("   {case}: {status}, {}, {windows:?}", run["status"]);
            Some(run)
        }
        _ => None,
    };
    rehearsal.go_on_air().await;
    rehearsal.another_quiz_runs().await;
    (run, status)
}

#[tokio::test]
async fn a_task_that_is_refused_is_undone() {
    let cases = tasks().await.into_iter().map(|state| Case {
        state,
        fault: "refused",
    });
    side_by_side(cases, async |case| {
        let (run, status) = all_is_undone(case).await;
        assert_eq!(status, ExecutionStatus::Failed);
        // Without a claim there is no run.
        if let Some(run) = run {
            assert_eq!(run["status"], "aborted");
            let failed = match case.state.as_str() {
                // What was to undo the failure of this one.
                "Compensate" => "PushQuestion",
                state => state,
            };
            assert_eq!(run["failedStep"], failed, "{run}");
            let reason = run["reason"].as_str().unwrap();
            assert!(reason.contains("InvalidInput: made to fail"), "{reason}");
        } else {
            assert_eq!(case.state, "ClaimRun");
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_no_task_gives_is_survived() {
    let mut cases = Vec::new();
    for state in tasks().await {
        for (fault, how) in FAULTS {
            if matches!(how, Fault::Answers(_)) && !publishes(&state) {
                let state = state.clone();
                cases.push(Case { state, fault });
            }
        }
    }
    side_by_side(cases, async |case| {
        let (run, status) = all_is_undone(case).await;
        match run {
            // Its answer is not needed, and what follows does without what it should have done.
            Some(run) if run["status"] == "completed" => {
                assert!(DONE_WITHOUT.contains(&case.state.as_str()), "{case}: {run}");
                assert_eq!(status, ExecutionStatus::Succeeded, "{run}");
            }
            Some(run) => assert_eq!(run["status"], "aborted", "{run}"),
            None => assert_eq!(status, ExecutionStatus::Failed, "no run, and no word of it"),
        }
    })
    .await;
}

/// Each kind of error that is retried, at some of the states: the waits between the retries are the
/// machine's own, a minute in all.
#[tokio::test]
async fn a_task_that_fails_again_and_again_is_undone() {
    let cases = [
        ("StartRun", "crashed", "Runtime.ExitError"),
        ("OpenWindow", "timed-out", "States.Timeout"),
        ("PushQuestion", "throttled", "Throttled"),
        ("PublishOpened", "throttled", "Throttled"),
        ("Tally", "crashed", "Runtime.ExitError"),
        ("PushResults", "timed-out", "States.Timeout"),
        ("CompleteRun", "throttled", "Throttled"),
    ];
    let cases = cases.map(|(state, fault, error)| {
        let state = state.to_owned();
        (Case { state, fault }, error)
    });
    let cases = cases.into_iter().map(|(case, error)| Retried(case, error));
    side_by_side(cases, async |Retried(case, error)| {
        let (run, status) = all_is_undone(case).await;
        assert_eq!(status, ExecutionStatus::Failed);
        if let Some(run) = run {
            assert_eq!(run["failedStep"], case.state, "{run}");
            assert!(run["reason"].as_str().unwrap().contains(error), "{run}");
        }
    })
    .await;
}

struct Retried(Case, &'static str);

impl fmt::Display for Retried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
