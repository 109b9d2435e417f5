//! One execution has a run.

use serde_json::json;

use crate::cloud::Cloud;

#[tokio::test]
async fn a_run_is_claimed_by_one_execution_idempotent() {
    let cloud = Cloud::new().await;
    let run = cloud.schedule(&cloud.quiz().await).await;
    let first = cloud.claim("e1", &run).await;
    assert_eq!(first["claimed"], true);
    assert_eq!(
        (&first["channelId"], &first["shards"]),
        (&json!(cloud.channel), &json!(1))
    );
    assert_eq!(first["startsAt"], json!(run.starts_at));
    assert_eq!(
        (&first["onStreamLoss"], &first["streamLossSeconds"]),
        (&json!("wait"), &json!(60))
    );
    assert_eq!(
        (&first["everySeconds"], &first["ranked"]),
        (&json!(0), &json!(true))
    );
    assert_eq!(
        first["questions"],
        json!([
            {"questionId": "q1", "options": 3, "correct": 1, "seconds": 15},
            {"questionId": "q2", "options": 2, "correct": null, "seconds": 10},
        ])
    );
    let again = cloud.claim("e1", &run).await;
    assert_eq!(again, first);
    let second = cloud.claim("e2", &run).await;
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
    let claim = |execution: &'static str| cloud.claim(execution, &run);
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
    cloud.cancel(&run).await;
    let refused = cloud.claim("e1", &run).await;
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

#[tokio::test]
async fn a_direct_start_makes_one_run_however_often_it_is_asked() {
    let cloud = Cloud::new().await;
    let quiz_id = cloud.quiz().await;
    let order = json!({"quizId": quiz_id, "channelId": cloud.channel, "onStreamLoss": "abort"});
    let claim = |execution: &'static str| {
        let task = json!({"executionId": execution, "order": order});
        cloud.perform("claim-run", task)
    };
    let first = claim("arn:1").await.unwrap();
    assert_eq!(
        (&first["claimed"], &first["onStreamLoss"]),
        (&json!(true), &json!("abort"))
    );
    assert_eq!(claim("arn:1").await.unwrap(), first, "a retry");
    let run_id = first["runId"].as_str().unwrap().parse().unwrap();
    let run = cloud.run(&quiz_id, &run_id).await;
    assert_eq!(run.execution_id.as_deref(), Some("arn:1"));
    let slots = cloud
        .store
        .schedule(&cloud.channel_id())
        .await
        .unwrap()
        .slots;
    assert_eq!(slots, [run.slot()]);
    // Its own event starts another execution, as for any run.
    assert_eq!(cloud.claim("arn:2", &run).await["claimed"], false);

    let booked = claim("arn:3").await.unwrap_err();
    assert_eq!(booked.error_type, "Conflict", "its time is the first one's");
    for (order, expected) in [
        (
            json!({"quizId": "none", "channelId": cloud.channel}),
            "NotFound",
        ),
        (json!({"quizId": quiz_id, "channelId": "none"}), "NotFound"),
        (
            json!({"quizId": quiz_id, "channelId": cloud.channel, "pauseSeconds": 3601}),
            "InvalidInput",
        ),
        (json!({"quizId": quiz_id}), "InvalidInput"),
        (
            json!({"data": {"quizId": quiz_id, "runId": "none"}}),
            "NotFound",
        ),
    ] {
        let task = json!({"executionId": "arn:4", "order": order});
        let failed = cloud.perform("claim-run", task).await.unwrap_err();
        assert_eq!(failed.error_type, expected, "{failed:?}");
    }
}
