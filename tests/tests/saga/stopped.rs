//! A show that is ended from outside: stopped by an operator, or out of time.

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::json;
use stage::Stack;

use crate::{cases::side_by_side, failing::Way, machine::Machine, rehearsal::Rehearsal};

/// Every state that lasts: a task does while it is retried, which makes it last for a minute.
async fn lasting() -> Vec<String> {
    let show = Machine::show(&Stack::load().unwrap()).await;
    let mut states = show.states("Wait");
    // It is there only when another one has failed; see the tests of failing tasks.
    states.extend(
        show.states("Task")
            .into_iter()
            .filter(|state| state != "Compensate"),
    );
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
/// tell of it.
#[tokio::test]
async fn a_show_that_is_out_of_time_is_undone() {
    let rehearsal = Rehearsal::on_air().await;
    let quiz_id = rehearsal.quiz(1).await;
    let order = rehearsal.order(&quiz_id, &json!({}));
    let show = &rehearsal.show;
    // It is still there when it should have ended, but does nothing.
    let execution = show
        .start_failing("PublishOpened", "throttled", &order)
        .await;
    show.reaches(&execution, "PublishOpened").await;
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
    let (ended, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(ended["status"], "aborted");
    assert!(
        ended["reason"].as_str().unwrap().contains("TIMED_OUT"),
        "{ended}"
    );
    assert_eq!(windows["q1"], "voided");
    show.stop(&execution).await;
    rehearsal.another_quiz_runs().await;
}
