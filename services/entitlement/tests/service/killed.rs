//! The deployed functions, killed again and again while they work.

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_sqs::types::Message;
use entitlement::rules::Effect;
use futures::future;
use serde_json::{Value, json};
use stage::{
    People, faults,
    probe::{self, delivered},
};
use uuid::Uuid;

use crate::{
    cloud::{self, Cloud, upstream},
    orders::{as_announced, no_version_comes_back},
    stream,
};

/// How often each viewer is granted and then revoked, or the other way round.
const ROUNDS: u32 = 24;
/// How long the functions are left alone before they are killed again, in turn: some live long
/// enough to do their work, some do not.
const ALIVE: [u64; 6] = [40, 260, 90, 170, 30, 400];

/// A viewer who really plays.
struct Viewer {
    id: String,
    id_token: String,
}

impl Viewer {
    async fn new(cloud: &Cloud) -> Self {
        let people = People::new(&cloud.stack).unwrap();
        let username = format!("{}@example.com", Uuid::new_v4().simple());
        let password = "Cue7-and-some-more";
        let person = people.create(&username, "Someone", password).await;
        Self {
            id: person.unwrap().user_id,
            id_token: people.sign_in(&username, password).await.unwrap(),
        }
    }

    /// A playback token, as soon as it is given.
    async fn token(&self, cloud: &Cloud) -> String {
        let (base, channel) = (&cloud.stack.outputs.api_url, cloud.channel_id());
        let url = format!(
            "{}/channels/{channel}/playback-token",
            base.trim_end_matches('/')
        );
        let http = cloud.stack.http_client().unwrap();
        probe::until(async || {
            let answer = http.post(&url).bearer_auth(&self.id_token).send().await;
            let answer: Value = answer.unwrap().json().await.unwrap();
            answer["token"].as_str().map(str::to_owned)
        })
        .await
    }
}

/// The status with which a playback with this token starts.
async fn play(cloud: &Cloud, token: &str) -> u16 {
    let channel = &cloud.stack.channel;
    let url = format!("{}?token={token}", channel.playback_url);
    let http = cloud.stack.http_client().unwrap();
    let answer = http.get(url).header("origin", &channel.origin).send().await;
    answer.unwrap().status().as_u16()
}

/// Grants and revokes each viewer in turn; the newest event of each is a grant.
async fn change(cloud: &Cloud, viewers: &[String]) {
    for round in 1..=ROUNDS {
        let detail_type = match round % 2 {
            1 => "user-entitlement-revoked",
            _ => "user-entitled",
        };
        let puts = viewers.iter().map(async |viewer| {
            let data = json!({ "userId": viewer, "channelId": cloud.channel_id() });
            let event = upstream(round, &format!("{round:02}-{viewer}"), data);
            cloud.put_event(detail_type, &event).await;
        });
        future::join_all(puts).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
}

/// Kills both functions as long as it is polled; counts the processes.
async fn kill(cloud: &Cloud, killed: &mut usize) {
    for alive in ALIVE.iter().cycle() {
        tokio::time::sleep(Duration::from_millis(*alive)).await;
        for function in ["entitlement-outbox", "entitlement-intake"] {
            *killed += faults::kill(&cloud.stack, function).unwrap();
        }
    }
}

#[tokio::test]
async fn killed_again_and_again_the_functions_lose_nothing() {
    let _alone = cloud::alone().await;
    let mut cloud = Cloud::new().await;
    cloud.probe = cloud.probe.with_patience(Duration::from_secs(120));
    let players = [Viewer::new(&cloud).await, Viewer::new(&cloud).await];
    let others = (0..8).map(|_| Uuid::new_v4().to_string());
    let viewers: Vec<String> = players
        .iter()
        .map(|player| player.id.clone())
        .chain(others)
        .collect();
    let published = cloud.listen_to(&viewers).await;
    let mut old_tokens = Vec::new();
    for player in &players {
        let data = json!({ "userId": player.id, "channelId": cloud.channel_id() });
        let event = upstream(0, &format!("00-{}", player.id), data);
        cloud.put_event("user-entitled", &event).await;
        let token = player.token(&cloud).await;
        assert_eq!(play(&cloud, &token).await, 200, "before anything fails");
        old_tokens.push(token);
    }

    // A message that a killed function held is delivered again after this, not after minutes.
    cloud.deliver_again_after(2).await;
    let mut killed = 0;
    tokio::select! {
        () = change(&cloud, &viewers) => {}
        () = kill(&cloud, &mut killed) => {}
    }
    assert!(killed >= 10, "only {killed} processes were killed");
    cloud.all_taken_in().await;
    cloud.deliver_again_after(180).await;

    let announced = stream::announced(&cloud, &viewers).await;
    assert_eq!(announced.len(), viewers.len());
    for (viewer, announced) in &announced {
        no_version_comes_back(announced);
        assert_eq!(announced.last().unwrap().effect, Effect::Granted);
        // A grant that overtook a revocation may have changed nothing to be announced.
        let item = cloud.item_of(viewer).await.unwrap();
        assert_eq!(item["eventId"], format!("{ROUNDS:02}-{viewer}"));
    }
    let expected: usize = announced.values().map(Vec::len).sum();
    let distinct = |messages: &[Message]| {
        let ids = messages.iter().map(|message| {
            let (_, detail) = delivered(message);
            detail["metadata"]["eventId"].as_str().unwrap().to_owned()
        });
        ids.collect::<BTreeSet<_>>().len()
    };
    let messages = cloud
        .probe
        .receive_until(&published, |messages| distinct(messages) >= expected)
        .await;
    as_announced(&announced, &messages);
    println!(
        "{killed} processes were killed; {expected} changes were published, {} of them again",
        messages.len() - expected
    );

    for (player, old) in players.iter().zip(&old_tokens) {
        assert_eq!(play(&cloud, old).await, 403, "IVS has revoked it");
        let new = player.token(&cloud).await;
        assert_eq!(play(&cloud, &new).await, 200);
    }
    let outputs = &cloud.stack.outputs;
    for queue in [
        &outputs.entitlement_intake_dlq_url,
        &outputs.entitlement_outbox_dlq_url,
    ] {
        let ours = |message: &Message| {
            let body = message.body().unwrap();
            viewers.iter().any(|viewer| body.contains(viewer))
        };
        assert!(!cloud.probe.waiting(queue).await.iter().any(ours));
    }
}
