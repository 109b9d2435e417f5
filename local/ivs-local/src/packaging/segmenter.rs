//! Cuts the transcoder's transport stream into segments and puts the tags in.
//!
//! A segment begins with the program tables and a random access point. A tag is written into the
//! open segment the moment it comes, so it is in exactly one segment, in order, by construction;
//! and the open segment is always a valid prefix, so that it can be served while it grows.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::ts::{CLOCK_HZ, CLOCK_WRAP, PACKET, PacketInfo, TsError, TsInserter, TsParser};

/// Ticks between tags that come during one frame: a millisecond, the grain of players' clocks.
const TAG_SPACING: u64 = CLOCK_HZ / 1000;

/// Where segments are cut.
#[derive(Debug, Clone, Copy)]
pub struct CutRule {
    /// Length from which on the next random access point begins a new segment. A little under the
    /// nominal second, since RTMP rounds its timestamps to milliseconds.
    pub at_least: Duration,
    /// Size in bytes at which a segment ends without one, so that memory stays bounded.
    pub at_most_bytes: usize,
}

impl Default for CutRule {
    fn default() -> Self {
        Self {
            at_least: Duration::from_millis(950),
            at_most_bytes: 16 << 20,
        }
    }
}

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

/// Turns bytes of a transport stream, and tags, into segments.
#[derive(Debug, Default)]
pub struct Segmenter {
    rule: CutRule,
    parser: TsParser,
    inserter: TsInserter,
    /// Bytes of a packet that has not come whole yet.
    partial: Vec<u8>,
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
        Self {
            rule,
            ..Self::default()
        }
    }

    /// Takes the next bytes and says what they do.
    ///
    /// # Errors
    /// Bytes that are not a transport stream.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Step>, TsError> {
        let mut packets = std::mem::take(&mut self.partial);
        packets.extend_from_slice(bytes);
        self.partial = packets.split_off(packets.len() - packets.len() % PACKET);
        let infos = self.parser.parse(&packets)?;
        let mut steps = Vec::new();
        for (packet, info) in packets.chunks_exact(PACKET).zip(infos) {
            self.take_packet(packet, &info, &mut steps)?;
        }
        steps.extend(self.flush());
        Ok(steps)
    }

    /// Puts a tag at this point of the video.
    ///
    /// # Errors
    /// See [`TsInserter::write_tag`].
    pub fn insert(&mut self, text: String) -> Result<Vec<Step>, TsError> {
        self.waiting.push_back(text);
        self.write_waiting()?;
        Ok(self.flush().into_iter().collect())
    }

    /// Completes the last segment, when the stream has ended.
    pub fn finish(self) -> Vec<Step> {
        let mut steps = Vec::new();
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
    ) -> Result<(), TsError> {
        let Some(tables) = self.parser.tables() else {
            return Ok(());
        };
        if !tables.is_elementary(info.pid) {
            return Ok(()); // tables are written anew, everything else is not needed to play
        }
        let frame = (info.pid == tables.clock_pid())
            .then_some(info.pts)
            .flatten();
        if let Some(pts) = frame {
            self.at_frame(pts, info.random_access, steps)?;
        }
        if let Some(open) = &mut self.open {
            open.fresh.extend_from_slice(packet);
        }
        Ok(())
    }

    /// A frame of the clock stream begins: cut here if the rule says so.
    fn at_frame(
        &mut self,
        pts: u64,
        random_access: bool,
        steps: &mut Vec<Step>,
    ) -> Result<(), TsError> {
        let cut = match &self.open {
            None => random_access,
            Some(open) => {
                let played = ticks_between(open.first_pts, pts);
                let long_enough = played >= ticks(self.rule.at_least);
                let bytes = open.handed_out + open.fresh.len();
                (random_access && long_enough) || bytes >= self.rule.at_most_bytes
            }
        };
        if let Some(open) = &mut self.open {
            let step = ticks_between(open.last_pts, pts);
            // Frames come in decoding order: a step back is a reordered frame, not a wrap.
            if step < CLOCK_WRAP / 2 {
                self.frame = step;
                open.last_pts = pts;
            }
        }
        if !cut {
            return Ok(());
        }
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
        self.write_waiting()
    }

    fn write_waiting(&mut self) -> Result<(), TsError> {
        let (Some(open), Some(tables)) = (&mut self.open, self.parser.tables()) else {
            return Ok(());
        };
        while let Some(text) = self.waiting.pop_front() {
            let pts = after(self.last_tag_pts, open.last_pts);
            self.inserter
                .write_tag(tables, &text, pts, &mut open.fresh)?;
            self.last_tag_pts = Some(pts);
        }
        Ok(())
    }
}

/// The timestamp for a tag at `now`: two tags never share one, so that a player which keys its cues
/// by time keeps both.
fn after(last: Option<u64>, now: u64) -> u64 {
    match last.map(|last| (last, ticks_between(last, now))) {
        Some((last, ahead)) if ahead == 0 || ahead >= CLOCK_WRAP / 2 => {
            (last + TAG_SPACING) % CLOCK_WRAP
        }
        _ => now,
    }
}

/// How far the 33-bit clock runs from one timestamp to another.
fn ticks_between(from: u64, to: u64) -> u64 {
    (to + CLOCK_WRAP - from % CLOCK_WRAP) % CLOCK_WRAP
}

fn ticks(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).map_or(CLOCK_WRAP, |micros| micros * CLOCK_HZ / 1_000_000)
}
