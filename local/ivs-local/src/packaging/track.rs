//! One rendition of a broadcast: what it is, and the segments it can be played from.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use super::ladder::Lines;
use super::segment::SegmentReader;
use super::segmenter::Step;
use super::window::{Listing, Window};

/// Longest wait for a segment that has been announced to begin.
const ANNOUNCED: Duration = Duration::from_secs(10);

/// What a multivariant playlist says about the video, as far as the publisher told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendition {
    /// RFC 6381 name of the video codec, like `avc1.42c01e`.
    pub video_codec: Option<String>,
    /// Whether there is audio; it is AAC-LC, since the transcoder makes it that.
    pub audio: bool,
    /// Width and height in pixels.
    pub resolution: Option<(u32, u32)>,
}

/// A rendition's segments. Number 0 is the source, as the publisher sent it.
#[derive(Debug)]
pub struct Track {
    /// Its number in the addresses of its playlist and segments.
    pub number: usize,
    /// Its height, if it is made here.
    pub lines: Option<Lines>,
    window: RwLock<Window>,
    /// Counts changes of the window that a request may wait for.
    turns: watch::Sender<u64>,
}

impl Track {
    /// A rendition without segments.
    pub fn new(number: usize, lines: Option<Lines>) -> Self {
        Self {
            number,
            lines,
            window: RwLock::default(),
            turns: watch::Sender::default(),
        }
    }

    /// Does to the segments what the segmenter says, so that no player sees less than all of it.
    pub fn apply(&self, steps: Vec<Step>) {
        let mut begun = false;
        let mut window = self.write();
        for step in steps {
            begun |= matches!(step, Step::Begin);
            window.apply(step);
        }
        drop(window);
        if begun {
            self.turns.send_modify(|turns| *turns += 1);
        }
    }

    /// Says that no segment follows.
    pub fn end(&self) {
        self.write().end();
        self.turns.send_modify(|turns| *turns += 1);
    }

    /// Whether a player finds a segment.
    pub fn is_playable(&self) -> bool {
        !self.read().is_empty()
    }

    /// What the media playlist lists now.
    pub fn listing(&self) -> Listing {
        self.read().listing()
    }

    /// What the media playlist lists as soon as the next segment begins, or none will.
    pub async fn listing_at_border(&self) -> Listing {
        let mut turns = self.turns.subscribe();
        let now = self.read().begun();
        let begins = turns.wait_for(|_| {
            let window = self.read();
            window.begun() > now || window.has_ended()
        });
        // A segment that lasts longer than this is not waited for.
        let _ = tokio::time::timeout(ANNOUNCED, begins).await;
        self.listing()
    }

    /// A reader of one segment: of a complete one while it is kept, of the one being written, or
    /// of the next one, which is waited for.
    pub async fn segment(&self, number: u64) -> Option<SegmentReader> {
        let mut turns = self.turns.subscribe();
        let begins = turns.wait_for(|_| {
            let window = self.read();
            // Those that are not announced are not waited for.
            let announced = (window.begun()..=window.listing().open + 1).contains(&number);
            !announced || window.has_ended()
        });
        // Whatever ended the wait, the window knows whether the segment is there.
        let _ = tokio::time::timeout(ANNOUNCED, begins).await;
        self.read().segment(number)
    }

    /// The highest bit rate of the segments kept, in bits a second.
    pub fn peak_bandwidth(&self) -> u64 {
        self.read().peak_bandwidth()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Window> {
        self.window.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Window> {
        self.window.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_border_is_where_a_segment_begins_or_the_stream_ends() {
        let track = Arc::new(Track::new(0, None));
        track.apply(vec![Step::Begin]);
        let listing = || {
            let track = Arc::clone(&track);
            tokio::spawn(async move { track.listing_at_border().await })
        };
        let first = listing();
        tokio::task::yield_now().await;
        track.apply(vec![Step::Append("half".into())]);
        tokio::task::yield_now().await;
        assert!(!first.is_finished());
        track.apply(vec![Step::End(Duration::from_secs(1)), Step::Begin]);
        assert_eq!(first.await.unwrap().durations.len(), 1);
        let second = listing();
        tokio::task::yield_now().await;
        track.end();
        assert!(second.await.unwrap().ended);
        assert!(listing().await.unwrap().ended, "none is waited for then");
    }

    #[tokio::test]
    async fn the_next_segment_is_waited_for_and_no_other() {
        let track = Arc::new(Track::new(0, None));
        let found = |number| {
            let track = Arc::clone(&track);
            async move { track.segment(number).await.is_some() }
        };
        track.apply(vec![Step::Begin]);
        assert!(found(0).await, "being written");
        assert!(!found(2).await, "not announced");
        let next = tokio::spawn(found(1));
        tokio::task::yield_now().await;
        assert!(!next.is_finished());
        track.apply(vec![Step::End(Duration::from_secs(1)), Step::Begin]);
        assert!(next.await.unwrap());

        let after_the_last = tokio::spawn(found(2));
        tokio::task::yield_now().await;
        track.apply(vec![Step::End(Duration::from_secs(1))]);
        track.end();
        assert!(!after_the_last.await.unwrap());
        assert!(found(1).await, "it is still kept");
    }
}
