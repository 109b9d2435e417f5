//! Nothing that opens the video, and no one's identity, is told where it does not belong.
//!
//! A viewer's whole visit is made, with everything that can go wrong on the way. Then all that the
//! system has said meanwhile is searched.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

#[path = "leaks/places.rs"]
mod places;
#[path = "leaks/secrets.rs"]
mod secrets;

use std::time::{Duration, Instant};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use cuepoint_e2e::{
    api::{Api, Reply, receive},
    audience,
    player::Player,
    show,
};
use jiff::Timestamp;
use places::Place;
use reqwest::Method;
use secrets::Secrets;
use stage::{People, Person, Probe, Stack, upstream};
use uuid::Uuid;

/// A password that is in no word list and in no other test.
fn password() -> String {
    format!("Leak-{}", Uuid::new_v4())
}

/// Someone new, signed in; all that they have is secret.
async fn person(stack: &Stack, secrets: &mut Secrets) -> (Person, Api) {
    let people = People::new(stack).unwrap();
    let username = format!("leak-{}@example.com", Uuid::new_v4().simple());
    let person = people.create(&username, "Someone", &password()).await;
    let person = person.unwrap();
    let tokens = people.tokens(&person.username, &person.password).await;
    let tokens = tokens.unwrap();
    secrets.token("an ID token", &tokens.id);
    secrets.token("an access token", &tokens.access);
    secrets.text("a password", &person.password);
    secrets.identity("a viewer's id", &person.user_id);
    secrets.identity("a viewer's e-mail address", &person.username);
    let api = Api::new(stack.http_client().unwrap(), &stack.outputs.api_url);
    (person, api.signed_in(tokens.id))
}

/// Asks until it is too often. Returns the tokens, and notes what was said besides.
async fn ask(api: &Api, channel_id: &str, said: &mut Vec<Reply>) -> Vec<String> {
    let give_up = Instant::now() + Duration::from_secs(120);
    let mut tokens = Vec::new();
    loop {
        let reply = api.playback_token(channel_id).await.unwrap();
        match reply.status.as_u16() {
            200 => tokens.push(reply.body["token"].as_str().unwrap().to_owned()),
            429 => {
                said.push(reply);
                return tokens;
            }
            _ => panic!("{}", reply.text),
        }
        assert!(
            Instant::now() < give_up,
            "{} tokens and no end",
            tokens.len()
        );
    }
}

/// What a careless or a hostile client sends, with a token in every place.
async fn misuse(api: &Api, stack: &Stack, token: &str, said: &mut Vec<Reply>) {
    let path = format!("/channels/{}/playback-token", stack.channel.channel_id);
    let post = |path: &str| api.request(Method::POST, path);
    let in_the_path = format!("/channels/{token}/playback-token?token={token}");
    for request in [
        post(&path).body(format!("{{\"token\":\"{token}\"")),
        post(&path).body(token.to_owned()),
        post(&path).body(token.repeat(200)),
        post(&path).header("x-token", token).body("["),
        post(&in_the_path),
        api.request(Method::GET, &format!("{path}?token={token}")),
    ] {
        said.push(receive(request).await.unwrap());
    }
    let nobody = Api::new(stack.http_client().unwrap(), &stack.outputs.api_url);
    for other in [token.to_owned(), show::forged(token)] {
        let forger = nobody.signed_in(other);
        let reply = forger.playback_token(&stack.channel.channel_id);
        said.push(reply.await.unwrap());
    }
}

/// A token that was just issued, to someone who has asked too often before: others may have run out.
async fn fresh_token(api: &Api, channel_id: &str, said: &mut Vec<Reply>) -> String {
    let give_up = Instant::now() + Duration::from_secs(120);
    loop {
        let reply = api.playback_token(channel_id).await.unwrap();
        if reply.status == 200 {
            return reply.body["token"].as_str().unwrap().to_owned();
        }
        let wait = reply.retry_after().expect("it is only too often");
        said.push(reply);
        assert!(Instant::now() < give_up, "waiting did not help");
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
}

/// Plays, and tries to play with what must not play.
async fn play(stack: &Stack, token: &str) -> Player {
    let channel = &stack.channel;
    let open = async |token: &str, origin: &str| {
        let http = stack.http_client().unwrap();
        Player::open(http, &channel.playback_url, Some(token), origin).await
    };
    let mut player = open(token, &channel.origin).await.unwrap();
    player.advance().await.unwrap();
    assert!(open(&show::forged(token), &channel.origin).await.is_err());
    assert!(open(token, "https://elsewhere.example").await.is_err());
    player
}

/// Takes the entitlement back and waits until the video has ended.
async fn revoke(stack: &Stack, person: &Person, mut player: Player) {
    let bus = aws_sdk_eventbridge::Client::new(&stack.sdk_config().await);
    let event = upstream::user_entitlement_revoked(
        &Uuid::new_v4().to_string(),
        Timestamp::now(),
        &person.user_id,
        &stack.channel.channel_id,
        "refunded",
    );
    let detail_type = "user-entitlement-revoked";
    let put = upstream::put(&bus, &stack.outputs.event_bus_name, detail_type, &event).await;
    put.unwrap();
    let give_up = Instant::now() + Duration::from_secs(60);
    while player.advance().await.is_ok() {
        assert!(Instant::now() < give_up, "the video goes on");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn no_token_key_or_identity_is_told_where_it_does_not_belong() {
    let stack = Stack::load().unwrap();
    let channel = &stack.channel.channel_id;
    let (since, mut secrets, mut said) = (Timestamp::now(), Secrets::default(), Vec::new());
    let probe = Probe::new(&stack, &stack.sdk_config().await);
    let events = probe.listen_to_all().await;
    secrets.playback_key(&stack).await;

    let (viewer, api) = person(&stack, &mut secrets).await;
    let (_, stranger) = person(&stack, &mut secrets).await;
    said.push(stranger.playback_token(channel).await.unwrap());
    let admitted = audience::admit(&stack, &viewer.user_id, channel).await;
    admitted.unwrap();
    let mut tokens = ask(&api, channel, &mut said).await;
    misuse(&stranger, &stack, &tokens[0], &mut said).await;
    let fresh = fresh_token(&api, channel, &mut said).await;
    let player = play(&stack, &fresh).await;
    revoke(&stack, &viewer, player).await;
    tokens.push(fresh);
    for token in &tokens {
        secrets.token("a playback token", token);
    }

    let mut places = vec![places::answers(&said)];
    places.push(places::events(&probe, &events, &viewer.user_id, tokens.len()).await);
    places.extend(places::function_logs(&stack, since, tokens.len(), &said).await);
    places.extend(places::log_files());
    places.push(places::dead_letters(&stack, &probe).await);
    let leaks: Vec<_> = places
        .iter()
        .flat_map(|place| secrets.found(place))
        .collect();
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

#[test]
fn the_search_finds_what_it_looks_for() {
    let mut secrets = Secrets::default();
    secrets.token("a token", "head.payload-of-it.signature-of-it");
    secrets.identity("an id", "viewer-1");
    let found = |text: &str, names_viewers| {
        let place = Place::new("here", text.to_owned(), names_viewers);
        secrets.found(&place)
    };
    assert_eq!(found("head and viewers", false), Vec::<String>::new());
    assert_eq!(found("… signature-of-it …", true), ["here: a token"]);
    assert_eq!(found("{\"id\":\"viewer-1\"}", false), ["here: an id"]);
    assert_eq!(found("{\"id\":\"viewer-1\"}", true), Vec::<String>::new());
}

#[test]
fn the_search_finds_a_key_in_every_form_it_might_be_told_in() {
    for (pem, scalar_at) in secrets::sample_keys() {
        let mut secrets = Secrets::default();
        secrets.key(&BASE64_STANDARD.encode(&pem));
        let finds = |text: String| !secrets.found(&Place::new("here", text, true)).is_empty();
        let der = pem::parse(&pem).unwrap().into_contents();
        let scalar = &der[scalar_at..scalar_at + 48];
        let hex: String = der.iter().map(|byte| format!("{byte:02x}")).collect();
        for told in [
            pem.clone(),
            pem.replace('\n', "\\n"),
            BASE64_STANDARD.encode(&pem),
            format!("{der:?}"),
            format!("{scalar:?}"),
            hex.to_uppercase(),
            hex,
            BASE64_STANDARD.encode(&der),
            BASE64_URL_SAFE_NO_PAD.encode(&der),
            BASE64_STANDARD.encode(scalar),
            BASE64_URL_SAFE_NO_PAD.encode(&scalar[1..]),
        ] {
            assert!(finds(told.clone()), "{told}");
        }
        let public = &der[scalar_at + 48..];
        assert!(!finds(format!("{public:?}")), "anyone may know that half");
    }
}
