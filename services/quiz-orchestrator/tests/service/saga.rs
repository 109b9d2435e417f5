//! A run from its start to its end, and how its tasks fail.

use jiff::Timestamp;
use serde_json::json;

use crate::cloud::Cloud;

#[tokio::test]
async fn a_run_shows_its_cues_and_completes_idempotent() {
    let cloud = Cloud::new().await;
    let run = cloud.running().await;
    let ours = json!({"executionId": "e1"});
    let started = cloud.task("start-run", &run, ours).await.unwrap();
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
async fn a_question_that_is_asked_again_is_another_one_for_its_answers() {
    let cloud = Cloud::new().await;
    let run = cloud.running().await;
    for id in ["q1", "q1-2", "q1-3"] {
        let question = json!({"questionId": id});
        cloud.task("push-question", &run, question).await.unwrap();
    }
    let results = json!({"questionId": "q1-3", "counts": [3, 9, 0]});
    cloud.task("push-results", &run, results).await.unwrap();
    let cues = cloud.ivs.cues();
    for (cue, id) in cues.iter().zip(["q1", "q1-2", "q1-3", "q1-3"]) {
        assert_eq!(cue.1["questionId"], id);
    }
    assert_eq!((&cues[2].1["n"], &cues[2].1["of"]), (&json!(1), &json!(2)));
    let tenth = cloud
        .task("push-question", &run, json!({"questionId": "q1-10"}))
        .await;
    assert_eq!(tenth.unwrap_err().error_type, "NotFound");
}

#[tokio::test]
async fn a_stream_that_began_after_the_question_is_not_the_one_it_was_asked_in() {
    let cloud = Cloud::new().await;
    let run = cloud.running().await;
    let started: Timestamp = "2026-11-22T19:00:00Z".parse().unwrap();
    let check = async |since: Option<i64>| {
        let since = json!({ "since": since });
        cloud.task("check-stream", &run, since).await.unwrap()
    };
    for (since, held) in [(5_000, true), (1_000, true), (999, false), (-1, false)] {
        cloud.ivs.live_since(started);
        let answer = check(Some(started.as_millisecond() + since)).await;
        assert_eq!(answer, json!({"live": true, "held": held}), "{since}");
    }
    cloud.ivs.live_since(started);
    assert_eq!(check(None).await, json!({"live": true, "held": true}));
    cloud.ivs.fail_next(404, "ChannelNotBroadcasting");
    let off_air = check(Some(started.as_millisecond())).await;
    assert_eq!(off_air, json!({"live": false, "held": false}));
    cloud.ivs.fail_next(429, "ThrottlingException");
    let failed = cloud.task("check-stream", &run, json!({})).await;
    assert_eq!(failed.unwrap_err().error_type, "Throttled");
}

#[tokio::test]
async fn a_cancelled_run_shows_nothing_more_but_its_end() {
    let cloud = Cloud::new().await;
    let run = cloud.running().await;
    cloud.cancel(&run).await;
    for (op, more) in [
        ("push-question", json!({"questionId": "q1"})),
        (
            "push-results",
            json!({"questionId": "q1", "counts": [0, 0, 0]}),
        ),
        ("push-leaderboard", json!({"top": []})),
        ("start-run", json!({"executionId": "e1"})),
        ("check-run", json!({})),
        ("check-stream", json!({})),
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
