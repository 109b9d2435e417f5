//! One execution has a run.

use serde_json::json;

use crate::cloud::Cloud;

#[tokio::test]
async fn a_run_is_claimed_by_one_execution_idempotent() {
    let cloud = Cloud::new().await;
    let run = cloud.schedule(&cloud.quiz().await).await;
    let first = cloud
        .task("claim-run", &run, json!({"executionId": "e1"}))
        .await
        .unwrap();
    assert_eq!(first["claimed"], true);
    assert_eq!(
        (&first["channelId"], &first["shards"]),
        (&json!(cloud.channel), &json!(1))
    );
    assert_eq!(first["startsAt"], json!(run.starts_at));
    assert_eq!(
        first["questions"],
        json!([
            {"questionId": "q1", "options": 3, "correct": 1, "seconds": 15},
            {"questionId": "q2", "options": 2, "correct": null, "seconds": 10},
        ])
    );
    let again = cloud
        .task("claim-run", &run, json!({"executionId": "e1"}))
        .await
        .unwrap();
    assert_eq!(again, first);
    let second = cloud
        .task("claim-run", &run, json!({"executionId": "e2"}))
        .await
        .unwrap();
    assert_eq!(second["claimed"], false);
    assert_eq!(
        cloud.status(&run).await,
        "scheduled",
        "the first still has it"
    );
}

#[tokio::test]
async fn executions_that_claim_at_once_do_not_both_get_the_run() {
    let cloud = Cloud::new().await;
    let run = cloud.schedule(&cloud.quiz().await).await;
    let claim = |execution: &'static str| {
        let (cloud, run) = (&cloud, &run);
        async move {
            cloud
                .task("claim-run", run, json!({"executionId": execution}))
                .await
                .unwrap()
        }
    };
    let (a, b, c, d) = tokio::join!(claim("a"), claim("b"), claim("c"), claim("d"));
    let claimed = [a, b, c, d]
        .iter()
        .filter(|answer| answer["claimed"] == true)
        .count();
    assert_eq!(claimed, 1);
}

#[tokio::test]
async fn a_cancelled_run_is_not_claimed() {
    let cloud = Cloud::new().await;
    let run = cloud.schedule(&cloud.quiz().await).await;
    let ids = json!({"quizId": run.quiz_id, "runId": run.run_id});
    cloud
        .call(
            "POST /quizzes/{quizId}/runs/{runId}/cancel",
            ids,
            json!(null),
        )
        .await;
    let refused = cloud
        .task("claim-run", &run, json!({"executionId": "e1"}))
        .await
        .unwrap();
    assert_eq!(refused["claimed"], false);
    assert_eq!(cloud.store.holder(&cloud.channel_id()).await.unwrap(), None);
}

#[tokio::test]
async fn an_execution_that_was_refused_does_not_abort_the_run_of_another() {
    let cloud = Cloud::new().await;
    let run = cloud.running().await;
    let abort = json!({"executionId": "other", "failedStep": "ClaimRun", "reason": "a test"});
    let answer = cloud.task("abort-run", &run, abort).await.unwrap();
    assert_eq!(answer["status"], "running");
    assert_eq!(
        cloud.store.holder(&cloud.channel_id()).await.unwrap(),
        Some(run.run_id)
    );
}
