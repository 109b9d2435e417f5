//! The deployed outbox and saga: from a run in the table to the bus and to its execution.

use serde_json::json;

use crate::cloud::{Cloud, delivered};

#[tokio::test]
async fn a_scheduled_run_is_announced_claimed_by_its_saga_and_freed_when_cancelled() {
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
    assert_eq!(
        cloud.store.holder(&cloud.channel_id()).await.unwrap(),
        Some(run.run_id.clone())
    );

    let ids = json!({"quizId": quiz_id, "runId": run.run_id});
    let (status, _) = cloud
        .call(
            "POST /quizzes/{quizId}/runs/{runId}/cancel",
            ids,
            json!(null),
        )
        .await;
    assert_eq!(status, 202);
    assert_eq!(cloud.store.holder(&cloud.channel_id()).await.unwrap(), None);
    let (kind, detail) = delivered(&cloud.receive(&heard, 1).await[0]);
    assert_eq!(
        (kind.as_str(), &detail["data"]["runId"]),
        ("quiz-cancelled", &json!(run.run_id))
    );
}
