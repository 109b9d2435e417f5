//! A window from its opening to its tally, and the leaderboard.

use serde_json::json;

use crate::cloud::Cloud;

#[tokio::test]
async fn a_window_opens_once_and_keeps_its_times_idempotent() {
    let cloud = Cloud::new().await;
    let opened = cloud.open("q1", 3).await;
    cloud.wait(3);
    assert_eq!(cloud.open("q1", 3).await, opened);
    let question = |change: serde_json::Value| {
        let mut question = json!({"questionId": "q1", "options": 4, "correct": 1, "seconds": 15,
                                  "shards": 3});
        question
            .as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        cloud.task("open-window", question)
    };
    let other = question(json!({"correct": null})).await.unwrap_err();
    assert_eq!(other.error_type, "Conflict");
    let invalid = question(json!({"options": 11})).await.unwrap_err();
    assert_eq!(invalid.error_type, "InvalidInput");
    let unknown = cloud.task("no-such-op", json!({})).await.unwrap_err();
    assert_eq!(unknown.error_type, "InvalidInput");
}

#[tokio::test]
async fn a_window_is_closed_after_its_drain_and_tallied_once_closed() {
    let cloud = Cloud::new().await;
    let question = json!({"questionId": "q1"});
    let error = |op: &'static str| {
        let (cloud, question) = (&cloud, question.clone());
        async move { cloud.task(op, question).await.unwrap_err().error_type }
    };
    assert_eq!(error("close-window").await, "NotFound");
    assert_eq!(error("tally").await, "NotFound");
    cloud.open("q1", 1).await;
    cloud.wait(22);
    assert_eq!(
        error("close-window").await,
        "WindowStillOpen",
        "writes may still be on their way"
    );
    assert_eq!(error("tally").await, "WindowStillOpen");
    cloud.wait(1);
    assert_eq!(
        error("tally").await,
        "WindowStillOpen",
        "it is not closed yet"
    );
    for _ in 0..2 {
        let closed = cloud.task("close-window", question.clone()).await.unwrap();
        assert_eq!(closed, json!({"status": "closed"}));
    }
    let tally = cloud.task("tally", question.clone()).await.unwrap();
    let expected = json!({"counts": [0, 0, 0, 0], "accepted": 0, "correct": 1,
                          "live": [0, 0, 0, 0], "liveAgrees": true});
    assert_eq!(tally, expected);
}

#[tokio::test]
async fn the_tally_counts_every_shard_and_does_not_change() {
    let cloud = Cloud::new().await;
    cloud.open("q1", 5).await;
    for n in 0..20 {
        assert_eq!(
            cloud
                .answer(&format!("viewer-{n}"), "q1", n % 4 / 2)
                .await
                .0,
            201
        );
    }
    let tally = cloud.tally("q1").await;
    assert_eq!(
        (&tally["counts"], &tally["accepted"]),
        (&json!([10, 10, 0, 0]), &json!(20))
    );
    let again = cloud
        .task("tally", json!({"questionId": "q1"}))
        .await
        .unwrap();
    assert_eq!(again["counts"], tally["counts"]);
    let question = json!({"questionId": "q1"});
    cloud
        .until(async || cloud.task("tally", question.clone()).await.unwrap()["liveAgrees"] == true)
        .await;
}

#[tokio::test]
async fn a_run_is_voided_but_for_what_is_tallied_and_says_so_again_idempotent() {
    let cloud = Cloud::new().await;
    let void = || cloud.task("void-run", json!({}));
    let nothing = json!({"voided": [], "lastTallied": null});
    assert_eq!(void().await.unwrap(), nothing, "no window");
    // Named against the order in which they are opened.
    cloud.open("q3", 1).await;
    cloud.tally("q3").await;
    cloud.open("q2", 1).await;
    cloud.wait(23);
    let closed = cloud.task("close-window", json!({"questionId": "q2"}));
    closed.await.unwrap();
    cloud.open("q1", 1).await;
    for _ in 0..2 {
        let said = void().await.unwrap();
        assert_eq!(said["voided"], json!(["q2", "q1"]));
        let tally = &said["lastTallied"];
        assert_eq!(
            (&tally["questionId"], &tally["counts"], &tally["accepted"]),
            (&json!("q3"), &json!([0, 0, 0, 0]), &json!(0))
        );
    }
    for (question, status) in [("q1", "voided"), ("q2", "voided"), ("q3", "tallied")] {
        assert_eq!(cloud.results(question).await.1["status"], status);
    }
    cloud.wait(23);
    for op in ["open-window", "close-window", "tally"] {
        let question = json!({"questionId": "q1", "options": 4, "correct": 1, "seconds": 15,
                              "shards": 1});
        let refused = cloud.task(op, question).await.unwrap_err();
        assert_eq!(refused.error_type, "WindowVoided", "{op}");
    }
}

#[tokio::test]
async fn the_leaderboard_adds_up_tallied_questions_over_all_shards() {
    let cloud = Cloud::new().await;
    let board = async |viewer: &str| cloud.leaderboard_of(viewer).await;
    assert_eq!(board("viewer-0").await.0, 404, "no such run yet");
    cloud.open("q1", 3).await;
    let nothing_yet = json!({"questions": 0, "players": 0, "top": [], "you": null});
    assert_eq!(board("viewer-0").await, (200, nothing_yet));
    // From the first on, each answers two seconds later than the one before.
    for n in 0..8 {
        assert_eq!(cloud.answer(&format!("viewer-{n}"), "q1", 1).await.0, 201);
        cloud.wait(2);
    }
    cloud.tally("q1").await;
    cloud.open("q2", 3).await;
    // The last of the first question is the only one who knows the second.
    for n in 0..12 {
        let choice = if n == 7 { 1 } else { 0 };
        assert_eq!(
            cloud.answer(&format!("viewer-{n}"), "q2", choice).await.0,
            201
        );
    }
    cloud.tally("q2").await;
    cloud.open("q3", 3).await;
    assert_eq!(cloud.answer("viewer-11", "q3", 1).await.0, 201);
    cloud.task("void-run", json!({})).await.unwrap();

    let answer = cloud.task("leaderboard", json!({})).await.unwrap();
    let top = answer["top"].as_array().unwrap();
    let names: Vec<_> = top.iter().map(|place| place[0].as_str().unwrap()).collect();
    let expected: Vec<_> = [7, 0, 1, 2, 3, 4, 5, 6]
        .iter()
        .map(|n| format!("Name of viewer-{n}"))
        .collect();
    assert_eq!(names, expected, "who has no points is not in it");
    let points: Vec<_> = top.iter().map(|place| place[1].as_u64().unwrap()).collect();
    assert!(points.is_sorted_by(|a, b| a > b) && points[0] > 1_500 && points[7] >= 500);
    let (status, told) = board("viewer-0").await;
    let places = names
        .iter()
        .zip(&points)
        .zip(1..)
        .map(|((name, points), rank)| json!({"rank": rank, "name": name, "points": points}));
    assert_eq!(
        (status, &told["top"]),
        (200, &json!(places.collect::<Vec<_>>()))
    );
    assert_eq!(
        (&told["questions"], &told["players"]),
        (&json!(2), &json!(12)),
        "who has no points has played too"
    );
    assert_eq!(told["you"], json!({"rank": 2, "points": points[1]}));
    let you = async |viewer: &str| board(viewer).await.1["you"].clone();
    assert_eq!(you("viewer-11").await, json!({"rank": 9, "points": 0}));
    assert_eq!(you("nobody").await, json!(null));
    assert_eq!(cloud.task("leaderboard", json!({})).await.unwrap(), answer);
}

#[tokio::test]
async fn a_quiz_of_polls_has_a_leaderboard_of_nobody() {
    let cloud = Cloud::new().await;
    let poll = json!({"questionId": "q1", "options": 4, "seconds": 15, "shards": 1});
    cloud.task("open-window", poll).await.unwrap();
    assert_eq!(cloud.answer("ada", "q1", 1).await.0, 201);
    cloud.tally("q1").await;
    let answer = cloud.task("leaderboard", json!({})).await.unwrap();
    assert_eq!(answer, json!({"top": []}));
    let nobody = json!({"questions": 0, "players": 0, "top": [], "you": null});
    assert_eq!(cloud.leaderboard_of("ada").await, (200, nobody));
}
