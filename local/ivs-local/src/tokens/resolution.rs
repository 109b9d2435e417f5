//! The cap that a token may put on the video's resolution.

use serde::Deserialize;

/// What `aws:maximum-resolution` may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum MaximumResolution {
    /// 480 lines.
    #[serde(rename = "SD")]
    Sd,
    /// 720 lines.
    #[serde(rename = "HD")]
    Hd,
    /// 1,080 lines.
    #[serde(rename = "FULL_HD")]
    FullHd,
}

impl MaximumResolution {
    /// Whether a rendition of this width and height, in pixels, may be seen. The shorter side
    /// counts, so that an upright picture is treated as one that lies. One that is unknown may not.
    pub fn allows(self, resolution: Option<(u32, u32)>) -> bool {
        let lines = match self {
            Self::Sd => 480,
            Self::Hd => 720,
            Self::FullHd => 1_080,
        };
        resolution.is_some_and(|(width, height)| width.min(height) <= lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_side_is_capped() {
        for (cap, most, above) in [
            (MaximumResolution::Sd, (852, 480), (854, 481)),
            (MaximumResolution::Hd, (1_280, 720), (1_280, 721)),
            (MaximumResolution::FullHd, (1_920, 1_080), (1_920, 1_082)),
        ] {
            assert!(cap.allows(Some(most)));
            assert!(cap.allows(Some((most.1, most.0))));
            assert!(!cap.allows(Some(above)));
            assert!(!cap.allows(None));
        }
    }
}
