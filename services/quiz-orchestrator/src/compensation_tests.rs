//! What the compensation reads from each of those that start it, and on whose behalf it may act.

use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::{order::Order, quiz::Quiz, timing::AnswerTiming};

const EXECUTION: &str = "arn:aws:states:eu-west-1:1:execution:quiz-show:e1";
const STARTS_AT: &str = "2026-11-22T08:00:00Z";

fn input() -> Value {
    json!({"metadata": {}, "data": {"quizId": "quiz", "runId": "run", "channelId": "c", "startsAt": STARTS_AT}})
}

fn ended(input: &Value, more: Value) -> Value {
    let mut trigger = json!({"executionArn": EXECUTION, "input": input.to_string()});
    let more = more.as_object().unwrap().clone();
    trigger.as_object_mut().unwrap().extend(more);
    trigger
}

fn case(trigger: &Value) -> Case {
    Case::read(trigger).unwrap().unwrap()
}

fn why(trigger: &Value) -> (String, String) {
    let case = case(trigger);
    (case.failed_step, case.reason)
}

fn run(status: RunStatus, execution_id: Option<&str>) -> Run {
    let starts_at: Timestamp = STARTS_AT.parse().unwrap();
    let quiz =
        r#"{"title": "t", "questions": [{"question": "?", "answers": ["a", "b"], "seconds": 10}]}"#;
    let quiz = serde_json::from_str(quiz).unwrap();
    let quiz = Quiz::new("quiz".parse().unwrap(), quiz, starts_at).unwrap();
    let draft = serde_json::from_str(r#"{"channelId": "c"}"#).unwrap();
    let timing = AnswerTiming {
        latency_allowance: SignedDuration::ZERO,
        drain: SignedDuration::ZERO,
    };
    let run = Run::schedule(&quiz, "run".parse().unwrap(), draft, &timing, starts_at).unwrap();
    Run {
        status,
        execution_id: execution_id.map(str::to_owned),
        ..run
    }
}

#[test]
fn the_sagas_own_words_say_what_failed() {
    let trigger = ended(
        &input(),
        json!({"failedStep": "Tally", "reason": "Unavailable: x"}),
    );
    assert_eq!(why(&trigger), ("Tally".into(), "Unavailable: x".into()));
    let case = case(&trigger);
    assert_eq!(
        (case.quiz_id.as_str(), case.run_id.as_str()),
        ("quiz", "run")
    );
    assert_eq!(case.settle_seconds, 0, "its last task has ended");
    assert_eq!(case.execution_id(), Some(EXECUTION));
}

#[test]
fn step_functions_says_how_an_execution_ended() {
    let event = |status: &str, error: Value, cause: Value| {
        let more = json!({"status": status, "error": error, "cause": cause, "name": "e1"});
        ended(&input(), more)
    };
    let aborted = event("ABORTED", Value::Null, Value::Null);
    assert_eq!(why(&aborted), ("QuizShow".into(), "ABORTED".into()));
    assert_eq!(case(&aborted).settle_seconds, TASKS_END_WITHIN);
    assert_eq!(
        case(&event("TIMED_OUT", Value::Null, Value::Null)).settle_seconds,
        TASKS_END_WITHIN
    );
    let failed = event(
        "FAILED",
        json!("QuizAborted"),
        json!("Tally: Unavailable: x"),
    );
    assert_eq!(why(&failed), ("Tally".into(), "Unavailable: x".into()));
    assert_eq!(case(&failed).settle_seconds, 0);
    let broken = event("FAILED", json!("States.Runtime"), json!("no: such"));
    let reason = "FAILED: States.Runtime: no: such";
    assert_eq!(why(&broken), ("QuizShow".into(), reason.into()));
}

#[test]
fn an_execution_without_a_run_leaves_nothing_to_undo() {
    for input in [json!({}), json!("text"), json!({"quizId": "quiz"})] {
        assert_eq!(Case::read(&ended(&input, json!({}))), Ok(None));
    }
    let too_long = json!({"executionArn": EXECUTION, "input": null, "status": "FAILED"});
    assert_eq!(Case::read(&too_long), Ok(None));
    let not_json = json!({"executionArn": EXECUTION, "input": "{"});
    assert_eq!(Case::read(&not_json), Ok(None));
}

#[test]
fn a_direct_start_is_known_by_its_execution() {
    let start = json!({"quizId": "quiz", "channelId": "c"});
    let (_, run_id) = Order::read(&start).unwrap().run(EXECUTION);
    assert_eq!(case(&ended(&start, json!({}))).run_id, run_id);
}

#[test]
fn what_is_no_trigger_is_refused() {
    for trigger in [
        json!({}),
        json!([]),
        json!({"quizId": "quiz"}),
        json!({"data": {"quizId": "quiz"}}),
        json!({"executionArn": 1}),
    ] {
        assert!(Case::read(&trigger).is_err(), "{trigger}");
    }
}

#[test]
fn an_execution_undoes_its_own_run_only() {
    let case = case(&ended(&input(), json!({"status": "ABORTED"})));
    for status in [RunStatus::Running, RunStatus::Completed, RunStatus::Aborted] {
        assert_eq!(case.may_undo(&run(status, Some(EXECUTION))), Ok(()));
        assert!(case.may_undo(&run(status, Some("arn:other"))).is_err());
    }
    let unclaimed = run(RunStatus::Scheduled, None);
    assert_eq!(case.may_undo(&unclaimed), Ok(()));
    let moved = Run {
        starts_at: unclaimed.starts_at + SignedDuration::from_secs(1),
        ..unclaimed
    };
    assert_eq!(case.may_undo(&moved), Err("the run was moved"));
}

#[test]
fn a_producers_wish_undoes_what_was_cancelled_and_an_operator_anything() {
    let wish = case(&input());
    assert_eq!(wish.claimant, Claimant::Producer);
    let by_hand = json!({"quizId": "quiz", "runId": "run"});
    assert_eq!(
        why(&by_hand),
        ("QuizShow".into(), "ended by an operator".into())
    );
    let operator = case(&by_hand);
    for (status, wished) in [
        (RunStatus::Scheduled, false),
        (RunStatus::Running, false),
        (RunStatus::Cancelling, true),
        (RunStatus::Cancelled, true),
    ] {
        let run = run(status, Some(EXECUTION));
        assert_eq!(wish.may_undo(&run).is_ok(), wished, "{status:?}");
        assert_eq!(operator.may_undo(&run), Ok(()));
    }
}
