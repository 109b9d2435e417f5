//! The sliding window of segments that a live stream can be played from: the newest complete ones,
//! and the one being written.

use std::collections::VecDeque;
use std::time::Duration;

use super::segment::{Segment, SegmentReader};
use super::segmenter::Step;

/// Segments that the playlist names.
const LISTED: usize = 10;
/// Segments kept beyond those, for players that hold an older playlist.
const KEPT: usize = LISTED + 5;

#[derive(Debug)]
struct Complete {
    segment: Segment,
    duration: Duration,
    bytes: usize,
}

/// The newest segments, numbered from 0 without gaps.
#[derive(Debug, Default)]
pub struct Window {
    complete: VecDeque<Complete>,
    /// The segment being written; it has the number `next`.
    open: Option<Segment>,
    /// The number of the segment that is completed next.
    next: u64,
    longest: Duration,
    ended: bool,
}

/// What a media playlist says at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// Number of the first segment listed.
    pub first: u64,
    /// Lengths of the segments, oldest first.
    pub durations: Vec<Duration>,
    /// Number of the segment being written, or about to be; the next one has one more.
    pub open: u64,
    /// At least as long as every segment there has been, in whole seconds.
    pub target_seconds: u64,
    /// No segment follows.
    pub ended: bool,
}

impl Window {
    /// Does what the segmenter says, and forgets the oldest segments beyond what is kept.
    pub fn apply(&mut self, step: Step) {
        match step {
            Step::Begin => self.open = Some(Segment::open()),
            Step::Append(bytes) => {
                if let Some(open) = &self.open {
                    open.append(bytes);
                }
            }
            Step::End(duration) => {
                if let Some(segment) = self.open.take() {
                    self.complete(segment, duration);
                }
            }
        }
    }

    fn complete(&mut self, segment: Segment, duration: Duration) {
        self.longest = self.longest.max(duration);
        let bytes = segment.complete();
        self.complete.push_back(Complete {
            segment,
            duration,
            bytes,
        });
        self.next += 1;
        while self.complete.len() > KEPT {
            self.complete.pop_front();
        }
    }

    /// Marks that no segment follows; one that is open stays unfinished.
    pub fn end(&mut self) {
        self.ended = true;
        self.open = None;
    }

    /// Whether no segment follows.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether there is anything to play.
    pub fn is_empty(&self) -> bool {
        self.complete.is_empty()
    }

    /// How many segments have begun: the number of the first one that has not.
    pub fn begun(&self) -> u64 {
        self.next + u64::from(self.open.is_some())
    }

    /// A reader of a segment, while it is kept; it may be the open one.
    pub fn segment(&self, number: u64) -> Option<SegmentReader> {
        if number == self.next {
            return self.open.as_ref().map(Segment::reader);
        }
        let oldest = self.next - self.complete.len() as u64;
        let index = usize::try_from(number.checked_sub(oldest)?).ok()?;
        self.complete
            .get(index)
            .map(|complete| complete.segment.reader())
    }

    /// What the media playlist lists now.
    pub fn listing(&self) -> Listing {
        let durations: Vec<Duration> = self
            .complete
            .iter()
            .rev()
            .take(LISTED)
            .rev()
            .map(|complete| complete.duration)
            .collect();
        Listing {
            first: self.next - durations.len() as u64,
            durations,
            open: self.next,
            // A segment's length, rounded, must not exceed the target (RFC 8216, section 4.3.3.1).
            target_seconds: (self.longest.as_secs_f64().round() as u64).max(1),
            ended: self.ended,
        }
    }

    /// The highest bit rate among the segments kept, in bits a second.
    pub fn peak_bandwidth(&self) -> u64 {
        let rate = |complete: &Complete| {
            let millis = u64::try_from(complete.duration.as_millis())
                .unwrap_or(u64::MAX)
                .max(1);
            complete.bytes as u64 * 8 * 1000 / millis
        };
        self.complete.iter().map(rate).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn begin(window: &mut Window, number: u64) {
        window.apply(Step::Begin);
        window.apply(Step::Append(bytes(number)));
    }

    fn push(window: &mut Window, number: u64, millis: u64) {
        begin(window, number);
        window.apply(Step::End(Duration::from_millis(millis)));
    }

    fn bytes(number: u64) -> Bytes {
        Bytes::from(number.to_string().into_bytes())
    }

    fn first_bytes(reader: SegmentReader) -> Option<Bytes> {
        let mut reader = reader;
        let next = std::pin::pin!(reader.next());
        match futures::FutureExt::now_or_never(next) {
            Some(Ok(bytes)) => bytes,
            _ => None,
        }
    }

    #[test]
    fn an_empty_window_lists_nothing() {
        let window = Window::default();
        assert!(window.is_empty());
        assert_eq!(window.listing().durations, Vec::<Duration>::new());
        assert!(window.segment(0).is_none());
    }

    #[test]
    fn the_target_covers_a_long_segment_that_has_left() {
        let mut window = Window::default();
        push(&mut window, 0, 3_600);
        for number in 1..40 {
            push(&mut window, number, 1_000);
        }
        assert_eq!(window.listing().target_seconds, 4);
    }

    #[test]
    fn the_open_segment_can_be_read_but_is_not_listed() {
        let mut window = Window::default();
        push(&mut window, 0, 1_000);
        begin(&mut window, 1);
        let listing = window.listing();
        assert_eq!((listing.durations.len(), listing.open), (1, 1));
        assert_eq!(window.begun(), 2);
        let reader = window.segment(1).unwrap();
        assert_eq!(reader.length(), None);
        assert_eq!(first_bytes(reader), Some(bytes(1)));
        assert!(window.segment(2).is_none());
        window.end();
        assert!(window.segment(1).is_none(), "it stays unfinished");
    }

    proptest! {
        #[test]
        fn listed_segments_are_the_newest_and_can_be_fetched(count in 1u64..60) {
            let mut window = Window::default();
            let mut previous = 0;
            for number in 0..count {
                push(&mut window, number, 1_000);
                let listing = window.listing();
                prop_assert!(listing.first >= previous, "the media sequence never falls");
                previous = listing.first;
                prop_assert_eq!(listing.first + listing.durations.len() as u64, number + 1);
                prop_assert_eq!(listing.open, number + 1);
                for listed in listing.first..=number {
                    let reader = window.segment(listed).unwrap();
                    prop_assert_eq!(first_bytes(reader), Some(bytes(listed)));
                }
                prop_assert!(window.segment(number + 1).is_none());
            }
            prop_assert!(window.complete.len() <= KEPT);
            prop_assert_eq!(window.listing().durations.len() as u64, count.min(LISTED as u64));
        }
    }
}
