//! A player: follows a live HLS stream segment by segment.

use anyhow::{Context, anyhow};
use jiff::Timestamp;
use m3u8_rs::{MasterPlaylist, MediaPlaylist};
use reqwest::{Client, StatusCode, Url, header::ORIGIN};
use tokio::time::Instant;

use crate::cues::{self, Cue};

/// How far behind the newest segment playback starts, in segments.
const START_BEHIND: u64 = 2;

/// A cue as it reached its viewer.
#[derive(Debug, Clone)]
pub struct SeenCue {
    /// What was pushed.
    pub text: String,
    /// Where in the video it is, in ticks of 90 kHz.
    pub pts: Option<u64>,
    /// When the segment with it was there, in milliseconds since 1970.
    pub at: i64,
}

/// Why there is no video.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The request was refused.
    #[error("the video was refused with {0}")]
    Refused(StatusCode),
    /// Something is wrong with the video or the way to it.
    #[error(transparent)]
    Broken(#[from] anyhow::Error),
}

impl From<reqwest::Error> for PlayError {
    fn from(error: reqwest::Error) -> Self {
        // The URL holds the playback token.
        Self::Broken(error.without_url().into())
    }
}

/// A playback session.
pub struct Player {
    http: Client,
    origin: String,
    variant: Url,
    next: Option<u64>,
    /// How many segments were played.
    pub segments: u64,
    /// How many segments left the window before they were fetched.
    pub missed: u64,
    /// When the last request was answered, whole, with video or a playlist.
    pub last_served: Instant,
}

impl Player {
    /// Starts playback as a page of `origin` would.
    ///
    /// # Errors
    /// [`PlayError::Refused`] when the stream is not for this viewer.
    pub async fn open(
        http: Client,
        playback_url: &str,
        token: Option<&str>,
        origin: &str,
    ) -> Result<Self, PlayError> {
        let mut url = Url::parse(playback_url).context("the playback URL")?;
        if let Some(token) = token {
            url.query_pairs_mut().append_pair("token", token);
        }
        let origin = origin.to_owned();
        let playlist = fetch(&http, &origin, url.clone()).await?;
        let (_, playlist) = m3u8_rs::parse_master_playlist(&playlist)
            .map_err(|_| anyhow!("the multivariant playlist cannot be read"))?;
        let variant = best(&playlist).and_then(|uri| url.join(uri).context("a variant's URL"))?;
        Ok(Self {
            http,
            origin,
            variant,
            next: None,
            segments: 0,
            missed: 0,
            last_served: Instant::now(),
        })
    }

    /// Plays what is new, and returns the cues in it. Empty when nothing is new yet.
    ///
    /// # Errors
    /// [`PlayError::Refused`] when playback was revoked or the stream ended.
    pub async fn advance(&mut self) -> Result<Vec<SeenCue>, PlayError> {
        let playlist = fetch(&self.http, &self.origin, self.variant.clone()).await?;
        self.last_served = Instant::now();
        let (_, playlist) = m3u8_rs::parse_media_playlist(&playlist)
            .map_err(|_| anyhow!("the variant's playlist cannot be read"))?;
        let first = playlist.media_sequence;
        let end = first + playlist.segments.len() as u64;
        let next = self
            .next
            .unwrap_or_else(|| end.saturating_sub(START_BEHIND))
            .max(first);
        self.missed += self.next.map_or(0, |wanted| next - wanted.min(next));
        let mut seen = Vec::new();
        for sequence in next..end {
            let segment = self.segment(&playlist, sequence - first).await?;
            self.last_served = Instant::now();
            let at = Timestamp::now().as_millisecond();
            seen.extend(
                cues::placed_in_segment(&segment)?
                    .into_iter()
                    .map(|Cue { pts, text }| SeenCue { text, pts, at }),
            );
            self.segments += 1;
        }
        self.next = Some(end.max(next));
        Ok(seen)
    }

    /// The address of the media playlist, which this playback alone knows.
    pub fn media_playlist(&self) -> &Url {
        &self.variant
    }

    async fn segment(&self, playlist: &MediaPlaylist, index: u64) -> Result<Vec<u8>, PlayError> {
        let uri = &playlist.segments[index as usize].uri;
        let url = self.variant.join(uri).context("a segment's URL")?;
        fetch(&self.http, &self.origin, url).await
    }
}

fn best(playlist: &MasterPlaylist) -> anyhow::Result<&str> {
    let variants = playlist
        .variants
        .iter()
        .filter(|variant| !variant.is_i_frame);
    let best = variants.max_by_key(|variant| variant.bandwidth);
    best.map(|variant| variant.uri.as_str())
        .context("the playlist has no variant")
}

async fn fetch(http: &Client, origin: &str, url: Url) -> Result<Vec<u8>, PlayError> {
    let response = http.get(url).header(ORIGIN, origin).send().await?;
    match response.status() {
        status if status.is_success() => Ok(response.bytes().await?.to_vec()),
        status if status.is_client_error() => Err(PlayError::Refused(status)),
        status => Err(anyhow!("the video answered {status}").into()),
    }
}
