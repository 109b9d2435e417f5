//! Whatever is not right is refused, and says why.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use cuepoint_e2e::{
    api::Api,
    audience,
    player::{PlayError, Player},
    questions, show,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use stage::{People, Stack};
use uuid::Uuid;

fn api(stack: &Stack) -> Api {
    Api::new(stack.http_client().unwrap(), &stack.outputs.api_url)
}

async fn someone(stack: &Stack, producer: bool) -> (stage::Person, Api) {
    let username = format!("{}@example.com", Uuid::new_v4().simple());
    audience::person(stack, &api(stack), &username, "Someone", producer)
        .await
        .unwrap()
}

/// The ID token of someone new.
async fn id_token(stack: &Stack) -> String {
    let people = People::new(stack).unwrap();
    let username = format!("{}@example.com", Uuid::new_v4().simple());
    let password = "Cue7-and-some-more";
    people.create(&username, "Someone", password).await.unwrap();
    people.sign_in(&username, password).await.unwrap()
}

#[tokio::test]
async fn a_playback_token_needs_an_identity_and_an_entitlement() {
    let stack = Stack::load().unwrap();
    let channel = &stack.channel.channel_id;
    let nameless = api(&stack).playback_token(channel).await.unwrap();
    assert_eq!(nameless.status, 401);
    let unsigned = api(&stack).signed_in("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.".into());
    assert_eq!(
        unsigned.playback_token(channel).await.unwrap().status,
        401,
        "alg none"
    );
    let id_token = id_token(&stack).await;
    let forged = api(&stack).signed_in(show::forged(&id_token));
    assert_eq!(
        forged.playback_token(channel).await.unwrap().status,
        401,
        "a changed signature"
    );
    let genuine = api(&stack).signed_in(id_token);
    assert_eq!(genuine.playback_token(channel).await.unwrap().status, 403);

    let (_, viewer) = someone(&stack, false).await;
    let refused = viewer.playback_token(channel).await.unwrap();
    assert_eq!(
        (refused.status.as_u16(), refused.problem()),
        (403, "not-entitled")
    );
    let unknown = viewer.playback_token("NoSuchChannel").await.unwrap();
    assert_eq!(
        (unknown.status, unknown.body["type"].clone()),
        (refused.status, refused.body["type"].clone()),
        "a channel that does not exist is answered like one that is not theirs"
    );
}

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

    let (person, viewer) = someone(&stack, false).await;
    audience::entitle(&stack, &[(&person, &stack.offline_channel.channel_id)])
        .await
        .unwrap();
    let elsewhere = granted(&viewer, &stack.offline_channel.channel_id).await;
    assert!(
        refused(open(Some(&elsewhere)).await),
        "a valid token of another channel"
    );
    audience::entitle(&stack, &[(&person, &stack.channel.channel_id)])
        .await
        .unwrap();
    let here = granted(&viewer, &stack.channel.channel_id).await;
    let forged = open(Some(&show::forged(&here))).await;
    assert!(refused(forged), "a changed signature");
    assert!(open(Some(&here)).await.is_ok(), "the token of this channel");
}

/// Asks for a token until the entitlement has arrived.
async fn granted(viewer: &Api, channel_id: &str) -> String {
    for _ in 0..120 {
        let reply = viewer.playback_token(channel_id).await.unwrap();
        if reply.status == 200 {
            return reply.body["token"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    panic!("no playback token within half a minute");
}

#[tokio::test]
async fn a_quiz_is_checked_when_it_is_written() {
    let stack = Stack::load().unwrap();
    let (_, producer) = someone(&stack, true).await;
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
    let (_, viewer) = someone(&stack, false).await;
    let reply = viewer.create_quiz(&questions::quiz(1, 5)).await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.problem()), (403, "forbidden"));
    let unknown = viewer
        .call(Method::GET, "/no/such/route", None)
        .await
        .unwrap();
    assert_eq!(unknown.status, 404);
}
