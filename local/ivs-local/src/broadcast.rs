//! What is on air: one [`Broadcast`] per stream session, and which channel each belongs to.
//!
//! Ingest starts and ends a broadcast, packaging fills it, the control plane puts tags into it and
//! playback reads its segments. None of them knows the others.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

use crate::arn;
use crate::packaging::ladder::Lines;
use crate::packaging::segmenter::Step;
pub use crate::packaging::track::Rendition;
use crate::packaging::track::Track;

/// Tags that may wait for the packager, which takes them at once; beyond it callers are throttled.
const TAG_QUEUE: usize = 64;

/// One stream session, from a publisher's start to its end.
#[derive(Debug)]
pub struct Broadcast {
    /// Its id, `st-…`.
    pub stream_id: String,
    /// The channel that it is on.
    pub channel_arn: String,
    /// When the publisher was let in.
    pub started: Timestamp,
    rendition: RwLock<Rendition>,
    source: Arc<Track>,
    /// The renditions made here.
    ladder: RwLock<Vec<Arc<Track>>>,
    playable: watch::Sender<bool>,
    stop_asked: watch::Sender<bool>,
    starving: AtomicBool,
    tags: mpsc::Sender<String>,
}

/// Why a tag was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// The stream has ended.
    #[error("the stream has ended")]
    Ended,
    /// More tags wait than the packager can take.
    #[error("too many tags at once")]
    TooMany,
}

impl Broadcast {
    /// Whether a player finds something to play. Until then the channel does not count as live.
    pub fn is_playable(&self) -> bool {
        *self.playable.borrow()
    }

    /// Waits until a player finds something to play; for ever if that never comes.
    pub async fn until_playable(&self) {
        until(&self.playable).await;
    }

    /// Waits until somebody asks the publisher to stop.
    pub async fn until_stop_asked(&self) {
        until(&self.stop_asked).await;
    }

    /// Whether the publisher is there but sends nothing.
    pub fn is_starving(&self) -> bool {
        self.starving.load(Ordering::Relaxed)
    }

    /// Notes whether the publisher sends anything, and says whether that is new.
    pub fn set_starving(&self, starving: bool) -> bool {
        self.starving.swap(starving, Ordering::Relaxed) != starving
    }

    /// Hands a tag to the packager, which puts it at this point of the video.
    ///
    /// # Errors
    /// The stream has ended, or tags come faster than they can be written.
    pub fn put_tag(&self, text: String) -> Result<(), TagError> {
        self.tags.try_send(text).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => TagError::TooMany,
            mpsc::error::TrySendError::Closed(_) => TagError::Ended,
        })
    }

    /// Does to the source's segments what its segmenter says.
    pub fn apply(&self, steps: Vec<Step>) {
        self.apply_to(&self.source, steps);
    }

    /// Does to a rendition's segments what its segmenter says.
    pub fn apply_to(&self, track: &Track, steps: Vec<Step>) {
        let completed = steps.iter().any(|step| matches!(step, Step::End(_)));
        track.apply(steps);
        if completed {
            self.note_playable();
        }
    }

    /// A stream can be played once every rendition can.
    fn note_playable(&self) {
        let playable = self.tracks().iter().all(|track| track.is_playable());
        if playable && !self.playable.send_replace(true) {
            tracing::info!(stream.id = self.stream_id, "the stream can be played");
        }
    }

    /// Says that no segment follows in any rendition.
    pub fn end(&self) {
        for track in self.tracks() {
            track.end();
        }
    }

    /// Notes what the publisher says about the video.
    pub fn describe(&self, change: impl FnOnce(&mut Rendition)) {
        change(&mut write(&self.rendition));
    }

    /// What is known about the source's video.
    pub fn rendition(&self) -> Rendition {
        read(&self.rendition).clone()
    }

    /// What is known about a track's video; `None` for one that would be no smaller than the source.
    pub fn rendition_of(&self, track: &Track) -> Option<Rendition> {
        let source = self.rendition();
        let Some(lines) = track.lines else {
            return Some(source);
        };
        let resolution = match source.resolution {
            None => None,
            Some(resolution) => Some(lines.of(resolution)?),
        };
        Some(Rendition {
            video_codec: Some(lines.codec().to_owned()),
            audio: source.audio,
            resolution,
        })
    }

    /// The video as the publisher sends it.
    pub fn source(&self) -> &Arc<Track> {
        &self.source
    }

    /// All renditions, the source first.
    pub fn tracks(&self) -> Vec<Arc<Track>> {
        let source = std::iter::once(Arc::clone(&self.source));
        source.chain(read(&self.ladder).iter().cloned()).collect()
    }

    /// Adds a rendition of a height.
    pub fn add_track(&self, lines: Lines) {
        let mut ladder = write(&self.ladder);
        let number = ladder.len() + 1;
        ladder.push(Arc::new(Track::new(number, Some(lines))));
    }

    /// Ends a rendition and forgets it.
    pub fn drop_track(&self, track: &Track) {
        track.end();
        write(&self.ladder).retain(|other| other.number != track.number);
        self.note_playable();
    }
}

/// The broadcasts that are on air, at most one per channel.
#[derive(Debug, Clone, Default)]
pub struct Broadcasts {
    on_air: Arc<Mutex<HashMap<String, Arc<Broadcast>>>>,
}

/// A channel that is on air already.
#[derive(Debug, thiserror::Error)]
#[error("channel {0} is on air already")]
pub struct AlreadyOnAir(pub String);

/// Keeps a broadcast on air; dropping it frees the channel, whatever ended the publisher.
#[derive(Debug)]
pub struct OnAir {
    broadcasts: Broadcasts,
    broadcast: Arc<Broadcast>,
}

impl Broadcasts {
    /// Takes a channel on air. The receiver gets the tags, in order.
    ///
    /// # Errors
    /// The channel has a publisher.
    pub fn begin(
        &self,
        channel_arn: &str,
        stream_id: String,
        now: Timestamp,
    ) -> Result<(OnAir, mpsc::Receiver<String>), AlreadyOnAir> {
        let mut on_air = self.lock();
        if on_air.contains_key(channel_arn) {
            return Err(AlreadyOnAir(channel_arn.to_owned()));
        }
        let (tags, receiver) = mpsc::channel(TAG_QUEUE);
        let broadcast = Arc::new(Broadcast {
            stream_id,
            channel_arn: channel_arn.to_owned(),
            started: now,
            rendition: RwLock::default(),
            source: Arc::new(Track::new(0, None)),
            ladder: RwLock::default(),
            playable: watch::Sender::new(false),
            stop_asked: watch::Sender::new(false),
            starving: AtomicBool::new(false),
            tags,
        });
        on_air.insert(channel_arn.to_owned(), Arc::clone(&broadcast));
        Ok((
            OnAir {
                broadcasts: self.clone(),
                broadcast,
            },
            receiver,
        ))
    }

    /// Whether a publisher holds the channel, playable or not yet.
    pub fn is_taken(&self, channel_arn: &str) -> bool {
        self.lock().contains_key(channel_arn)
    }

    /// The channel's live stream: one that has a publisher and can be played.
    pub fn live(&self, channel_arn: &str) -> Option<Arc<Broadcast>> {
        self.lock()
            .get(channel_arn)
            .filter(|broadcast| broadcast.is_playable())
            .cloned()
    }

    /// All live streams of a region, by channel.
    pub fn all_live(&self, region: &str) -> Vec<Arc<Broadcast>> {
        let mut live: Vec<Arc<Broadcast>> = self
            .lock()
            .values()
            .filter(|broadcast| arn::region(&broadcast.channel_arn) == region)
            .filter(|broadcast| broadcast.is_playable())
            .cloned()
            .collect();
        live.sort_by(|a, b| a.channel_arn.cmp(&b.channel_arn));
        live
    }

    /// Takes a channel off air at once and asks its publisher to stop, if there is one.
    pub fn stop(&self, channel_arn: &str) -> Option<Arc<Broadcast>> {
        let stopped = self.lock().remove(channel_arn)?;
        stopped.stop_asked.send_replace(true);
        Some(stopped)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Broadcast>>> {
        self.on_air.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OnAir {
    /// The broadcast that is kept on air.
    pub fn broadcast(&self) -> &Arc<Broadcast> {
        &self.broadcast
    }
}

impl Drop for OnAir {
    fn drop(&mut self) {
        let mut on_air = self.broadcasts.lock();
        let channel_arn = &self.broadcast.channel_arn;
        // A stopped broadcast has lost the channel already, perhaps to the next one.
        if on_air
            .get(channel_arn)
            .is_some_and(|broadcast| Arc::ptr_eq(broadcast, &self.broadcast))
        {
            on_air.remove(channel_arn);
        }
    }
}

/// Waits until a condition holds, which stays so.
async fn until(condition: &watch::Sender<bool>) {
    // The sender is borrowed, so that the wait cannot fail.
    let _ = condition.subscribe().wait_for(|holds| *holds).await;
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ARN: &str = "arn:aws:ivs:us-east-1:000000000000:channel/abc";

    fn begin(broadcasts: &Broadcasts) -> Result<(OnAir, mpsc::Receiver<String>), AlreadyOnAir> {
        broadcasts.begin(ARN, "st-1".into(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_second_publisher_is_refused_until_the_first_has_gone() {
        let broadcasts = Broadcasts::default();
        let first = begin(&broadcasts).unwrap();
        assert!(begin(&broadcasts).is_err());
        drop(first);
        assert!(begin(&broadcasts).is_ok());
    }

    #[test]
    fn a_channel_is_live_only_once_it_can_be_played() {
        let broadcasts = Broadcasts::default();
        let (on_air, _tags) = begin(&broadcasts).unwrap();
        assert!(broadcasts.is_taken(ARN));
        assert!(broadcasts.live(ARN).is_none());
        on_air.broadcast().apply(vec![Step::Begin]);
        assert!(broadcasts.live(ARN).is_none());
        on_air
            .broadcast()
            .apply(vec![Step::End(Duration::from_secs(1))]);
        assert!(broadcasts.live(ARN).is_some());
        drop(on_air);
        assert!(broadcasts.live(ARN).is_none());
    }

    #[test]
    fn a_stopped_broadcast_leaves_the_channel_to_the_next_one() {
        let broadcasts = Broadcasts::default();
        let (first, _tags) = begin(&broadcasts).unwrap();
        let stopped = broadcasts.stop(ARN).unwrap();
        assert!(Arc::ptr_eq(&stopped, first.broadcast()));
        assert!(broadcasts.stop(ARN).is_none());
        let (second, _tags) = begin(&broadcasts).unwrap();
        drop(first);
        assert!(broadcasts.is_taken(ARN));
        drop(second);
        assert!(!broadcasts.is_taken(ARN));
    }

    #[test]
    fn tags_beyond_the_queue_are_throttled_and_after_the_end_refused() {
        let broadcasts = Broadcasts::default();
        let (on_air, tags) = begin(&broadcasts).unwrap();
        for _ in 0..TAG_QUEUE {
            on_air.broadcast().put_tag("x".into()).unwrap();
        }
        assert_eq!(
            on_air.broadcast().put_tag("x".into()),
            Err(TagError::TooMany)
        );
        drop(tags);
        assert_eq!(on_air.broadcast().put_tag("x".into()), Err(TagError::Ended));
    }
}
