//! What viewers get over HTTP.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use answer_collector::{
    sharding::shard_of,
    store::answers::{Answer, AnswerStore, Put},
    window_cache::KEPT_AT_LEAST,
};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::cloud::Cloud;

fn kind(problem: &Value) -> &str {
    problem["type"]
        .as_str()
        .unwrap()
        .trim_start_matches("urn:cuepoint:problem:")
}

/// Takes out how long there is still time, which is less each time.
fn remaining(body: &mut Value) -> u64 {
    let remaining = body.as_object_mut().unwrap().remove("remainingMillis");
    remaining.unwrap().as_u64().unwrap()
}

#[tokio::test]
async fn a_viewer_has_one_answer_to_a_question_idempotent() {
    let cloud = Cloud::new().await;
    let opened = cloud.open("q1", 2).await;
    let (status, mut first) = cloud.answer("ada", "q1", 2).await;
    let time = remaining(&mut first);
    assert!((15_000..=20_000).contains(&time), "{time}");
    assert_eq!(
        (status, &first["choice"], &first["closesAt"]),
        (201, &json!(2), &opened["closesAt"])
    );
    cloud.wait(1);
    let (status, mut again) = cloud.answer("ada", "q1", 2).await;
    assert!(remaining(&mut again) <= time - 1_000);
    assert_eq!((status, &again), (200, &first));
    let (status, mut other) = cloud.answer("ada", "q1", 0).await;
    assert!(remaining(&mut other) <= time - 1_000);
    assert_eq!((status, kind(&other)), (409, "already-answered"));
    for said in ["choice", "receivedAt", "closesAt"] {
        assert_eq!(other[said], first[said], "{said}");
    }
}

/// An answer that came in time may still be under way when its viewer, who heard nothing, tries
/// again and is told that it is too late.
#[tokio::test]
async fn who_was_refused_is_not_counted_after_all() {
    let cloud = Cloud::new().await;
    cloud.open("q1", 3).await;
    assert_eq!(cloud.answer("ada", "q1", 1).await.0, 201);
    cloud.wait(20);
    for _ in 0..2 {
        let (status, refused) = cloud.answer("bob", "q1", 1).await;
        assert_eq!((status, kind(&refused)), (410, "window-closed"));
    }
    let viewer_id = "bob".parse().unwrap();
    let partition = cloud.question("q1").partition(shard_of(&viewer_id, 3));
    let late = Answer {
        viewer_id,
        choice: 1,
        received_at: "2026-11-22T08:00:00Z".parse().unwrap(),
        name: "Bob".to_owned(),
    };
    let within = Duration::from_secs(5);
    let put = cloud.answers().put(&partition, &late, within).await;
    assert_eq!(put.unwrap(), Put::Refused);
    let tally = cloud.tally("q1").await;
    assert_eq!(tally["counts"], json!([0, 1, 0, 0]));
    let question = json!({"questionId": "q1"});
    cloud
        .until(async || cloud.task("tally", question.clone()).await.unwrap()["liveAgrees"] == true)
        .await;
    cloud.task("leaderboard", json!({})).await.unwrap();
    assert_eq!(cloud.leaderboard_of("bob").await.1["you"], json!(null));
}

#[tokio::test]
async fn an_answer_needs_an_open_question_and_one_of_its_options() {
    let cloud = Cloud::new().await;
    let (status, problem) = cloud.answer("ada", "q1", 0).await;
    assert_eq!(
        (status, kind(&problem)),
        (404, "not-found"),
        "it was not asked yet"
    );
    cloud.open("q1", 1).await;
    let (status, problem) = cloud.answer("ada", "q1", 4).await;
    assert_eq!(
        (status, kind(&problem), &problem["options"]),
        (422, "unknown-option", &json!(4))
    );
    for malformed in [
        json!({}),
        json!({"choice": -1}),
        json!({"choice": "1"}),
        json!([1]),
    ] {
        let (status, problem) = cloud
            .answer_with(&cloud.api(), "ada", "q1", malformed)
            .await;
        assert_eq!((status, kind(&problem)), (400, "malformed-request"));
    }
    cloud.wait(-2);
    let (status, problem) = cloud.answer("ada", "q1", 1).await;
    assert_eq!(
        (status, kind(&problem)),
        (409, "window-not-open"),
        "a clock that is behind"
    );
    assert!(problem["opensAt"].is_string());
}

#[tokio::test]
async fn after_its_time_a_question_takes_no_answer_but_still_knows_those_it_took() {
    let cloud = Cloud::new().await;
    cloud.open("q1", 1).await;
    cloud.wait(19);
    let (status, mut taken) = cloud.answer("ada", "q1", 1).await;
    assert_eq!(status, 201, "the latency allowance is not over: {taken}");
    assert!(remaining(&mut taken) <= 1_000);
    cloud.wait(1);
    let (status, problem) = cloud.answer("bob", "q1", 1).await;
    assert_eq!((status, kind(&problem)), (410, "window-closed"));
    assert_eq!(problem["closesAt"], taken["closesAt"]);
    let (status, mut again) = cloud.answer("ada", "q1", 1).await;
    assert_eq!(remaining(&mut again), 0);
    assert_eq!((status, again), (200, taken), "a late retry");
    let (status, problem) = cloud.answer("ada", "q1", 0).await;
    assert_eq!((status, kind(&problem)), (409, "already-answered"));
    assert_eq!(cloud.tally("q1").await["counts"], json!([0, 1, 0, 0]));
    assert_eq!(cloud.answer("ada", "q1", 1).await.0, 200, "also then");
    assert_eq!(cloud.answer("eve", "q1", 1).await.0, 410);
}

#[tokio::test]
async fn a_voided_question_takes_no_answer() {
    let cloud = Cloud::new().await;
    cloud.open("q1", 1).await;
    let api = cloud.api();
    let one = json!({"choice": 1});
    assert_eq!(
        cloud.answer_with(&api, "ada", "q1", one.clone()).await.0,
        201
    );
    cloud.task("void-run", json!({})).await.unwrap();
    // Who asks what became of it is told at once; a running function that has its window notices in a while.
    assert_eq!(cloud.results("q1").await.1["status"], "voided");
    cloud.wait(KEPT_AT_LEAST.as_secs());
    let (status, problem) = cloud.answer_with(&api, "bob", "q1", one.clone()).await;
    assert_eq!((status, kind(&problem)), (410, "question-voided"));
    assert_eq!(
        cloud.answer_with(&api, "ada", "q1", one).await.0,
        410,
        "not even a retry"
    );
}

/// Each viewer sends several answers at once: some repeat themselves, some change their mind.
#[tokio::test]
async fn answers_at_once_count_once_each() {
    let cloud = Cloud::new().await;
    cloud.open("q1", 4).await;
    let sent: Vec<(String, u32)> = (0..50_u32)
        .map(|n| {
            (
                format!("viewer-{}", n % 17),
                if n % 5 == 0 { 3 } else { n % 17 % 3 },
            )
        })
        .collect();
    let answers = sent
        .iter()
        .map(|(viewer, choice)| cloud.answer(viewer, "q1", *choice));
    let answers = join_all(answers).await;

    let mut taken: BTreeMap<&str, u64> = BTreeMap::new();
    for ((viewer, choice), (status, body)) in sent.iter().zip(&answers) {
        if *status == 201 {
            let before = taken.insert(viewer, u64::from(*choice));
            assert_eq!(before, None, "{viewer} was taken twice");
            assert_eq!(body["choice"], *choice);
        }
    }
    assert_eq!(taken.len(), 17);
    for ((viewer, choice), (status, body)) in sent.iter().zip(&answers) {
        let kept = taken[viewer.as_str()];
        let same = kept == u64::from(*choice);
        assert!(
            matches!((status, same), (201 | 200, true) | (409, false)),
            "{status} {body}"
        );
        assert_eq!(body["choice"], kept);
    }
    let mut expected = [0_u64; 4];
    taken
        .values()
        .for_each(|&choice| expected[usize::try_from(choice).unwrap()] += 1);
    let tally = cloud.tally("q1").await;
    assert_eq!(
        (&tally["counts"], &tally["accepted"]),
        (&json!(expected), &json!(17))
    );
}

#[tokio::test]
async fn the_right_option_is_told_only_with_the_final_tally() {
    let cloud = Cloud::new().await;
    let opened = cloud.open("q1", 2).await;
    for (viewer, choice) in [("ada", 1), ("bob", 1), ("eve", 3)] {
        assert_eq!(cloud.answer(viewer, "q1", choice).await.0, 201);
    }
    // The deployed function counts them live.
    cloud
        .until(async || cloud.results("q1").await.1["live"] == json!([0, 2, 0, 1]))
        .await;
    let (status, mut results) = cloud.results("q1").await;
    assert!((1..=20_000).contains(&remaining(&mut results)));
    let open = json!({"status": "open", "closesAt": opened["closesAt"], "live": [0, 2, 0, 1],
                      "final": null, "accepted": 3});
    assert_eq!((status, results), (200, open));
    cloud.wait(20);
    assert_eq!(cloud.results("q1").await.1["status"], "closed");
    let tally = cloud.tally("q1").await;
    assert_eq!(
        (&tally["live"], &tally["liveAgrees"]),
        (&json!([0, 2, 0, 1]), &json!(true))
    );
    let tallied = json!({"status": "tallied", "closesAt": opened["closesAt"],
                         "remainingMillis": 0, "live": [0, 2, 0, 1], "final": [0, 2, 0, 1],
                         "accepted": 3, "correct": 1});
    assert_eq!(cloud.results("q1").await, (200, tallied));
    assert_eq!(cloud.results("q2").await.0, 404);
}

#[tokio::test]
async fn a_write_that_hangs_is_given_up_before_the_tally() {
    let cloud = Cloud::new().await;
    cloud.open("q1", 1).await;
    // It takes connections and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = aws_sdk_dynamodb::config::Builder::from(&cloud.stack.sdk_config().await)
        .endpoint_url(format!("http://{}", silent.local_addr().unwrap()));
    let client = aws_sdk_dynamodb::Client::from_conf(config.build());
    let mut api = cloud.api();
    api.answers = AnswerStore::new(client, cloud.stack.outputs.answers_table.clone());
    let start = Instant::now();
    let (status, problem) = cloud
        .answer_with(&api, "ada", "q1", json!({"choice": 1}))
        .await;
    assert_eq!((status, kind(&problem)), (503, "unavailable"));
    assert!(
        start.elapsed().as_millis() < 3_000,
        "the drain is three seconds"
    );
}
