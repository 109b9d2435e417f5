//! Renditions made here, below the publisher's own.

use std::fmt;
use std::str::FromStr;

/// Most renditions beside the source: each costs an encoder per stream.
pub const MOST: usize = 3;

/// A rendition's height in pixels, written like `360p`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lines(u32);

/// Not a height that can be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a rendition is an even number of lines from 90p to 1080p, like 360p")]
pub struct NotLines;

impl FromStr for Lines {
    type Err = NotLines;

    fn from_str(text: &str) -> Result<Self, NotLines> {
        let number = text.strip_suffix('p').ok_or(NotLines)?;
        let lines: u32 = number.parse().map_err(|_| NotLines)?;
        match lines {
            // Chroma has half the lines, so that an odd number cannot be encoded.
            90..=1_080 if lines.is_multiple_of(2) => Ok(Self(lines)),
            _ => Err(NotLines),
        }
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}p", self.0)
    }
}

impl Lines {
    /// The number of lines.
    pub fn get(self) -> u32 {
        self.0
    }

    /// Width and height of this rendition of a source: its shape, with an even width, as ffmpeg's
    /// `scale=-2:LINES` makes it. `None` if the source is no larger.
    pub fn of(self, (width, height): (u32, u32)) -> Option<(u32, u32)> {
        if height <= self.0 {
            return None;
        }
        let (width, height) = (u64::from(width), u64::from(height));
        let half = (width * u64::from(self.0) + height) / (2 * height);
        Some((u32::try_from(2 * half).ok()?, self.0))
    }

    /// The H.264 level that is asked for: enough for 30 frames a second.
    pub(super) fn level(self) -> &'static str {
        match self.0 {
            ..=720 => "3.1",
            _ => "4.1",
        }
    }

    /// RFC 6381 name of the video that the encoder makes: constrained baseline at that level.
    pub fn codec(self) -> &'static str {
        match self.0 {
            ..=720 => "avc1.42c01f",
            _ => "avc1.42c029",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_are_read_as_they_are_written() {
        for text in ["90p", "360p", "1080p"] {
            assert_eq!(text.parse::<Lines>().unwrap().to_string(), text);
        }
        for wrong in ["", "p", "360", "361p", "88p", "1082p", "-360p", "360P"] {
            assert_eq!(wrong.parse::<Lines>(), Err(NotLines), "{wrong}");
        }
    }

    #[test]
    fn a_rendition_keeps_the_sources_shape_and_is_smaller() {
        let lines = Lines(180);
        assert_eq!(lines.of((640, 360)), Some((320, 180)));
        assert_eq!(lines.of((854, 480)), Some((320, 180)));
        assert_eq!(lines.of((1080, 1920)), Some((102, 180)));
        assert_eq!(lines.of((320, 180)), None);
    }
}
