//! The deployed outbox and saga: from a run in the table to the bus and to its execution.

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

    let ids = json!({"quizId": quiz_id, "runId": run.run_id});
    let (status, _) = cloud
        .call(
            "POST /quizzes/{quizId}/runs/{runId}/cancel",
            ids,
            json!(null),
        )
        .await;
    assert_eq!(status, 202);
    let (kind, detail) = delivered(&cloud.receive(&heard, 1).await[0]);
    assert_eq!(
        (kind.as_str(), &detail["data"]["runId"]),
        ("quiz-cancelled", &json!(run.run_id))
    );
}

#[tokio::test]
async fn a_run_that_meets_another_on_air_is_aborted_and_one_after_it_is_not() {
    let cloud = Cloud::deployed().await;
    let quiz_id = cloud.quiz().await;
    let aborted = async || {
        let at_once = json!({"channelId": cloud.channel});
        let ids = json!({"quizId": quiz_id});
        let (_, run) = cloud
            .call("POST /quizzes/{quizId}/runs", ids, at_once)
            .await;
        let run_id = run["runId"].as_str().unwrap().parse().unwrap();
        let run = async || cloud.run(&quiz_id, &run_id).await;
        cloud
            .until(async || run().await.status == RunStatus::Aborted)
            .await;
        let run = run().await;
        (
            run.failed_step.map(String::from).unwrap_or_default(),
            run.reason.map(String::from).unwrap_or_default(),
        )
    };
    let on_air = cloud.schedule(&quiz_id).await;
    cloud.task("start-run", &on_air, json!({})).await.unwrap();

    let (step, reason) = aborted().await;
    assert_eq!(step, "StartRun");
    let expected = format!("Conflict: another run has the channel {}", cloud.channel);
    assert!(reason.starts_with(&expected), "{reason}");
    let holder = cloud.store.holder(&cloud.channel_id()).await.unwrap();
    assert_eq!(holder.as_ref(), Some(&on_air.run_id));
    assert_eq!(cloud.status(&on_air).await, "running");

    cloud
        .task("complete-run", &on_air, json!({}))
        .await
        .unwrap();
    let (step, _) = aborted().await;
    assert_eq!(
        step, "PushQuestion",
        "it has started, and its channel is not one of the deployed functions'"
    );
    assert_eq!(cloud.store.holder(&cloud.channel_id()).await.unwrap(), None);
}
