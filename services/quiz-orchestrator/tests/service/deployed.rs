//! The deployed outbox and saga: from a run in the table to the bus and to its execution.

use jiff::SignedDuration;
use quiz_orchestrator::run::RunStatus;
use serde_json::json;

use crate::cloud::{Cloud, delivered};

#[tokio::test]
async fn a_scheduled_run_is_announced_claimed_by_its_saga_and_can_be_cancelled() {
    let cloud = Cloud::deployed().await;
    let quiz_id = cloud.quiz().await;
    let heard = cloud.listen(&quiz_id).await;
    let run = cloud.schedule(&quiz_id).await;

    let (kind, detail) = delivered(&cloud.receive(&heard, 1).await[0]);
    assert_eq!(kind, "quiz-scheduled");
    assert_eq!(detail["data"]["runId"], json!(run.run_id));
    assert_eq!(detail["data"]["startsAt"], json!(run.starts_at));
    assert_eq!(
        detail["metadata"]["correlationId"],
        json!(run.correlation_id)
    );
    cloud
        .until(async || {
            cloud
                .run(&quiz_id, &run.run_id)
                .await
                .execution_id
                .is_some()
        })
        .await;
    assert_eq!(cloud.store.holder(&cloud.channel_id()).await.unwrap(), None);

    let (status, _) = cloud.cancel(&run).await;
    assert_eq!(status, 202);
    let (kind, detail) = delivered(&cloud.receive(&heard, 1).await[0]);
    assert_eq!(
        (kind.as_str(), &detail["data"]["runId"]),
        ("quiz-cancelled", &json!(run.run_id))
    );
}

#[tokio::test]
async fn a_moved_run_is_announced_anew_and_gets_another_execution() {
    let cloud = Cloud::deployed().await;
    let quiz_id = cloud.quiz().await;
    let heard = cloud.listen(&quiz_id).await;
    let run = cloud.schedule(&quiz_id).await;
    cloud.receive(&heard, 1).await;
    let execution = async || cloud.run(&quiz_id, &run.run_id).await.execution_id;
    cloud.until(async || execution().await.is_some()).await;
    let first = execution().await;

    let later = run.starts_at + SignedDuration::from_hours(1);
    let ids = json!({"quizId": quiz_id, "runId": run.run_id});
    let route = "PATCH /quizzes/{quizId}/runs/{runId}";
    let (status, _) = cloud.call(route, ids, json!({ "startsAt": later })).await;
    assert_eq!(status, 200);
    let (kind, detail) = delivered(&cloud.receive(&heard, 1).await[0]);
    assert_eq!(
        (kind.as_str(), &detail["data"]["startsAt"]),
        ("quiz-scheduled", &json!(later))
    );
    cloud
        .until(async || {
            execution()
                .await
                .is_some_and(|other| Some(&other) != first.as_ref())
        })
        .await;
}

#[tokio::test]
async fn a_run_whose_channel_is_not_served_is_undone_and_leaves_its_channel() {
    let cloud = Cloud::deployed().await;
    let quiz_id = cloud.quiz().await;
    let at_once = json!({"channelId": cloud.channel});
    let ids = json!({ "quizId": quiz_id });
    let (_, run) = cloud
        .call("POST /quizzes/{quizId}/runs", ids, at_once)
        .await;
    let run_id = run["runId"].as_str().unwrap().parse().unwrap();
    let run = async || cloud.run(&quiz_id, &run_id).await;
    cloud
        .until(async || run().await.status == RunStatus::Aborted)
        .await;
    let step = run().await.failed_step.map(String::from);
    assert_eq!(
        step.as_deref(),
        Some("PushQuestion"),
        "it has started, and its channel is not one of the deployed functions'"
    );
    let schedule = cloud.store.schedule(&cloud.channel_id()).await.unwrap();
    assert_eq!((schedule.on_air, schedule.slots), (None, Vec::new()));
}
