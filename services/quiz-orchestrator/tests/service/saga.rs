//! A run from its start to its end, and how its tasks fail.

use serde_json::json;

use crate::cloud::Cloud;

#[tokio::test]
async fn a_run_shows_its_cues_and_completes_idempotent() {
    let cloud = Cloud::new().await;
    let run = cloud.running().await;
    let started = cloud.task("start-run", &run, json!({})).await.unwrap();
    assert_eq!(
        started["startedAt"],
        json!(run.started_at),
        "a repeat is answered alike"
    );
    let checked = cloud.task("check-run", &run, json!({})).await.unwrap();
    assert_eq!(checked, json!({"status": "running"}));

    let pushed = cloud
        .task("push-question", &run, json!({"questionId": "q2"}))
        .await
        .unwrap();
    assert!(pushed["pushedAt"].as_i64().unwrap() > 0);
    let results = json!({"questionId": "q1", "counts": [3, 9, 0]});
    cloud.task("push-results", &run, results).await.unwrap();
    cloud
        .task("push-leaderboard", &run, json!({"top": [["Ada", 2870]]}))
        .await
        .unwrap();
    let cues = cloud.ivs.cues();
    assert!(
        cues.iter()
            .all(|(arn, _)| arn.ends_with(&format!("channel/{}", cloud.channel)))
    );
    assert_eq!(
        cues[0].1,
        json!({"type": "question", "quizId": run.quiz_id, "runId": run.run_id, "questionId": "q2",
               "n": 2, "of": 2, "question": "Which do you like?", "answers": ["Emu", "Owl"],
               "seconds": 10})
    );
    assert_eq!(pushed["bytes"], cues[0].1.to_string().len());
    assert_eq!(
        cues[1].1,
        json!({"type": "results", "questionId": "q1", "counts": [3, 9, 0], "correct": 1})
    );
    assert_eq!(
        cues[2].1,
        json!({"type": "leaderboard", "top": [["Ada", 2870]]})
    );

    for _ in 0..2 {
        let completed = cloud.task("complete-run", &run, json!({})).await.unwrap();
        assert_eq!(completed["status"], "completed");
    }
    assert_eq!(cloud.store.holder(&cloud.channel_id()).await.unwrap(), None);
    let over = cloud.task("push-cancelled", &run, json!({})).await;
    assert_eq!(over.unwrap_err().error_type, "Conflict");
    let abort = json!({"failedStep": "CompleteRun", "reason": "a late timeout"});
    let answer = cloud.task("abort-run", &run, abort).await.unwrap();
    assert_eq!(
        answer["status"], "completed",
        "what has ended stays as it ended"
    );
}

#[tokio::test]
async fn what_goes_wrong_at_ivs_has_its_type() {
    let cloud = Cloud::new().await;
    let run = cloud.running().await;
    for (status, error, expected) in [
        (404, "ChannelNotBroadcasting", "ChannelNotBroadcasting"),
        (429, "ThrottlingException", "Throttled"),
        (500, "InternalServerException", "Unavailable"),
        (400, "ValidationException", "InvalidInput"),
    ] {
        cloud.ivs.fail_next(status, error);
        let failed = cloud
            .task("push-question", &run, json!({"questionId": "q1"}))
            .await;
        assert_eq!(failed.unwrap_err().error_type, expected);
    }
    assert!(cloud.ivs.cues().is_empty());
}

#[tokio::test]
async fn a_cancelled_run_shows_nothing_more_but_its_end() {
    let cloud = Cloud::new().await;
    let run = cloud.running().await;
    let ids = json!({"quizId": run.quiz_id, "runId": run.run_id});
    cloud
        .call(
            "POST /quizzes/{quizId}/runs/{runId}/cancel",
            ids,
            json!(null),
        )
        .await;
    for (op, more) in [
        ("push-question", json!({"questionId": "q1"})),
        (
            "push-results",
            json!({"questionId": "q1", "counts": [0, 0, 0]}),
        ),
        ("push-leaderboard", json!({"top": []})),
        ("start-run", json!({})),
        ("check-run", json!({})),
        ("complete-run", json!({})),
    ] {
        let failed = cloud.task(op, &run, more).await.unwrap_err();
        assert_eq!(failed.error_type, "RunCancelled", "{op}");
    }
    cloud.task("push-cancelled", &run, json!({})).await.unwrap();
    let cancelled = json!({"type": "cancelled", "quizId": run.quiz_id, "runId": run.run_id});
    assert_eq!(cloud.ivs.cues()[0].1, cancelled);
    let abort =
        json!({"executionId": "e1", "failedStep": "PushQuestion", "reason": "RunCancelled"});
    for _ in 0..2 {
        let answer = cloud.task("abort-run", &run, abort.clone()).await.unwrap();
        assert_eq!(answer["status"], "cancelled");
    }
    assert_eq!(cloud.store.holder(&cloud.channel_id()).await.unwrap(), None);
}

#[tokio::test]
async fn tasks_that_can_never_work_say_so() {
    let cloud = Cloud::new().await;
    let run = cloud.running().await;
    let error = |op: &'static str, more| {
        let (cloud, run) = (&cloud, &run);
        async move { cloud.task(op, run, more).await.unwrap_err().error_type }
    };
    assert_eq!(
        error("push-question", json!({"questionId": "q3"})).await,
        "NotFound"
    );
    assert_eq!(error("push-question", json!({})).await, "InvalidInput");
    assert_eq!(error("no-such-op", json!({})).await, "InvalidInput");
    let short = json!({"questionId": "q1", "counts": [1, 2]});
    assert_eq!(error("push-results", short).await, "InvalidInput");
    assert_eq!(
        error("complete-run", json!({"runId": "none"})).await,
        "NotFound"
    );
}
