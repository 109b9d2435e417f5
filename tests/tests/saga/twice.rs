//! A run that more than one execution is started for: one has it, and the others do nothing.

use aws_sdk_sfn::types::ExecutionStatus;
use futures::future;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::rehearsal::Rehearsal;

/// `quiz-scheduled`, as the bus delivers it again.
fn scheduled_again(run: &Value) -> Value {
    json!({
        "metadata": {
            "eventId": "again", "occurredAt": Timestamp::now().to_string(),
            "correlationId": run["runId"], "schemaVersion": 1,
        },
        "data": {
            "quizId": run["quizId"], "runId": run["runId"], "channelId": run["channelId"],
            "startsAt": run["startsAt"],
        },
    })
}

#[tokio::test]
async fn a_run_that_is_started_again_goes_on_as_if_it_were_not() {
    let rehearsal = Rehearsal::on_air().await;
    let run = rehearsal.schedule(1, &json!({})).await;
    rehearsal.question_is(&run, "q1", "open").await;
    let body = rehearsal.producer.run(&run).await.unwrap().body;
    let again = scheduled_again(&body);
    let show = &rehearsal.show;
    let others = future::join_all((0..3).map(|_| show.start(&again))).await;
    for other in &others {
        let (status, said) = show.ended(other).await;
        assert_eq!(status, ExecutionStatus::Succeeded, "{said}");
        let entered = show.entered(other).await;
        assert_eq!(entered.last().unwrap(), "NotOurs", "{entered:?}");
    }
    // Were one of them said to have been stopped, that would undo nothing either.
    let machine = &rehearsal.compensation;
    let event = json!({"executionArn": others[0], "status": "ABORTED", "input": again.to_string()});
    let compensation = machine.start(&event).await;
    let (status, said) = machine.ended(&compensation).await;
    assert_eq!(status, ExecutionStatus::Succeeded, "{said}");
    let entered = machine.entered(&compensation).await;
    assert_eq!(entered.last().unwrap(), "NothingToUndo", "{entered:?}");

    let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(
        (&body["status"], windows["q1"].as_str()),
        (&json!("completed"), "tallied")
    );
}

#[tokio::test]
async fn of_executions_that_start_at_once_one_has_the_run() {
    let rehearsal = Rehearsal::on_air().await;
    // One execution comes from the rule; it waits for the start like the others that want the run.
    let soon = Timestamp::now() + SignedDuration::from_secs(4);
    let run = rehearsal
        .schedule(1, &json!({"startsAt": soon.to_string()}))
        .await;
    let body = rehearsal.producer.run(&run).await.unwrap().body;
    let again = scheduled_again(&body);
    let show = &rehearsal.show;
    future::join_all((0..4).map(|_| show.start(&again))).await;
    let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(
        (&body["status"], windows["q1"].as_str()),
        (&json!("completed"), "tallied")
    );
    let executions = show.executions_about(&run.run_id).await;
    assert_eq!(executions.len(), 5);
    let mut had_it = 0;
    for execution in executions {
        assert_eq!(show.ended(&execution).await.0, ExecutionStatus::Succeeded);
        let entered = show.entered(&execution).await;
        had_it += usize::from(entered.iter().any(|state| state == "CompleteRun"));
    }
    assert_eq!(had_it, 1);
    rehearsal.another_quiz_runs().await;
}
