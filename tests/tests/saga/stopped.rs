//! A show that is ended from outside: stopped by an operator, or out of time.

use aws_sdk_sfn::types::ExecutionStatus;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use stage::{
    Faults, Stack,
    faults::{Action, Rule},
};

use crate::{cases::side_by_side, failing::Way, machine::Machine, rehearsal::Rehearsal};

/// Every state that lasts: a task does while it is retried, which makes it last for a minute.
async fn lasting() -> Vec<String> {
    let show = Machine::show(&Stack::load().unwrap()).await;
    let mut states = show.states("Wait");
    states.extend(show.states("Task"));
    states
}

#[tokio::test]
async fn a_show_that_is_stopped_anywhere_is_undone() {
    side_by_side(lasting().await, async |state| {
        let way = Way::to(state);
        let mut rehearsal = way.rehearsal().await;
        let quiz_id = rehearsal.quiz(way.questions).await;
        // The channel may have been waited for, and a start is a time.
        let order = rehearsal.order(&quiz_id, &Way::to(state).settings);
        let show = &rehearsal.show;
        let execution = if show.state(state)["Type"] == "Wait" {
            show.start(&order).await
        } else {
            show.start_failing(state, "throttled", &order).await
        };
        show.reaches(&execution, state).await;
        show.stop(&execution).await;
        assert_eq!(show.ended(&execution).await.0, ExecutionStatus::Aborted);

        if state != "ClaimRun" {
            let run = rehearsal.run_of(&execution, &quiz_id).await;
            let (run, windows) = rehearsal.nothing_is_open(&run, way.questions).await;
            println!("   {state}: {windows:?}");
            assert_eq!(run["status"], "aborted", "{run}");
            assert_eq!(run["failedStep"], "QuizShow");
            assert!(run["reason"].as_str().unwrap().contains("ABORTED"), "{run}");
        }
        rehearsal.go_on_air().await;
        rehearsal.another_quiz_runs().await;
    })
    .await;
}

/// The emulator does not end a machine at its time, so that this is the event by which AWS would
/// tell of it. It is the same in every state.
#[tokio::test]
async fn a_show_that_is_out_of_time_is_undone() {
    let states = ["WaitForStart", "PublishOpened", "WaitForAnswers", "Pause"];
    side_by_side(states, async |state| out_of_time_in(state).await).await;
}

async fn out_of_time_in(state: &str) {
    let way = Way::to(state);
    let rehearsal = way.rehearsal().await;
    let quiz_id = rehearsal.quiz(way.questions).await;
    let order = rehearsal.order(&quiz_id, &Way::to(state).settings);
    let show = &rehearsal.show;
    // It is still there when it should have ended, but does nothing.
    let execution = if show.state(state)["Type"] == "Wait" {
        show.start(&order).await
    } else {
        show.start_failing(state, "throttled", &order).await
    };
    show.reaches(&execution, state).await;
    let run = rehearsal.run_of(&execution, &quiz_id).await;
    let event = json!({
        "executionArn": execution,
        "stateMachineArn": show.arn,
        "name": execution.rsplit(':').next().unwrap(),
        "status": "TIMED_OUT",
        "startDate": 1_763_800_000_000_i64,
        "stopDate": 1_763_900_000_000_i64,
        "input": order.to_string(),
        "inputDetails": {"included": true},
        "output": null,
        "outputDetails": null,
        "error": null,
        "cause": null,
    });
    rehearsal.compensation.start(&event).await;
    let (ended, windows) = rehearsal.nothing_is_open(&run, way.questions).await;
    assert_eq!(ended["status"], "aborted", "{ended}");
    let reason = ended["reason"].as_str().unwrap();
    assert!(reason.contains("TIMED_OUT"), "{reason}");
    println!("   {state}: {windows:?}");
    show.stop(&execution).await;
    rehearsal.another_quiz_runs().await;
}

/// A task that is running when its execution is stopped goes on. Here it is held up until after the
/// run was undone, and then opens its window.
#[tokio::test]
async fn a_window_that_opens_after_the_end_is_voided() {
    let rehearsal = Rehearsal::on_air().await;
    let soon = Timestamp::now() + SignedDuration::from_secs(3);
    let run = rehearsal
        .schedule(1, &json!({ "startsAt": soon.to_string() }))
        .await;
    let faults = Faults::new(&rehearsal.stack).unwrap();
    let mut held = Vec::new();
    for (service, operation) in [("sqs", "SendMessage"), ("dynamodb", "PutItem")] {
        // Not so long that the function's client gives up.
        let rule = Rule::new(Action::Stall { millis: 1_800 });
        let rule = rule.of_function("answer-saga").to(service, operation);
        held.push(faults.add(rule.about(&run.run_id)).await.unwrap());
    }
    let show = &rehearsal.show;
    let execution = rehearsal.execution_of(&run).await;
    show.reaches(&execution, "OpenWindow").await;
    show.stop(&execution).await;
    rehearsal.run_is(&run, "aborted").await;
    // On a busy machine the window may open before the first voiding: then that voids it.
    rehearsal.another_quiz_runs().await;
    rehearsal.question_is(&run, "q1", "voided").await;
    for fault in held {
        assert!(fault.hits().await.unwrap() > 0);
    }
    let (_, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(windows["q1"], "voided");
    let machine = &rehearsal.compensation;
    let of_the_run = machine.executions_about(&execution).await;
    let [compensation] = &of_the_run[..] else {
        panic!("one compensation: {of_the_run:?}");
    };
    machine.reaches_again(compensation, "VoidRun", 2).await;
}
