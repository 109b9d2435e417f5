//! The players of a soak.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use reqwest::{Client, Url};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::cue_text;
use crate::{
    cues::{self, Cue},
    player::{PlayError, Player, SeenCue},
};

/// The page that the players pretend to be.
const ORIGIN: &str = "http://127.0.0.1";
/// How long the last cues may take to arrive.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// How long a player waits before it asks for something new again.
const PAUSE: Duration = Duration::from_millis(250);

/// What one player saw.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Whether it followed the segments that were announced.
    pub low_latency: bool,
    /// The cues, in the order in which it came to them.
    pub cues: Vec<SeenCue>,
    /// Why it could not go on.
    pub failure: Option<String>,
}

/// Players that watch until they are told to stop.
pub struct Audience {
    watching: Vec<(JoinHandle<Seen>, watch::Receiver<usize>)>,
}

impl Audience {
    /// Starts the players and waits until each has video.
    ///
    /// # Errors
    /// When one of them does not get any.
    pub async fn gather(
        players: usize,
        playback_url: &str,
        stopped: &watch::Receiver<bool>,
    ) -> anyhow::Result<Self> {
        // Each has connections of its own, as players on different machines have.
        let mut watching = Vec::new();
        for number in 0..players {
            let http = Client::builder().no_proxy().build()?;
            let player = Player::open(http.clone(), playback_url, None, ORIGIN).await?;
            let (count, counted) = watch::channel(0);
            let stopped = stopped.clone();
            let watching_one = if number % 2 == 1 {
                let follower = Follower::new(http, player.media_playlist().clone()).await?;
                tokio::spawn(watch(Screen::LowLatency(follower), count, stopped))
            } else {
                let mut player = player;
                player.advance().await?;
                tokio::spawn(watch(Screen::Plain(player), count, stopped))
            };
            watching.push((watching_one, counted));
        }
        Ok(Self { watching })
    }

    /// Waits until everyone has seen so many cues, for a while.
    pub async fn until_seen(&self, cues: usize) {
        let end = Instant::now() + PATIENCE;
        let all = || self.watching.iter().all(|(_, seen)| *seen.borrow() >= cues);
        while !all() && Instant::now() < end {
            sleep(PAUSE).await;
        }
    }

    /// What everyone has seen, once they were told to stop.
    pub async fn end(self) -> Vec<Seen> {
        let mut seen = Vec::new();
        for (number, (watching, _)) in self.watching.into_iter().enumerate() {
            seen.push(watching.await.unwrap_or_else(|error| Seen {
                low_latency: number % 2 == 1,
                cues: Vec::new(),
                failure: Some(error.to_string()),
            }));
        }
        seen
    }
}

enum Screen {
    Plain(Player),
    LowLatency(Follower),
}

impl Screen {
    async fn advance(&mut self) -> Result<Vec<SeenCue>, PlayError> {
        match self {
            Self::Plain(player) => {
                let seen = player.advance().await;
                sleep(PAUSE).await;
                seen
            }
            Self::LowLatency(follower) => follower.advance().await,
        }
    }
}

/// Plays until the end or until something fails.
async fn watch(
    mut screen: Screen,
    count: watch::Sender<usize>,
    stopped: watch::Receiver<bool>,
) -> Seen {
    let mut seen = Seen {
        low_latency: matches!(screen, Screen::LowLatency(_)),
        cues: Vec::new(),
        failure: None,
    };
    while !*stopped.borrow() {
        match screen.advance().await {
            Ok(new) => seen.cues.extend(new),
            Err(error) => {
                seen.failure = Some(error.to_string());
                break;
            }
        }
        count.send_replace(seen.cues.len());
    }
    seen
}

/// A player that fetches segments as they are announced and while they grow.
struct Follower {
    http: Client,
    media_playlist: Url,
    next: u64,
}

impl Follower {
    /// Starts at the segment that is being written.
    async fn new(http: Client, media_playlist: Url) -> anyhow::Result<Self> {
        let mut follower = Self {
            http,
            media_playlist,
            next: 0,
        };
        let playlist = follower.playlist().await?;
        follower.next = playlist.open.context("no segment is announced")?;
        Ok(follower)
    }

    /// Plays the next segment from its first byte to its last.
    async fn advance(&mut self) -> Result<Vec<SeenCue>, PlayError> {
        let playlist = self.playlist().await?;
        let Some(uri) = playlist.uris.get(&self.next) else {
            if playlist
                .uris
                .keys()
                .min()
                .is_some_and(|first| *first > self.next)
            {
                return Err(anyhow!("segment {} has left the window", self.next).into());
            }
            sleep(PAUSE).await;
            return Ok(Vec::new());
        };
        let url = self.media_playlist.join(uri).context("a segment's URL")?;
        let mut response = self.http.get(url).send().await?;
        if !response.status().is_success() {
            return Err(PlayError::Refused(response.status()));
        }
        let (mut segment, mut arrivals) = (Vec::new(), HashMap::new());
        while let Some(bytes) = response.chunk().await? {
            segment.extend_from_slice(&bytes);
            note_arrivals(&segment, bytes.len(), &mut arrivals);
        }
        self.next += 1;
        let end = Timestamp::now().as_millisecond();
        let seen = cues::placed_in_segment(&segment)?;
        let seen = seen.into_iter().map(|Cue { pts, text }| {
            let at = arrivals.get(&text).copied().unwrap_or(end);
            SeenCue { text, pts, at }
        });
        Ok(seen.collect())
    }

    async fn playlist(&self) -> anyhow::Result<Announced> {
        let response = self.http.get(self.media_playlist.clone()).send().await?;
        Announced::parse(&response.error_for_status()?.text().await?)
    }
}

/// Notes when the texts in the newest bytes were there.
fn note_arrivals(segment: &[u8], new: usize, arrivals: &mut HashMap<String, i64>) {
    let length = cue_text(0).len();
    let marker = b"soak cue ";
    let from = segment.len().saturating_sub(new + length);
    let now = Timestamp::now().as_millisecond();
    for place in segment[from..].windows(length) {
        if place.starts_with(marker) {
            let text = String::from_utf8_lossy(place).into_owned();
            arrivals.entry(text).or_insert(now);
        }
    }
}

/// The segments of a media playlist, with those that are announced.
struct Announced {
    uris: HashMap<u64, String>,
    /// The segment that is being written.
    open: Option<u64>,
}

impl Announced {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut next: u64 = 0;
        let (mut uris, mut open) = (HashMap::new(), None);
        for line in text.lines() {
            if let Some(first) = line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:") {
                next = first.parse().context("the media sequence")?;
                continue;
            }
            let announced = line.strip_prefix("#EXT-X-PREFETCH:");
            if announced.is_some() {
                open.get_or_insert(next);
            }
            let listed = (!line.starts_with('#') && !line.is_empty()).then_some(line);
            if let Some(uri) = announced.or(listed) {
                uris.insert(next, uri.to_owned());
                next += 1;
            }
        }
        Ok(Self { uris, open })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_segments_follow_the_listed_ones() {
        let text = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:1.0,\n/s/7.ts\n#EXTINF:1.0,\n/s/8.ts\n\
                    #EXT-X-PREFETCH:/s/9.ts\n#EXT-X-PREFETCH:/s/10.ts\n";
        let playlist = Announced::parse(text).unwrap();
        assert_eq!(playlist.open, Some(9));
        assert_eq!(playlist.uris.len(), 4);
        assert_eq!(playlist.uris[&10], "/s/10.ts");
    }

    #[test]
    fn a_text_is_noted_when_its_last_byte_is_there() {
        let mut arrivals = HashMap::new();
        let text = cue_text(12);
        let bytes = format!("video {text} video");
        let half = bytes.len() / 2;
        note_arrivals(&bytes.as_bytes()[..half], half, &mut arrivals);
        assert!(arrivals.is_empty());
        note_arrivals(bytes.as_bytes(), bytes.len() - half, &mut arrivals);
        assert_eq!(arrivals.into_keys().collect::<Vec<_>>(), [text]);
    }
}
