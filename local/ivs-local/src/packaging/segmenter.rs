//! Cuts the transcoder's transport stream into segments and puts the tags in.
//!
//! A segment begins with the program tables and a random access point. A tag is written into the
//! open segment the moment it comes, so it is in exactly one segment, in order, by construction;
//! and the open segment is always a valid prefix, so that it can be served while it grows.
//!
//! The source's segmenter decides by its [`CutRule`] and notes what it did as [`Mark`]s. Those of
//! the other renditions follow: they wait until the source has got as far, and do the same at the
//! same frame, so that a segment of any rendition has the same number, frames and tags.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::clock::{after, ticks, ticks_between};
use super::id3;
use super::lead::Lead;
pub use super::lead::{CutRule, Mark};
use super::ts::{CLOCK_HZ, CLOCK_WRAP, PACKET, PacketInfo, TsError, TsInserter, TsParser};

/// Ticks by which a frame of another rendition may miss the source's: half a frame at 25 a second.
const ALIGNED: u64 = CLOCK_HZ / 50;
/// Bytes of another rendition that wait for the source at most.
const MOST_HELD: usize = 8 << 20;

/// What happens to the stream's segments, one thing after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The next segment begins.
    Begin,
    /// Whole transport-stream packets for the segment that is open, tables first.
    Append(Bytes),
    /// The open segment is complete and plays for this long.
    End(Duration),
}

#[derive(Debug)]
struct OpenSegment {
    /// What has not been handed out in a step yet.
    fresh: Vec<u8>,
    /// Bytes that have been.
    handed_out: usize,
    first_pts: u64,
    last_pts: u64,
}

impl OpenSegment {
    fn flush(&mut self) -> Option<Step> {
        self.handed_out += self.fresh.len();
        let fresh = std::mem::take(&mut self.fresh);
        (!fresh.is_empty()).then(|| Step::Append(fresh.into()))
    }

    fn end(mut self, end_pts: u64, steps: &mut Vec<Step>) {
        steps.extend(self.flush());
        let ticks = ticks_between(self.first_pts, end_pts);
        steps.push(Step::End(Duration::from_micros(
            ticks * 1_000_000 / CLOCK_HZ,
        )));
    }
}

/// Why a stream cannot be segmented.
#[derive(Debug, thiserror::Error)]
pub enum SegmenterError {
    /// It is not a transport stream that can be read and written.
    #[error(transparent)]
    Ts(#[from] TsError),
    /// It has no key frame where the source begins a segment.
    #[error("there is no key frame where the source has one")]
    Misaligned,
    /// It is too far ahead of the source.
    #[error("the source does not come")]
    Ahead,
}

/// Turns bytes of a transport stream, and tags, into segments.
#[derive(Debug)]
pub struct Segmenter {
    lead: Lead,
    /// What was done, for the segmenters that follow.
    marks: Vec<Mark>,
    parser: TsParser,
    inserter: TsInserter,
    /// Bytes of a packet that has not come whole yet.
    partial: Vec<u8>,
    /// Packets that wait for the source.
    held: VecDeque<([u8; PACKET], PacketInfo)>,
    open: Option<OpenSegment>,
    /// Tags that came before the first segment began.
    waiting: VecDeque<String>,
    last_tag_pts: Option<u64>,
    /// Ticks between the last two frames: how long the very last frame of a stream plays.
    frame: u64,
}

impl Segmenter {
    /// A segmenter with its own rule for cutting.
    pub fn new(rule: CutRule) -> Self {
        Self::led_by(Lead::Own(rule))
    }

    /// A segmenter that does what the source's does; see [`Self::follow`].
    pub fn following() -> Self {
        Self::led_by(Lead::source())
    }

    fn led_by(lead: Lead) -> Self {
        Self {
            lead,
            marks: Vec::new(),
            parser: TsParser::default(),
            inserter: TsInserter::default(),
            partial: Vec::new(),
            held: VecDeque::new(),
            open: None,
            waiting: VecDeque::new(),
            last_tag_pts: None,
            frame: 0,
        }
    }

    /// What has been done since it was last asked, and how far the stream has got.
    pub fn take_marks(&mut self) -> (Vec<Mark>, Option<u64>) {
        let newest = self.open.as_ref().map(|open| open.last_pts);
        (std::mem::take(&mut self.marks), newest)
    }

    /// Takes over what the source's segmenter has done, up to its newest frame.
    ///
    /// # Errors
    /// See [`Self::push`].
    pub fn follow(
        &mut self,
        done: &[Mark],
        newest: Option<u64>,
    ) -> Result<Vec<Step>, SegmenterError> {
        self.lead.follow(done, newest);
        self.advance()
    }

    /// Waits for the source no longer, since it has ended.
    ///
    /// # Errors
    /// See [`Self::push`].
    pub fn source_ended(&mut self) -> Result<Vec<Step>, SegmenterError> {
        self.lead.source_ended();
        self.advance()
    }

    /// Takes the next bytes and says what they do.
    ///
    /// # Errors
    /// Bytes that are not a transport stream, or one that does not go with the source.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Step>, SegmenterError> {
        let mut packets = std::mem::take(&mut self.partial);
        packets.extend_from_slice(bytes);
        self.partial = packets.split_off(packets.len() - packets.len() % PACKET);
        let infos = self.parser.parse(&packets)?;
        let (packets, _) = packets.as_chunks::<PACKET>();
        self.held.extend(packets.iter().copied().zip(infos));
        if self.held.len() * PACKET > MOST_HELD {
            return Err(SegmenterError::Ahead);
        }
        self.advance()
    }

    /// Takes the packets that need not wait.
    fn advance(&mut self) -> Result<Vec<Step>, SegmenterError> {
        let mut steps = Vec::new();
        while let Some((packet, info)) = self.held.pop_front() {
            if self
                .clock(&info)
                .is_some_and(|pts| self.lead.must_wait(pts))
            {
                self.held.push_front((packet, info));
                break;
            }
            self.take_packet(&packet, &info, &mut steps)?;
        }
        steps.extend(self.flush());
        Ok(steps)
    }

    /// The timestamp of a frame of the stream that rules, if one begins with this packet.
    fn clock(&self, info: &PacketInfo) -> Option<u64> {
        let tables = self.parser.tables()?;
        info.pts.filter(|_| info.pid == tables.clock_pid())
    }

    /// Puts a tag at this point of the video.
    ///
    /// # Errors
    /// See [`TsInserter::write_tag`].
    pub fn insert(&mut self, text: String) -> Result<Vec<Step>, SegmenterError> {
        self.waiting.push_back(text);
        self.write_waiting()?;
        Ok(self.flush().into_iter().collect())
    }

    /// Completes the last segment, when the stream has ended.
    pub fn finish(mut self) -> Vec<Step> {
        let mut steps = Vec::new();
        // The source may have gone on for a frame; what it carried is not lost with that.
        for mark in self.lead.rest() {
            if let Mark::Tag(pts, text) = mark
                && let Err(error) = self.write_tag(pts, &id3::encode(&text))
            {
                tracing::warn!(%error, "a tag is not in every rendition");
            }
        }
        if let Some(open) = self.open {
            let end = open.last_pts + self.frame;
            open.end(end, &mut steps);
        }
        steps
    }

    fn flush(&mut self) -> Option<Step> {
        self.open.as_mut()?.flush()
    }

    fn take_packet(
        &mut self,
        packet: &[u8],
        info: &PacketInfo,
        steps: &mut Vec<Step>,
    ) -> Result<(), SegmenterError> {
        let tables = self.parser.tables();
        if !tables.is_some_and(|tables| tables.is_elementary(info.pid)) {
            return Ok(()); // tables are written anew, everything else is not needed to play
        }
        if let Some(pts) = self.clock(info) {
            self.at_frame(pts, info.random_access, steps)?;
        }
        if let Some(open) = &mut self.open {
            open.fresh.extend_from_slice(packet);
        }
        Ok(())
    }

    /// A frame of the stream that rules begins: a segment may, too.
    fn at_frame(
        &mut self,
        pts: u64,
        random_access: bool,
        steps: &mut Vec<Step>,
    ) -> Result<(), SegmenterError> {
        let cut = self.cuts_at(pts, random_access);
        if let Some(open) = &mut self.open {
            let step = ticks_between(open.last_pts, pts);
            // Frames come in decoding order: a step back is a reordered frame, not a wrap.
            if step < CLOCK_WRAP / 2 {
                self.frame = step;
                open.last_pts = pts;
            }
        }
        if cut {
            self.cut(pts, steps)?;
            self.write_waiting()?;
        }
        self.catch_up(pts, random_access, steps)
    }

    /// Whether the rule says that a segment begins here.
    fn cuts_at(&self, pts: u64, random_access: bool) -> bool {
        let Lead::Own(rule) = &self.lead else {
            return false;
        };
        match &self.open {
            None => random_access,
            Some(open) => {
                let played = ticks_between(open.first_pts, pts);
                let long_enough = played >= ticks(rule.at_least);
                let bytes = open.handed_out + open.fresh.len();
                (random_access && long_enough) || bytes >= rule.at_most_bytes
            }
        }
    }

    /// Does what the source did up to this frame.
    fn catch_up(
        &mut self,
        pts: u64,
        random_access: bool,
        steps: &mut Vec<Step>,
    ) -> Result<(), SegmenterError> {
        while let Some(mark) = self.lead.next_mark(pts) {
            match mark {
                Mark::Cut(at) => {
                    if !random_access || ticks_between(at, pts) > ALIGNED {
                        return Err(SegmenterError::Misaligned);
                    }
                    self.cut(pts, steps)?;
                }
                Mark::Tag(at, text) => self.write_tag(at, &id3::encode(&text))?,
            }
        }
        Ok(())
    }

    /// Begins the next segment: tables first, then something on the stream of the tags.
    fn cut(&mut self, pts: u64, steps: &mut Vec<Step>) -> Result<(), TsError> {
        if let Some(open) = self.open.take() {
            open.end(pts, steps);
        }
        steps.push(Step::Begin);
        let mut fresh = Vec::new();
        if let Some(tables) = self.parser.tables() {
            self.inserter.write_tables(tables, &mut fresh);
        }
        self.open = Some(OpenSegment {
            fresh,
            handed_out: 0,
            first_pts: pts,
            last_pts: pts,
        });
        self.write_tag(after(self.last_tag_pts, pts), &id3::marker())?;
        self.mark(Mark::Cut(pts));
        Ok(())
    }

    fn write_waiting(&mut self) -> Result<(), SegmenterError> {
        while let Some(now) = self.open.as_ref().map(|open| open.last_pts)
            && let Some(text) = self.waiting.pop_front()
        {
            let pts = after(self.last_tag_pts, now);
            self.write_tag(pts, &id3::encode(&text))?;
            self.mark(Mark::Tag(pts, text));
        }
        Ok(())
    }

    fn write_tag(&mut self, pts: u64, tag: &[u8]) -> Result<(), TsError> {
        if let (Some(open), Some(tables)) = (&mut self.open, self.parser.tables()) {
            self.inserter.write_tag(tables, tag, pts, &mut open.fresh)?;
            self.last_tag_pts = Some(pts);
        }
        Ok(())
    }

    fn mark(&mut self, mark: Mark) {
        if matches!(self.lead, Lead::Own(_)) {
            self.marks.push(mark);
        }
    }
}
