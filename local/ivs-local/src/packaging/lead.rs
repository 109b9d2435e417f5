//! Who decides where segments begin and tags are: a rule, or the source that is followed.

use std::collections::VecDeque;
use std::time::Duration;

use super::clock::reached;

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

/// Something that was done at a point of the source, given by its timestamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// A segment began with this frame.
    Cut(u64),
    /// A tag was written.
    Tag(u64, String),
}

/// Who decides where segments begin and tags are.
#[derive(Debug)]
pub(super) enum Lead {
    /// This one, by a rule.
    Own(CutRule),
    /// The source.
    Source {
        /// What is to be done, in order.
        marks: VecDeque<Mark>,
        /// How far the source has got; nothing is waited for once it has ended.
        until: Until,
    },
}

/// How far the source has got.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    Nothing,
    Pts(u64),
    End,
}

impl Lead {
    /// A source of which nothing is known yet.
    pub(super) fn source() -> Self {
        Self::Source {
            marks: VecDeque::new(),
            until: Until::Nothing,
        }
    }

    /// Takes over what the source has done, up to its newest frame.
    pub(super) fn follow(&mut self, done: &[Mark], newest: Option<u64>) {
        if let Self::Source { marks, until } = self {
            marks.extend(done.iter().cloned());
            if let Some(pts) = newest {
                *until = Until::Pts(pts);
            }
        }
    }

    /// Nothing is waited for from here on.
    pub(super) fn source_ended(&mut self) {
        if let Self::Source { until, .. } = self {
            *until = Until::End;
        }
    }

    /// Whether the source has not got to this frame.
    pub(super) fn must_wait(&self, pts: u64) -> bool {
        match self {
            Self::Own(_)
            | Self::Source {
                until: Until::End, ..
            } => false,
            Self::Source {
                until: Until::Nothing,
                ..
            } => true,
            Self::Source {
                until: Until::Pts(newest),
                ..
            } => !reached(pts, *newest),
        }
    }

    /// What the source has done and was not asked for.
    pub(super) fn rest(&mut self) -> Vec<Mark> {
        match self {
            Self::Own(_) => Vec::new(),
            Self::Source { marks, .. } => std::mem::take(marks).into(),
        }
    }

    /// The next mark, if it is due at this frame: it, or a cut behind it, has been reached.
    pub(super) fn next_mark(&mut self, pts: u64) -> Option<Mark> {
        let Self::Source { marks, .. } = self else {
            return None;
        };
        let due = |mark: &Mark| match mark {
            Mark::Cut(at) | Mark::Tag(at, _) => reached(*at, pts),
        };
        let cut_behind = |mark: &Mark| matches!(mark, Mark::Cut(_)) && due(mark);
        if due(marks.front()?) || marks.iter().any(cut_behind) {
            return marks.pop_front();
        }
        None
    }
}
