//! Playback tokens under attack, through the deployed HTTP API.
//!
//! Whoever attacks is entitled, or pretends to be someone who is, so that a check that is missing
//! shows as a token.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

#[path = "adversarial/forgery.rs"]
mod forgery;

use std::time::{Duration, Instant};

use cuepoint_e2e::{
    api::{Api, Reply, receive},
    audience, show,
};
use reqwest::Method;
use serde_json::json;
use stage::{People, Person, Stack, Tokens};
use uuid::Uuid;

/// The most bytes of a body.
const LARGEST: usize = 64 * 1024;

fn stack() -> Stack {
    Stack::load().unwrap()
}

fn nobody(stack: &Stack) -> Api {
    Api::new(stack.http_client().unwrap(), &stack.outputs.api_url)
}

/// Someone new of a pool, and what they signed in with.
async fn someone(people: &People) -> (Person, Tokens) {
    let username = format!("{}@example.com", Uuid::new_v4().simple());
    let password = "Cue7-and-some-more";
    let person = people.create(&username, "Someone", password).await;
    let tokens = people.tokens(&username, password).await;
    (person.unwrap(), tokens.unwrap())
}

/// Someone new who may watch the show.
async fn viewer(stack: &Stack) -> (Person, Tokens, Api) {
    let (person, tokens) = someone(&People::new(stack).unwrap()).await;
    let channel = &stack.channel.channel_id;
    let admitted = audience::admit(stack, &person.user_id, channel).await;
    admitted.unwrap();
    let api = nobody(stack).signed_in(tokens.id.clone());
    (person, tokens, api)
}

fn path(channel_id: &str) -> String {
    format!("/channels/{channel_id}/playback-token")
}

/// Whose playback token an answer holds.
fn issued_to(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text);
    let (_, claims) = forgery::read(reply.body["token"].as_str().unwrap());
    claims["aws:viewer-id"].as_str().unwrap().to_owned()
}

/// Every token begins with the encoding of `{"`.
fn has_no_token(reply: &Reply) {
    let told = format!("{} {:?}", reply.text, reply.headers);
    assert!(!told.contains("eyJ"), "{told}");
    assert_eq!(reply.body.get("token"), None, "{told}");
}

/// A refusal by the function: a problem of this type.
fn is_problem(reply: &Reply, status: u16, name: &str) {
    let told = &reply.text;
    assert_eq!(
        (reply.status.as_u16(), reply.problem()),
        (status, name),
        "{told}"
    );
    assert_eq!(reply.headers["content-type"], "application/problem+json");
    assert_eq!(reply.body["status"], status);
    has_no_token(reply);
}

/// A refusal by the API itself, which no function sees.
fn is_turned_away(reply: &Reply, status: u16, case: &str) {
    assert_eq!(reply.status, status, "{case}: {}", reply.text);
    let words = if status == 401 {
        "Unauthorized"
    } else {
        "Not Found"
    };
    assert_eq!(reply.body, json!({ "message": words }), "{case}");
    has_no_token(reply);
}

#[tokio::test]
async fn a_forged_identity_gets_no_token() {
    let stack = stack();
    let (_, tokens, genuine) = viewer(&stack).await;
    let (header, claims) = forgery::read(&tokens.id);
    let key_id = header["kid"].as_str().unwrap();
    let public_key = forgery::public_key(&stack, key_id).await;
    let mut someone_else = claims.clone();
    someone_else["sub"] = json!(Uuid::new_v4().to_string());
    let none = |name: &str| {
        let mut header = header.clone();
        header["alg"] = json!(name);
        forgery::unsigned(&header, &claims)
    };
    let (signed, _) = tokens.id.rsplit_once('.').unwrap();
    let hs256 = |secret: &str| forgery::hs256(key_id, &claims, secret.as_bytes());
    for (case, token) in [
        ("nothing", String::new()),
        ("no token", "let me in".to_owned()),
        ("three parts of nothing", "..".to_owned()),
        ("alg none", none("none")),
        ("alg None", none("None")),
        ("alg nOnE", none("nOnE")),
        (
            "no algorithm",
            forgery::unsigned(&json!({ "kid": key_id }), &claims),
        ),
        (
            "no key id",
            forgery::unsigned(&json!({ "alg": "none" }), &claims),
        ),
        ("no signature", format!("{signed}.")),
        ("two parts", signed.to_owned()),
        ("a changed signature", show::forged(&tokens.id)),
        (
            "other claims",
            forgery::with_other_claims(&tokens.id, &someone_else),
        ),
        ("HS256 with the public key", hs256(&public_key)),
        (
            "HS256 with the public key, trimmed",
            hs256(public_key.trim_end()),
        ),
        ("HS256 with the key's id", hs256(key_id)),
        ("its own key", forgery::with_its_own_key(key_id, &claims)),
        ("twice", format!("{0}.{0}", tokens.id)),
    ] {
        let forger = nobody(&stack).signed_in(token);
        let reply = forger.playback_token(&stack.channel.channel_id).await;
        is_turned_away(&reply.unwrap(), 401, case);
    }
    let nameless = nobody(&stack);
    let reply = nameless.playback_token(&stack.channel.channel_id).await;
    is_turned_away(&reply.unwrap(), 401, "no header");
    let reply = genuine.playback_token(&stack.channel.channel_id).await;
    assert_eq!(issued_to(&reply.unwrap()), claims["sub"].as_str().unwrap());
}

#[tokio::test]
async fn an_identity_of_another_pool_or_another_kind_gets_no_token() {
    let stack = stack();
    let channel = &stack.channel.channel_id;
    let people = People::new(&stack).unwrap();
    let (stranger, theirs) = someone(&people.strangers().await.unwrap()).await;
    let admitted = audience::admit(&stack, &stranger.user_id, channel).await;
    admitted.unwrap();
    let strange = nobody(&stack).signed_in(theirs.id);
    let reply = strange.playback_token(channel).await.unwrap();
    is_turned_away(&reply, 401, "another pool");

    // The authorizer of an HTTP API takes an access token for its client; the function does not.
    let (_, tokens, _) = viewer(&stack).await;
    let access = nobody(&stack).signed_in(tokens.access);
    let reply = access.playback_token(channel).await.unwrap();
    is_problem(&reply, 401, "unauthenticated");
}

#[tokio::test]
async fn an_expired_identity_gets_no_token() {
    let stack = stack();
    let (person, tokens, _) = viewer(&stack).await;
    let (header, claims) = forgery::read(&tokens.id);
    // A token lives an hour, so the test signs as the pool does.
    let until = |seconds: i64| {
        let mut claims = claims.clone();
        claims["exp"] = json!(jiff::Timestamp::now().as_second() + seconds);
        forgery::by_the_pool(&stack, header["kid"].as_str().unwrap(), &claims)
    };
    for seconds in [-1, -3_600, -1_000_000_000] {
        let expired = nobody(&stack).signed_in(until(seconds));
        let reply = expired.playback_token(&stack.channel.channel_id).await;
        is_turned_away(&reply.unwrap(), 401, "expired");
    }
    let good = nobody(&stack).signed_in(until(60));
    let reply = good
        .playback_token(&stack.channel.channel_id)
        .await
        .unwrap();
    assert_eq!(
        issued_to(&reply),
        person.user_id,
        "such a token counts in its time"
    );
}

#[tokio::test]
async fn naming_another_viewer_changes_nothing() {
    let stack = stack();
    let channel = &stack.channel.channel_id;
    let (entitled, _, own) = viewer(&stack).await;
    let (_, tokens) = someone(&People::new(&stack).unwrap()).await;
    let stranger = nobody(&stack).signed_in(tokens.id);
    let other = Uuid::new_v4().to_string();
    let send = async |api: &Api, named: &str| {
        let body = json!({
            "sub": named, "userId": named, "viewerId": named, "aws:viewer-id": named,
            "claims": { "sub": named, "token_use": "id" },
        });
        let query = format!("?sub={named}&userId={named}&viewerId={named}&channelId={named}");
        let request = api
            .request(Method::POST, &(path(channel) + &query))
            .header("x-user-id", named)
            .header("x-viewer-id", named)
            .header("x-amzn-oidc-identity", named)
            .header("x-forwarded-user", named)
            .header("cookie", format!("sub={named}; userId={named}"));
        receive(request.json(&body)).await.unwrap()
    };
    assert_eq!(issued_to(&send(&own, &other).await), entitled.user_id);
    let refused = send(&stranger, &entitled.user_id).await;
    is_problem(&refused, 403, "not-entitled");
    let in_the_path = own.playback_token(&entitled.user_id).await.unwrap();
    is_problem(&in_the_path, 403, "not-entitled");
}

#[tokio::test]
async fn no_one_learns_which_channels_there_are() {
    let stack = stack();
    let (_, tokens) = someone(&People::new(&stack).unwrap()).await;
    let stranger = nobody(&stack).signed_in(tokens.id);
    let answer = async |channel_id: &str| {
        let mut reply = stranger.playback_token(channel_id).await.unwrap();
        is_problem(&reply, 403, "not-entitled");
        for of_this_request in ["date", "apigw-requestid", "x-amzn-requestid"] {
            reply.headers.remove(of_this_request);
        }
        (reply.text, reply.headers)
    };
    let not_theirs = answer(&stack.channel.channel_id).await;
    let long = "A".repeat(2_000);
    for channel_id in [
        stack.offline_channel.channel_id.as_str(),
        "NoSuchChannel",
        "null",
        "%2E%2E%2E",
        "a%20b",
        "%00",
        "%FF%FE",
        "%E2%80%AE",
        "'%20OR%20'1'%3D'1",
        "%24%7Bjndi:ldap:%7D",
        "arn:aws:ivs:eu-west-1:000000000000:channel",
        long.as_str(),
    ] {
        assert_eq!(answer(channel_id).await, not_theirs, "{channel_id:.60}");
    }
}

#[tokio::test]
async fn a_body_is_not_needed_but_has_to_be_one() {
    let stack = stack();
    let channel = &stack.channel.channel_id;
    let (person, _, api) = viewer(&stack).await;
    let send_as = async |content_type: &str, body: Vec<u8>| {
        let request = api.request(Method::POST, &path(channel));
        let request = request.header("content-type", content_type);
        receive(request.body(body)).await.unwrap()
    };
    let send = |body| send_as("application/json", body);
    let members = json!({ "unknown": [1, { "deep": null }], "text": "x".repeat(60_000) });
    for fine in ["", " \n", "{}", &members.to_string()] {
        let reply = send(fine.as_bytes().to_vec()).await;
        assert_eq!(issued_to(&reply), person.user_id, "{fine:.60}");
    }
    for malformed in [
        b"{".as_slice(),
        b"{\"a\":1}}",
        b"[]",
        b"null",
        b"\"text\"",
        b"userId=another",
        b"<xml/>",
        b"\0",
    ] {
        let reply = send(malformed.to_vec()).await;
        is_problem(&reply, 400, "malformed-request");
    }
    // As text, the API would mend what is no UTF-8.
    for malformed in [b"{\"a\":\"\xff\"}".as_slice(), b"\xff\xfe{\0}\0", b"{"] {
        let reply = send_as("application/octet-stream", malformed.to_vec()).await;
        is_problem(&reply, 400, "malformed-request");
    }
    for length in [LARGEST + 1, 1024 * 1024] {
        let large = send(vec![b'x'; length]).await;
        is_problem(&large, 413, "too-large");
        assert_eq!(large.body["limit"], LARGEST);
    }
}

#[tokio::test]
async fn only_post_issues_tokens() {
    let stack = stack();
    let (_, _, api) = viewer(&stack).await;
    let path = path(&stack.channel.channel_id);
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
        let reply = api.call(method.clone(), &path, None).await.unwrap();
        is_turned_away(&reply, 404, method.as_str());
        let overridden = api
            .request(method.clone(), &path)
            .header("x-http-method-override", "POST");
        let reply = receive(overridden).await.unwrap();
        is_turned_away(&reply, 404, method.as_str());
    }
    let head = api.call(Method::HEAD, &path, None).await.unwrap();
    assert_eq!(head.status, 404);
    has_no_token(&head);
}

#[tokio::test]
async fn who_asks_too_often_waits_and_no_one_else() {
    let stack = stack();
    let channel = &stack.channel.channel_id;
    let (person, _, api) = viewer(&stack).await;
    // Each running function counts by itself, and requests at the same time meet several.
    let give_up = Instant::now() + Duration::from_secs(120);
    let ask_until_refused = async || {
        let mut issued = 0;
        loop {
            let reply = api.playback_token(channel).await.unwrap();
            if reply.status == 429 {
                return (issued, reply);
            }
            assert_eq!(issued_to(&reply), person.user_id);
            issued += 1;
            assert!(Instant::now() < give_up, "{issued} tokens and no end");
        }
    };
    let at_once = (0..4).map(|_| ask_until_refused());
    let ends = futures::future::join_all(at_once).await;
    let issued: u32 = ends.iter().map(|(issued, _)| issued).sum();
    assert!(issued >= 20, "a burst of {issued} is too short for a page");
    let (_, refused) = ends.into_iter().next().unwrap();
    is_problem(&refused, 429, "too-many-requests");
    assert_eq!(refused.body["retryAfter"].as_u64(), refused.retry_after());

    let (other, _, elsewhere) = viewer(&stack).await;
    let reply = elsewhere.playback_token(channel).await.unwrap();
    assert_eq!(issued_to(&reply), other.user_id);

    let mut reply = refused;
    while reply.status == 429 {
        assert!(Instant::now() < give_up, "waiting did not help");
        let wait = reply.retry_after().unwrap();
        assert!((1..=2).contains(&wait), "{wait}");
        tokio::time::sleep(Duration::from_secs(wait)).await;
        reply = api.playback_token(channel).await.unwrap();
    }
    assert_eq!(issued_to(&reply), person.user_id);
}
