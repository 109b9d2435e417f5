//! A task of the show that fails for good: everything is undone.

use std::fmt;

use aws_sdk_sfn::types::ExecutionStatus;
use cuepoint_e2e::api::RunPath;
use serde_json::{Value, json};
use stage::{
    Faults, Stack,
    faults::{Action, Rule},
};

use crate::{
    cases::side_by_side,
    machine::{FAULTS, Fault, Machine, Wrong},
    rehearsal::{Rehearsal, run_in},
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

/// The step that a run was aborted for when this state fails.
fn failed_step(state: &str) -> &str {
    match state {
        // What was to undo the failure of this one.
        "Compensate" => "PushQuestion",
        state => state,
    }
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
            assert_eq!(run["failedStep"], failed_step(&case.state), "{run}");
            let reason = run["reason"].as_str().unwrap();
            assert!(reason.contains("InvalidInput: made to fail"), "{reason}");
        } else {
            assert_eq!(case.state, "ClaimRun");
        }
    })
    .await;
}

/// A task whose answer is wrong.
struct Answered(String, Wrong);

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.1)
    }
}

/// Each field that a state takes from an answer, one by one: the task does what it should, and says
/// it wrongly. It is caught where the answer was got. No rule knows the execution, so that nobody
/// else undoes its run.
#[tokio::test]
async fn an_answer_that_is_wrong_is_caught_where_it_was_got() {
    let answers = Machine::show(&Stack::load().unwrap()).await.answers();
    let cases = answers.into_iter().map(|(state, how)| Answered(state, how));
    side_by_side(cases, async |Answered(state, wrong)| {
        let way = Way::to(state);
        let mut rehearsal = way.rehearsal().await;
        let quiz_id = rehearsal.quiz(way.questions).await;
        let order = rehearsal.order(&quiz_id, &way.settings);
        let show = rehearsal.show.answered(state, wrong).await;
        let execution = show.start(&order).await;
        let (status, said) = show.ended(&execution).await;
        assert_eq!(status, ExecutionStatus::Failed, "{said}");
        assert!(said.starts_with("QuizAborted"), "{said}");
        let entered = show.entered(&execution).await;
        let caught = [state.as_str(), "RecordFailure", "Compensate"];
        let after = entered.iter().position(|entered| *entered == *state);
        assert_eq!(entered[after.unwrap()..][..3], caught, "{entered:?}");

        let run_id = show.claimed(&execution).await.expect("it has a run");
        let run = RunPath { quiz_id, run_id };
        let (run, windows) = rehearsal.nothing_is_open(&run, way.questions).await;
        println!("   {state} {wrong}: {windows:?}");
        if state == "CompleteRun" {
            assert_eq!(run["status"], "completed", "what is done stays done: {run}");
        } else {
            assert_eq!(
                (&run["status"], run["failedStep"].as_str().unwrap()),
                (&json!("aborted"), state.as_str())
            );
        }
        rehearsal.go_on_air().await;
        rehearsal.another_quiz_runs().await;
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_no_task_gives_is_survived() {
    let show = Machine::show(&Stack::load().unwrap()).await;
    let mut cases = Vec::new();
    for state in show.states("Task") {
        for (fault, how) in FAULTS {
            let taken = !show.taken(&state).is_empty();
            if matches!(how, Fault::Answers(_)) && !taken && !publishes(&state) {
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

/// The kinds of errors that are retried.
const RETRIED: [(&str, &str); 3] = [
    ("throttled", "Throttled"),
    ("timed-out", "States.Timeout"),
    ("crashed", "Runtime.ExitError"),
];

/// Each kind of error that is retried in turn, at every task but the claim, which is retried for ten
/// minutes: the waits between the retries are the machine's own, a minute in all.
#[tokio::test]
async fn a_task_that_fails_again_and_again_is_undone() {
    let tasks = tasks().await.into_iter();
    let tasks = tasks.filter(|state| state != "ClaimRun");
    let kinds = RETRIED.into_iter().cycle();
    let cases = tasks.zip(kinds).map(|(state, (fault, error))| {
        // What was to undo the failure of this one, which is not retried.
        let error = if state == "Compensate" {
            "InvalidInput"
        } else {
            error
        };
        (Case { state, fault }, error)
    });
    let taken = Case {
        state: "StartRun".to_owned(),
        fault: "taken",
    };
    let cases = cases.chain([(taken, "ChannelTaken")]);
    let cases = cases.into_iter().map(|(case, error)| Retried(case, error));
    side_by_side(cases, async |Retried(case, error)| {
        let (run, status) = all_is_undone(case).await;
        assert_eq!(status, ExecutionStatus::Failed);
        let run = run.expect("it was claimed");
        assert_eq!(run["failedStep"], failed_step(&case.state), "{run}");
        assert!(run["reason"].as_str().unwrap().contains(error), "{run}");
    })
    .await;
}

/// The run is there, and no execution has it: it is undone for the one that could not claim it.
#[tokio::test]
async fn a_scheduled_run_that_cannot_be_claimed_is_undone() {
    let rehearsal = Rehearsal::off_air().await;
    let quiz_id = rehearsal.quiz(1).await;
    let refused = Action::Refuse {
        status: 400,
        code: "ValidationException".to_owned(),
    };
    let rule = Rule::new(refused).of_function("quiz-saga");
    let rule = rule.to("dynamodb", "GetItem").about(&quiz_id).times(1);
    let faults = Faults::new(&rehearsal.stack).unwrap();
    let fault = faults.add(rule).await.unwrap();
    let ahead = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let ahead = json!({ "startsAt": ahead.to_string() });
    let run = rehearsal.ask_for(&quiz_id, &ahead).await.expect(201);
    let run = run_in(&run.unwrap());
    let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(
        (&body["status"], &body["failedStep"]),
        (&json!("aborted"), &json!("ClaimRun"))
    );
    assert!(windows.is_empty(), "{windows:?}");
    assert_eq!(fault.hits().await.unwrap(), 1);
    let again = rehearsal.ask_for(&run.quiz_id, &ahead).await.expect(201);
    let again = run_in(&again.unwrap());
    rehearsal.cancel(&again).await;
    rehearsal.run_is(&again, "cancelled").await;
}

struct Retried(Case, &'static str);

impl fmt::Display for Retried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
