//! Whatever is not right is refused, and says why. Attacks on playback tokens are in `adversarial.rs`.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use cuepoint_e2e::{
    api::Api,
    audience::{self, someone},
    player::{PlayError, Player},
    questions, show,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stage::{Person, Stack};

#[tokio::test]
async fn the_video_needs_a_token_for_this_channel() {
    let stack = Stack::load().unwrap();
    let open = async |token: Option<&str>| {
        let channel = &stack.channel;
        let http = stack.http_client().unwrap();
        Player::open(http, &channel.playback_url, token, &channel.origin).await
    };
    let refused = |result: Result<Player, PlayError>| {
        matches!(result, Err(PlayError::Refused(StatusCode::FORBIDDEN)))
    };
    assert!(refused(open(None).await), "no token");
    assert!(refused(open(Some("not.a.token")).await), "a forged token");

    let (person, viewer) = someone(&stack, false).await.unwrap();
    let elsewhere = &stack.offline_channel.channel_id;
    let elsewhere = granted(&stack, &person, &viewer, elsewhere).await;
    assert!(
        refused(open(Some(&elsewhere)).await),
        "a valid token of another channel"
    );
    let here = granted(&stack, &person, &viewer, &stack.channel.channel_id).await;
    let forged = open(Some(&show::forged(&here))).await;
    assert!(refused(forged), "a changed signature");
    assert!(open(Some(&here)).await.is_ok(), "the token of this channel");
}

/// Entitles someone to a channel, and gets their token.
async fn granted(stack: &Stack, person: &Person, viewer: &Api, channel_id: &str) -> String {
    let admitted = audience::admit(stack, &person.user_id, channel_id).await;
    admitted.unwrap();
    let reply = viewer.playback_token(channel_id).await.unwrap();
    let issued = reply.expect(200).unwrap();
    issued["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_quiz_is_checked_when_it_is_written() {
    let stack = Stack::load().unwrap();
    let (_, producer) = someone(&stack, true).await.unwrap();
    let refusal = async |change: fn(&mut Value)| {
        let mut quiz = questions::quiz(1, 5);
        change(&mut quiz);
        let reply = producer.create_quiz(&quiz).await.unwrap();
        (
            reply.status.as_u16(),
            reply.problem().to_owned(),
            reply.body,
        )
    };

    let long = |quiz: &mut Value| {
        quiz["questions"][0]["answers"] =
            (0..10).map(|n| format!("{n}{}", "é".repeat(60))).collect();
    };
    let (status, problem, body) = refusal(long).await;
    assert_eq!((status, problem.as_str()), (422, "cue-too-large"), "{body}");
    assert_eq!(body["limit"], 1024);
    assert!(
        body["bytes"].as_u64().is_some_and(|bytes| bytes > 1024),
        "{body}"
    );

    let (status, problem, _) = refusal(|quiz| quiz["questions"] = json!([])).await;
    assert_eq!((status, problem.as_str()), (422, "invalid-quiz"));
    let (status, problem, _) = refusal(|quiz| quiz["questions"][0]["correct"] = 4.into()).await;
    assert_eq!((status, problem.as_str()), (422, "invalid-quiz"));
    let (status, problem, _) = refusal(|quiz| quiz["questions"] = "none".into()).await;
    assert_eq!((status, problem.as_str()), (400, "malformed-request"));
}

#[tokio::test]
async fn only_producers_write_quizzes() {
    let stack = Stack::load().unwrap();
    let (_, viewer) = someone(&stack, false).await.unwrap();
    let reply = viewer.create_quiz(&questions::quiz(1, 5)).await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.problem()), (403, "forbidden"));
    let unknown = viewer
        .call(Method::GET, "/no/such/route", None)
        .await
        .unwrap();
    assert_eq!(unknown.status, 404);
}
