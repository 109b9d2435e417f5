//! FLV as the transcoder reads it: a header, then one tag per RTMP message.
//!
//! Layout after Adobe's "Video File Format Specification", version 10.1, annex E.

use super::amf;
use crate::history::Ingest;

/// Longest name of a publishing program that is kept, in characters.
pub(super) const ENCODER: usize = 128;
/// The video codec id of AVC (H.264).
pub(super) const AVC: u8 = 7;

/// Kinds of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum TagKind {
    /// Audio.
    Audio = 8,
    /// Video.
    Video = 9,
    /// `onMetaData` and the like.
    Script = 18,
}

/// What the publisher said about its stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Description {
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    pub(super) frame_rate: Option<f32>,
    pub(super) video_codec: Option<u32>,
    /// In bits a second, as the audio's.
    pub(super) video_bitrate: Option<u32>,
    pub(super) audio_codec: Option<u32>,
    pub(super) audio_bitrate: Option<u32>,
    pub(super) sample_rate: Option<u32>,
    pub(super) audio_channels: Option<u32>,
    pub(super) encoder: Option<String>,
}

impl Description {
    /// Whether the publisher has said that there is audio only.
    pub(super) fn is_without_video(&self) -> bool {
        self.audio_codec.is_some() && self.video_codec.is_none() && self.width.is_none()
    }

    /// Puts what was said into a session's record. The codecs come with the video and the audio.
    pub(super) fn fill(&self, ingest: &mut Ingest) {
        ingest.resolution = self.width.zip(self.height);
        ingest.frame_rate = self.frame_rate;
        ingest.video_bitrate = self.video_bitrate;
        ingest.audio_bitrate = self.audio_bitrate;
        ingest.sample_rate = self.sample_rate;
        ingest.audio_channels = self.audio_channels;
        ingest.encoder.clone_from(&self.encoder);
    }
}

/// The file header with the first back pointer. Streams are declared as they will come, since the
/// demuxer waits for every stream that is declared.
pub(super) fn header(audio: bool) -> Vec<u8> {
    let flags = if audio { 0b101 } else { 0b001 };
    vec![b'F', b'L', b'V', 1, flags, 0, 0, 0, 9, 0, 0, 0, 0]
}

/// One tag with its back pointer. `timestamp` is in milliseconds; `data` has at most 16 MB, which
/// RTMP's own length field keeps to.
pub(super) fn tag(kind: TagKind, timestamp: u32, data: &[u8]) -> Vec<u8> {
    let length = data.len() as u32;
    let mut tag = Vec::with_capacity(data.len() + 15);
    tag.push(kind as u8);
    tag.extend_from_slice(&length.to_be_bytes()[1..]);
    // The low 24 bits, then the high byte.
    let [high, low @ ..] = timestamp.to_be_bytes();
    tag.extend_from_slice(&low);
    tag.push(high);
    tag.extend_from_slice(&[0, 0, 0]);
    tag.extend_from_slice(data);
    tag.extend_from_slice(&(length + 11).to_be_bytes());
    tag
}

/// An `onMetaData` script tag: AMF0, a string and an ECMA array of numbers.
pub(super) fn metadata(description: &Description) -> Vec<u8> {
    let fields: Vec<(&str, f64)> = [
        ("width", description.width.map(f64::from)),
        ("height", description.height.map(f64::from)),
        ("framerate", description.frame_rate.map(f64::from)),
        ("videocodecid", description.video_codec.map(f64::from)),
        ("audiocodecid", description.audio_codec.map(f64::from)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect();
    let mut data = Vec::new();
    amf::push_string(&mut data, "onMetaData");
    data.push(amf::ECMA_ARRAY);
    data.extend_from_slice(&(fields.len() as u32).to_be_bytes());
    for (name, value) in fields {
        amf::push_name(&mut data, name);
        amf::push_number(&mut data, value);
    }
    data.extend_from_slice(&amf::END);
    tag(TagKind::Script, 0, &data)
}

/// What a video message says at its beginning.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Video {
    /// A configuration: the RFC 6381 name of the codec.
    Avc(String),
    /// A frame.
    Frame,
    /// Another codec than H.264: its name.
    Foreign(String),
}

/// Looks at a video message's first bytes.
pub(super) fn video(data: &[u8]) -> Video {
    match data {
        // Frame type and codec; 0 for a sequence header; composition time; AVCDecoderConfigurationRecord.
        [kind, 0, _, _, _, 1, profile, constraints, level, ..] if kind & 0x8F == AVC => {
            Video::Avc(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"))
        }
        [kind, ..] if kind & 0x8F == AVC => Video::Frame,
        // "Enhanced RTMP" (Veovera Software Organization): a four-character code follows.
        [kind, a, b, c, d, ..] if kind & 0x80 != 0 => Video::Foreign(four_cc([*a, *b, *c, *d])),
        [kind, ..] => Video::Foreign(match kind & 0x0F {
            2 => "Sorenson H.263".into(),
            3 | 6 => "Screen Video".into(),
            4 | 5 => "VP6".into(),
            id => format!("of codec {id}"),
        }),
        [] => Video::Foreign("empty".into()),
    }
}

/// The codec of an audio message, as RFC 6381 names it, where that is known.
pub(super) fn audio(data: &[u8]) -> Option<String> {
    let name = match data {
        // A configuration: AudioSpecificConfig begins with five bits of object type.
        [kind, 0, config, ..] if kind >> 4 == 10 => {
            return Some(format!("mp4a.40.{}", config >> 3));
        }
        [kind, a, b, c, d, ..] if kind >> 4 == 9 => return Some(four_cc([*a, *b, *c, *d])),
        [kind, ..] => match kind >> 4 {
            10 => return None,
            0 | 3 => "pcm",
            1 => "adpcm",
            2 | 14 => "mp3",
            4..=6 => "nellymoser",
            7 => "alaw",
            8 => "ulaw",
            11 => "speex",
            _ => "unknown",
        },
        [] => return None,
    };
    Some(name.to_owned())
}

fn four_cc(code: [u8; 4]) -> String {
    let shown = code.map(|byte| {
        if byte.is_ascii_graphic() {
            char::from(byte)
        } else {
            '?'
        }
    });
    match &code {
        b"hvc1" => "HEVC (hvc1)".into(),
        b"av01" => "AV1 (av01)".into(),
        b"vp09" => "VP9 (vp09)".into(),
        _ => String::from_iter(shown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_the_high_byte_of_its_time_last() {
        let bytes = tag(TagKind::Video, 0x0102_0304, b"ab");
        assert_eq!(
            bytes,
            [9, 0, 0, 2, 2, 3, 4, 1, 0, 0, 0, b'a', b'b', 0, 0, 0, 13]
        );
    }

    #[test]
    fn metadata_holds_only_what_is_known() {
        let bytes = metadata(&Description {
            width: Some(640),
            ..Description::default()
        });
        let body = [
            b"\x02\x00\x0AonMetaData\x08\x00\x00\x00\x01\x00\x05width\x00".as_slice(),
            &640f64.to_be_bytes(),
            &[0, 0, 9],
        ]
        .concat();
        assert_eq!(bytes, tag(TagKind::Script, 0, &body));
    }

    #[test]
    fn video_messages_are_told_apart() {
        let configuration = [0x17, 0, 0, 0, 0, 1, 0x42, 0xC0, 0x1E, 0xFF];
        assert_eq!(video(&configuration), Video::Avc("avc1.42c01e".into()));
        assert_eq!(video(&[0x27, 1, 0, 0, 0]), Video::Frame);
        let foreign = |data: &[u8]| match video(data) {
            Video::Foreign(name) => name,
            other => panic!("{other:?}"),
        };
        assert_eq!(foreign(&[0x22, 0]), "Sorenson H.263");
        assert_eq!(foreign(b"\x90hvc1"), "HEVC (hvc1)");
        assert_eq!(foreign(b"\x90\0\x1Bxy"), "??xy");
        assert_eq!(foreign(&[0x97, 0]), "of codec 7");
        assert_eq!(foreign(&[]), "empty");
    }

    #[test]
    fn audio_messages_name_their_codec() {
        assert_eq!(audio(&[0xAF, 0, 0x12, 0x10]).as_deref(), Some("mp4a.40.2"));
        assert_eq!(audio(&[0xAF, 1, 0x12, 0x10]), None);
        assert_eq!(audio(&[0x2F, 0xFF]).as_deref(), Some("mp3"));
        assert_eq!(audio(b"\x90Opus\x01").as_deref(), Some("Opus"));
        assert_eq!(audio(&[]), None);
    }
}
