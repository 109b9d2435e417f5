//! Someone who plays the video and notes its cues.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use cuepoint_e2e::{
    audience,
    player::{PlayError, Player, SeenCue},
    viewer::Viewer,
};
use serde_json::Value;
use stage::Stack;
use tokio::task::JoinHandle;

use crate::rehearsal::{Rehearsal, someone};

const PATIENCE: Duration = Duration::from_secs(120);
/// How often a player looks for more.
const POLL: Duration = Duration::from_millis(200);
/// Without a new piece of video for so long it starts anew: the stream may be another one.
const STALLED: Duration = Duration::from_secs(4);

/// A cue as it came out of the video.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) cue: Value,
    /// The cue as it was written.
    pub(crate) text: String,
    /// Where in the video it is.
    pts: Option<u64>,
    /// When its piece of video was there.
    pub(crate) at: Instant,
}

/// A playing viewer; who leaves when dropped.
pub(crate) struct Watcher {
    seen: Arc<Mutex<Vec<Seen>>>,
    playing: JoinHandle<()>,
}

impl Watcher {
    /// Someone with a ticket starts to play, and does so again whenever the stream has ended.
    pub(crate) async fn of(rehearsal: &Rehearsal) -> Self {
        let stack: &Stack = &rehearsal.stack;
        let (person, api) = someone(stack, false).await;
        let channel = rehearsal.channel.clone();
        let admit = audience::admit(stack, &person.user_id, &channel.channel_id);
        admit.await.unwrap();
        let viewer = Viewer {
            name: "Someone".to_owned(),
            api,
            http: stack.http_client().unwrap(),
            channel,
            script: Vec::new(),
        };
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        let playing = tokio::spawn(async move {
            loop {
                // Off air there is nothing to play.
                if let Ok(player) = open(&viewer).await {
                    play(player, &notes).await;
                }
                tokio::time::sleep(POLL).await;
            }
        });
        Self { seen, playing }
    }

    /// Waits for a cue.
    pub(crate) async fn sees(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Seen {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.all().into_iter().find(|seen| wanted(&seen.cue));
            if let Some(found) = found {
                return found;
            }
            assert!(
                Instant::now() < end,
                "{what} was not seen in {:?}",
                self.all()
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits for a cue of this type.
    pub(crate) async fn sees_a(&self, of_type: &str) -> Seen {
        self.sees(of_type, |cue| cue["type"] == of_type).await
    }

    /// All cues by now.
    pub(crate) fn all(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.playing.abort();
    }
}

async fn open(viewer: &Viewer) -> anyhow::Result<Player> {
    let token = viewer.token().await?;
    let token = token.body["token"].as_str().unwrap().to_owned();
    Ok(viewer.open(Some(&token)).await?)
}

/// Plays until there is nothing more to play.
async fn play(mut player: Player, notes: &Mutex<Vec<Seen>>) {
    let (mut segments, mut since) = (0, Instant::now());
    while since.elapsed() < STALLED {
        match player.advance().await {
            Ok(cues) => {
                let at = Instant::now();
                for SeenCue { text, pts, .. } in cues {
                    note(notes, text, pts, at);
                }
            }
            Err(PlayError::Refused(_) | PlayError::Broken(_)) => return,
        }
        if player.segments > segments {
            (segments, since) = (player.segments, Instant::now());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Notes a cue, unless it is one that was seen before the player started anew.
fn note(notes: &Mutex<Vec<Seen>>, text: String, pts: Option<u64>, at: Instant) {
    let mut notes = notes.lock().unwrap();
    if notes
        .iter()
        .all(|seen| (&seen.text, seen.pts) != (&text, pts))
    {
        let cue = serde_json::from_str(&text).unwrap();
        notes.push(Seen { cue, text, pts, at });
    }
}
