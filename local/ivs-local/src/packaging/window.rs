//! The sliding window of finished segments that a live stream can be played from.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::segmenter::Segment;

/// Segments that the playlist names.
const LISTED: usize = 10;
/// Segments kept beyond those, for players that hold an older playlist.
const KEPT: usize = LISTED + 5;

/// The newest segments, numbered from 0 without gaps.
#[derive(Debug, Default)]
pub struct Window {
    segments: VecDeque<Segment>,
    /// The number that the next segment gets.
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
    /// At least as long as every segment there has been, in whole seconds.
    pub target_seconds: u64,
    /// No segment follows.
    pub ended: bool,
}

impl Window {
    /// Adds the next segment and forgets the oldest beyond what is kept.
    pub fn push(&mut self, segment: Segment) {
        self.longest = self.longest.max(segment.duration);
        self.segments.push_back(segment);
        self.next += 1;
        while self.segments.len() > KEPT {
            self.segments.pop_front();
        }
    }

    /// Marks that no segment follows.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// Whether there is anything to play.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The bytes of a segment, while they are kept.
    pub fn segment(&self, number: u64) -> Option<Bytes> {
        let oldest = self.next - self.segments.len() as u64;
        let index = usize::try_from(number.checked_sub(oldest)?).ok()?;
        self.segments.get(index).map(|segment| segment.data.clone())
    }

    /// What the media playlist lists now.
    pub fn listing(&self) -> Listing {
        let durations: Vec<Duration> = self
            .segments
            .iter()
            .rev()
            .take(LISTED)
            .rev()
            .map(|segment| segment.duration)
            .collect();
        Listing {
            first: self.next - durations.len() as u64,
            durations,
            // A segment's length, rounded, must not exceed the target (RFC 8216, section 4.3.3.1).
            target_seconds: (self.longest.as_secs_f64().round() as u64).max(1),
            ended: self.ended,
        }
    }

    /// The highest bit rate among the segments kept, in bits a second.
    pub fn peak_bandwidth(&self) -> u64 {
        let rate = |segment: &Segment| {
            let millis = u64::try_from(segment.duration.as_millis())
                .unwrap_or(u64::MAX)
                .max(1);
            segment.data.len() as u64 * 8 * 1000 / millis
        };
        self.segments.iter().map(rate).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segment(number: u64, millis: u64) -> Segment {
        Segment {
            duration: Duration::from_millis(millis),
            data: Bytes::from(number.to_string().into_bytes()),
        }
    }

    #[test]
    fn an_empty_window_lists_nothing() {
        let window = Window::default();
        assert!(window.is_empty());
        assert_eq!(window.listing().durations, Vec::<Duration>::new());
        assert_eq!(window.segment(0), None);
    }

    #[test]
    fn the_target_covers_a_long_segment_that_has_left() {
        let mut window = Window::default();
        window.push(segment(0, 3_600));
        for number in 1..40 {
            window.push(segment(number, 1_000));
        }
        assert_eq!(window.listing().target_seconds, 4);
    }

    proptest! {
        #[test]
        fn listed_segments_are_the_newest_and_can_be_fetched(count in 1u64..60) {
            let mut window = Window::default();
            let mut previous = 0;
            for number in 0..count {
                window.push(segment(number, 1_000));
                let listing = window.listing();
                prop_assert!(listing.first >= previous, "the media sequence never falls");
                previous = listing.first;
                prop_assert_eq!(listing.first + listing.durations.len() as u64, number + 1);
                for listed in listing.first..=number {
                    prop_assert_eq!(window.segment(listed), Some(Bytes::from(listed.to_string())));
                }
                prop_assert_eq!(window.segment(number + 1), None);
            }
            prop_assert!(window.segments.len() <= KEPT);
            prop_assert_eq!(window.listing().durations.len() as u64, count.min(LISTED as u64));
        }
    }
}
