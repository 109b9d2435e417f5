//! FLV as the transcoder reads it: a header, then one tag per RTMP message.
//!
//! Layout after Adobe's "Video File Format Specification", version 10.1, annex E.

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

/// What the publisher said about its stream, as far as the transcoder needs it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Description {
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    pub(super) frame_rate: Option<f32>,
    pub(super) video_codec: Option<u32>,
    pub(super) audio_codec: Option<u32>,
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
    let mut data = vec![0x02];
    push_text(&mut data, "onMetaData");
    data.push(0x08);
    data.extend_from_slice(&(fields.len() as u32).to_be_bytes());
    for (name, value) in fields {
        push_text(&mut data, name);
        data.push(0x00);
        data.extend_from_slice(&value.to_be_bytes());
    }
    data.extend_from_slice(&[0, 0, 9]);
    tag(TagKind::Script, 0, &data)
}

fn push_text(data: &mut Vec<u8>, text: &str) {
    data.extend_from_slice(&(text.len() as u16).to_be_bytes());
    data.extend_from_slice(text.as_bytes());
}

/// What a video message says at its beginning.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Video {
    /// A configuration: the RFC 6381 name of the codec.
    Avc(String),
    /// A frame.
    Frame,
    /// Another codec than H.264.
    Foreign,
}

/// Looks at a video message's first bytes.
pub(super) fn video(data: &[u8]) -> Video {
    match data {
        // Frame type and codec; 0 for a sequence header; composition time; AVCDecoderConfigurationRecord.
        [kind, 0, _, _, _, 1, profile, constraints, level, ..] if kind & 0x8F == AVC => {
            Video::Avc(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"))
        }
        [kind, ..] if kind & 0x8F == AVC => Video::Frame,
        _ => Video::Foreign,
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
        assert_eq!(video(&[0x22, 0]), Video::Foreign, "Sorenson H.263");
        assert_eq!(video(&[0x97, 0]), Video::Foreign, "enhanced RTMP");
        assert_eq!(video(&[]), Video::Foreign);
    }
}
