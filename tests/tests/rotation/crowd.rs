//! Viewers who keep asking for tokens and start playback with them, at once and later.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cuepoint_e2e::{
    api::Api,
    audience,
    player::{PlayError, Player},
};
use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};
use stage::{Person, Probe, Stack, probe};
use tokio::{sync::watch, task::JoinHandle, time::sleep};
use uuid::Uuid;

/// How often each viewer asks. The service takes 30 requests a minute of one.
const EVERY: Duration = Duration::from_millis(2_500);
/// How often in a row a request may fail with 5xx: the emulator, unlike AWS, ends functions in the middle
/// of an answer when they are told of a key.
const MOST_FAILURES: u32 = 10;
/// How long before its end a token is used at the latest, in seconds: a loaded machine is slow.
const MARGIN: i64 = 4;

/// What happened to all of them.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) tokens: u32,
    /// Playbacks with a new token, from the multivariant playlist to a segment.
    pub(crate) played: u32,
    /// The same, with a token that was kept for a while.
    pub(crate) played_later: u32,
    /// Requests that a function did not survive, and that were made again.
    pub(crate) asked_again: u32,
    /// Tokens that had run out before the answer came: the machine was too slow to tell.
    pub(crate) too_late: u32,
    /// What must not happen.
    pub(crate) refused: Vec<String>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tokens,
            played,
            played_later,
            asked_again,
            too_late,
            refused,
        } = self;
        write!(
            f,
            "{tokens} tokens, {played} playbacks at once and {played_later} later, {asked_again} \
             requests made again after a 5xx, {too_late} tokens that had run out, {} refused",
            refused.len()
        )
    }
}

/// The viewers.
pub(crate) struct Crowd {
    told: Arc<Mutex<Told>>,
    over: watch::Sender<bool>,
    viewers: Vec<JoinHandle<()>>,
}

struct Viewer {
    stack: Stack,
    api: Api,
    told: Arc<Mutex<Told>>,
}

impl Crowd {
    pub(crate) async fn gather(stack: &Stack, size: usize) -> Self {
        let told = Arc::new(Mutex::new(Told::default()));
        let (over, watching) = watch::channel(false);
        let mut viewers = Vec::new();
        for _ in 0..size {
            let (_, api) = entitled(stack).await;
            let viewer = Viewer {
                stack: stack.clone(),
                api,
                told: told.clone(),
            };
            viewers.push(tokio::spawn(viewer.watch(watching.clone())));
        }
        Self {
            told,
            over,
            viewers,
        }
    }

    /// Lets everyone end what they have begun.
    pub(crate) async fn leave(self) -> Told {
        self.over.send(true).unwrap();
        for viewer in self.viewers {
            viewer.await.unwrap();
        }
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Viewer {
    async fn watch(self, over: watch::Receiver<bool>) {
        let viewer = Arc::new(self);
        let mut later = Vec::new();
        while !*over.borrow() {
            if let Some((token, expires_at)) = viewer.token().await {
                let started = start(&viewer.stack, &token).await;
                viewer.tell(started, expires_at, "at once", |told| told.played += 1);
                later.push(tokio::spawn(viewer.clone().play_later(token, expires_at)));
            }
            sleep(EVERY).await;
        }
        for one in later {
            one.await.unwrap();
        }
    }

    /// A token. A function that is ended while it answers has to be asked again, but not for long.
    async fn token(&self) -> Option<(String, Timestamp)> {
        let mut failed = 0;
        loop {
            let reply = self
                .api
                .playback_token(&self.stack.channel.channel_id)
                .await
                .unwrap();
            match reply.status {
                StatusCode::OK => {
                    self.note(|told| told.tokens += 1);
                    let expires_at = text(&reply.body["expiresAt"]).parse().unwrap();
                    return Some((text(&reply.body["token"]).to_owned(), expires_at));
                }
                status if status.is_server_error() && failed < MOST_FAILURES => {
                    failed += 1;
                    self.note(|told| told.asked_again += 1);
                    sleep(Duration::from_millis(200)).await;
                }
                status => {
                    let what = format!("a token: {status} {}", reply.body);
                    self.note(|told| told.refused.push(what));
                    return None;
                }
            }
        }
    }

    async fn play_later(self: Arc<Self>, token: String, expires_at: Timestamp) {
        let left = expires_at.duration_since(Timestamp::now()).as_secs() - MARGIN;
        // As many at the end of its life as in between.
        let seconds = match fastrand::bool() {
            true => left,
            false => fastrand::i64(0..=left.max(0)),
        };
        sleep(Duration::from_secs(seconds.max(0).unsigned_abs())).await;
        let started = start(&self.stack, &token).await;
        let when = format!("after {seconds} s");
        self.tell(started, expires_at, &when, |told| told.played_later += 1);
    }

    fn tell(
        &self,
        started: Result<(), PlayError>,
        expires_at: Timestamp,
        when: &str,
        played: impl FnOnce(&mut Told),
    ) {
        match started {
            Ok(()) => self.note(played),
            Err(PlayError::Refused(_)) if Timestamp::now() >= expires_at => {
                self.note(|told| told.too_late += 1);
            }
            Err(error) => {
                let what = format!("playback {when}, until {expires_at}: {error}");
                self.note(|told| told.refused.push(what));
            }
        }
    }

    fn note(&self, note: impl FnOnce(&mut Told)) {
        note(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Multivariant playlist, media playlist, a segment.
async fn start(stack: &Stack, token: &str) -> Result<(), PlayError> {
    let channel = &stack.channel;
    let http = stack.http_client().unwrap();
    let mut player =
        Player::open(http, &channel.playback_url, Some(token), &channel.origin).await?;
    while player.segments == 0 {
        player.advance().await?;
    }
    Ok(())
}

/// Whether a token of one's own starts playback.
pub(crate) async fn plays(stack: &Stack, token: &str) -> bool {
    match start(stack, token).await {
        Ok(()) => true,
        Err(PlayError::Refused(StatusCode::FORBIDDEN)) => false,
        Err(error) => panic!("{error}"),
    }
}

/// The key that the announcement of a token names that is asked for now.
pub(crate) async fn announced_fingerprint(stack: &Stack) -> String {
    let (person, api) = entitled(stack).await;
    let probe = Probe::new(stack, &stack.sdk_config().await);
    let data = json!({ "userId": [person.user_id] });
    let queue = probe.listen("cuepoint.token-issuer", data).await;
    let reply = api.playback_token(&stack.channel.channel_id).await.unwrap();
    reply.expect(200).unwrap();
    let messages = probe.receive(&queue, 1, |_| true).await;
    let (kind, detail) = probe::delivered(&messages[0]);
    assert_eq!(kind, "playback-token-issued");
    text(&detail["data"]["keyFingerprint"]).to_owned()
}

/// Someone who gets tokens from now on.
async fn entitled(stack: &Stack) -> (Person, Api) {
    let api = Api::new(stack.http_client().unwrap(), &stack.outputs.api_url);
    let username = format!("{}@example.com", Uuid::new_v4().simple());
    let (person, api) = audience::person(stack, &api, &username, "Someone", false)
        .await
        .unwrap();
    let channel = &stack.channel.channel_id;
    audience::entitle(stack, &[(&person, channel)])
        .await
        .unwrap();
    probe::until(async || {
        let reply = api.playback_token(channel).await.unwrap();
        sleep(Duration::from_secs(2)).await;
        (reply.status == 200).then_some(())
    })
    .await;
    (person, api)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
