//! What producers get over HTTP.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::cloud::Cloud;

#[tokio::test]
async fn a_quiz_is_saved_and_read_back() {
    let cloud = Cloud::new().await;
    let quiz_id = cloud.quiz().await;
    let (status, quiz) = cloud
        .call(
            "GET /quizzes/{quizId}",
            json!({"quizId": quiz_id}),
            json!(null),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(quiz["title"], "Birds");
    assert_eq!(quiz["questions"][0]["questionId"], "q1");
    assert_eq!(quiz["questions"][0]["correct"], 1);
    assert_eq!(quiz["questions"][1]["correct"], json!(null));
}

#[tokio::test]
async fn only_producers_may_do_anything() {
    let cloud = Cloud::new().await;
    for route in [
        "POST /quizzes",
        "GET /quizzes/{quizId}",
        "POST /quizzes/{quizId}/runs",
    ] {
        let (status, problem) = cloud
            .call_as("[viewers]", route, json!({"quizId": "any"}), json!({}))
            .await;
        assert_eq!(
            (status, &problem["type"]),
            (403, &json!("urn:cuepoint:problem:forbidden"))
        );
    }
}

#[tokio::test]
async fn a_quiz_that_cannot_be_shown_is_refused() {
    let cloud = Cloud::new().await;
    let quiz = |text: &str, seconds: u32| {
        json!({"title": "t", "questions": [
            {"question": "Short?", "answers": ["a", "b"], "seconds": 5},
            {"question": text, "answers": ["a", "b"], "correct": 0, "seconds": seconds},
        ]})
    };
    let create = |body| cloud.call("POST /quizzes", json!({}), body);
    let (status, problem) = create(quiz(&"é".repeat(480), 5)).await;
    assert_eq!(
        (status, &problem["type"]),
        (422, &json!("urn:cuepoint:problem:cue-too-large"))
    );
    assert_eq!(
        (&problem["question"], &problem["limit"]),
        (&json!(2), &json!(1024))
    );
    assert!(problem["bytes"].as_u64().unwrap() > 1024);
    let (status, problem) = create(quiz("Long?", 4)).await;
    assert_eq!(
        (status, &problem["type"]),
        (422, &json!("urn:cuepoint:problem:invalid-quiz"))
    );
    let (status, _) = create(json!({"title": "t"})).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_run_is_scheduled_on_a_known_channel_and_not_in_the_past() {
    let cloud = Cloud::new().await;
    let quiz_id = cloud.quiz().await;
    let schedule = |quiz: String, body| {
        let ids = json!({"quizId": quiz});
        cloud.call("POST /quizzes/{quizId}/runs", ids, body)
    };
    let channel = &cloud.channel;
    let in_time = json!({"channelId": channel, "expectedAudience": 20_000, "pauseSeconds": 0,
        "everySeconds": 60, "onStreamLoss": "repeat", "streamLossSeconds": 5});
    let (status, run) = schedule(quiz_id.to_string(), in_time).await;
    assert_eq!((status, &run["status"]), (201, &json!("scheduled")));
    assert_eq!(
        (&run["shards"], &run["pauseSeconds"]),
        (&json!(8), &json!(0))
    );
    assert_eq!(
        (
            &run["everySeconds"],
            &run["onStreamLoss"],
            &run["streamLossSeconds"]
        ),
        (&json!(60), &json!("repeat"), &json!(5))
    );
    let time = |member: &str| run[member].as_str().unwrap().parse::<Timestamp>().unwrap();
    let planned = time("endsAt").duration_since(time("startsAt")).as_secs();
    // One question opens every minute; the last has 10 seconds and what is added to them.
    assert_eq!(planned, 60 + 10 + 5 + 3 + 3 + 3);
    assert_eq!(run["runId"].as_str().unwrap().len(), 32);

    let past = Timestamp::now() - SignedDuration::from_secs(6);
    let (status, problem) = schedule(
        quiz_id.to_string(),
        json!({"channelId": channel, "startsAt": past}),
    )
    .await;
    assert_eq!(
        (status, &problem["type"]),
        (422, &json!("urn:cuepoint:problem:invalid-run"))
    );
    let (status, _) = schedule(quiz_id.to_string(), json!({"channelId": "unknown"})).await;
    assert_eq!(status, 404, "no such channel");
    let (status, _) = schedule("unknown".to_owned(), json!({"channelId": channel})).await;
    assert_eq!(status, 404, "no such quiz");
}

#[tokio::test]
async fn a_run_is_cancelled_at_once_before_it_starts_and_by_the_saga_after() {
    let cloud = Cloud::new().await;
    let waiting = cloud.schedule(&cloud.quiz().await).await;
    cloud.claim("e0", &waiting).await;
    let (status, answer) = cloud.cancel(&waiting).await;
    assert_eq!((status, &answer["status"]), (202, &json!("cancelled")));
    let (status, again) = cloud.cancel(&waiting).await;
    assert_eq!((status, &again), (202, &answer), "a repeat");
    let ids = json!({"quizId": waiting.quiz_id, "runId": waiting.run_id});
    let (_, shown) = cloud
        .call("GET /quizzes/{quizId}/runs/{runId}", ids, json!(null))
        .await;
    assert_eq!(shown["status"], "cancelled");

    let running = cloud.running().await;
    for _ in 0..2 {
        let (status, answer) = cloud.cancel(&running).await;
        assert_eq!((status, &answer["status"]), (202, &json!("cancelling")));
    }
    let unknown = quiz_orchestrator::run::Run {
        run_id: "none".parse().unwrap(),
        ..running
    };
    assert_eq!(cloud.cancel(&unknown).await.0, 404);
}
