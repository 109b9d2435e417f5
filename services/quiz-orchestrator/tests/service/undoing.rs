//! How the compensation begins, and what it leaves.

use quiz_orchestrator::compensation::TASKS_END_WITHIN;
use serde_json::{Value, json};

use crate::cloud::{Cloud, scheduled};

impl Cloud {
    async fn begin(&self, trigger: Value) -> Value {
        let task = json!({ "trigger": trigger });
        self.perform("begin-compensation", task).await.unwrap()
    }
}

/// What the saga, or Step Functions, says of an execution that ended.
fn ended(execution: &str, run: &quiz_orchestrator::run::Run, more: Value) -> Value {
    let mut trigger = json!({"executionArn": execution, "input": scheduled(run).to_string()});
    let more = more.as_object().unwrap().clone();
    trigger.as_object_mut().unwrap().extend(more);
    trigger
}

#[tokio::test]
async fn a_run_is_undone_for_its_own_execution_and_no_other() {
    let cloud = Cloud::new().await;
    let run = cloud.running().await;
    let failed = json!({"failedStep": "Tally", "reason": "Unavailable: x"});
    let other = cloud.begin(ended("e2", &run, failed.clone())).await;
    assert_eq!(
        (&other["compensate"], &other["reason"]),
        (&json!(false), &json!("another execution has the run"))
    );
    let ours = cloud.begin(ended("e1", &run, failed)).await;
    assert_eq!(
        ours,
        json!({
            "compensate": true, "quizId": run.quiz_id, "runId": run.run_id,
            "channelId": cloud.channel, "correlationId": run.correlation_id,
            "startsAt": run.starts_at, "executionId": "e1",
            "failedStep": "Tally", "reason": "Unavailable: x", "onAir": true, "settleSeconds": 0,
        })
    );
    let stopped = cloud
        .begin(ended("e1", &run, json!({"status": "ABORTED"})))
        .await;
    assert_eq!(
        (&stopped["failedStep"], &stopped["settleSeconds"]),
        (&json!("QuizShow"), &json!(TASKS_END_WITHIN))
    );
    let abort = json!({"executionId": "e1", "failedStep": "Tally", "reason": "Unavailable: x"});
    cloud.task("abort-run", &run, abort).await.unwrap();
    assert_eq!(cloud.store.holder(&cloud.channel_id()).await.unwrap(), None);
    let again = cloud
        .begin(ended("e1", &run, json!({"status": "FAILED"})))
        .await;
    assert_eq!(
        (&again["compensate"], &again["onAir"]),
        (&json!(true), &json!(false)),
        "a late window is still voided; nothing more is shown"
    );
}

#[tokio::test]
async fn a_run_that_was_moved_is_not_undone_for_the_execution_that_lost_it() {
    let cloud = Cloud::new().await;
    let run = cloud.schedule(&cloud.quiz().await).await;
    let stopped = ended("e1", &run, json!({"status": "ABORTED"}));
    assert_eq!(
        cloud.begin(stopped.clone()).await["compensate"],
        true,
        "not claimed yet"
    );
    let ids = json!({"quizId": run.quiz_id, "runId": run.run_id});
    let later = run.starts_at + jiff::SignedDuration::from_hours(1);
    let route = "PATCH /quizzes/{quizId}/runs/{runId}";
    let (status, _) = cloud.call(route, ids, json!({ "startsAt": later })).await;
    assert_eq!(status, 200);
    let lost = cloud.begin(stopped).await;
    assert_eq!(
        (&lost["compensate"], &lost["reason"]),
        (&json!(false), &json!("the run was moved"))
    );
}

#[tokio::test]
async fn a_producers_cancel_and_an_operators_hand_undo_a_run_on_air() {
    let cloud = Cloud::new().await;
    let run = cloud.running().await;
    let early = cloud.begin(scheduled(&run)).await;
    assert_eq!(early["compensate"], false, "it is not cancelled");
    let by_hand = cloud
        .begin(json!({"quizId": run.quiz_id, "runId": run.run_id}))
        .await;
    assert_eq!(
        (&by_hand["compensate"], &by_hand["executionId"]),
        (&json!(true), &Value::Null)
    );
    cloud.cancel(&run).await;
    let wished = cloud.begin(scheduled(&run)).await;
    assert_eq!(
        (&wished["compensate"], &wished["onAir"], &wished["reason"]),
        (&json!(true), &json!(true), &json!("RunCancelled"))
    );
    let abort = json!({"executionId": null, "failedStep": "QuizShow", "reason": "RunCancelled"});
    let answer = cloud.task("abort-run", &run, abort).await.unwrap();
    assert_eq!(answer["status"], "cancelled");
}

#[tokio::test]
async fn what_names_no_run_is_nothing_to_undo_or_a_mistake() {
    let cloud = Cloud::new().await;
    let nothing = [
        json!({"executionArn": "e1", "input": "{}", "status": "FAILED"}),
        json!({"executionArn": "e1", "input": json!({"quizId": "q", "channelId": "c"}).to_string()}),
    ];
    for trigger in nothing {
        assert_eq!(cloud.begin(trigger).await["compensate"], false);
    }
    for (trigger, expected) in [
        (json!({"quizId": "none", "runId": "none"}), "NotFound"),
        (json!({"any": "thing"}), "InvalidInput"),
    ] {
        let task = json!({ "trigger": trigger });
        let failed = cloud.perform("begin-compensation", task).await;
        assert_eq!(failed.unwrap_err().error_type, expected);
    }
}
