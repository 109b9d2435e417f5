//! Timed-metadata tags: the text of one cue as an ID3v2.4 tag with one `TXXX` frame, and the marker
//! that begins a segment.
//!
//! Layout after the ID3v2.4.0 structure document (sections 3.1, 4 and 6.2) and Apple's "Timed
//! Metadata for HTTP Live Streaming"; the frame is the one Amazon IVS players turn into a text cue.

/// Bytes of an ID3v2 tag header, and also of a frame header.
const HEADER: usize = 10;
/// Text encoding byte for UTF-8 (ID3v2.4 only).
const UTF_8: u8 = 3;
/// Owner of the marker's private frame.
const MARKER_OWNER: &[u8] = b"ivs-local.segment\0";

/// Encodes `text` as a whole ID3v2.4 tag: one `TXXX` frame with an empty description.
///
/// Sizes are syncsafe, so a tag can carry up to 256 MiB; callers pass at most 1,024 bytes.
pub fn encode(text: &str) -> Vec<u8> {
    // encoding, empty description and its NUL, the text and its NUL
    tag(b"TXXX", &[&[UTF_8, 0], text.as_bytes(), &[0]])
}

/// The tag that every segment begins with: one private frame, which is no cue to any player.
///
/// The IVS player waits for something on every stream that the program map names before it starts,
/// so without this it would not start until the first cue came.
pub fn marker() -> Vec<u8> {
    tag(b"PRIV", &[MARKER_OWNER])
}

/// A whole tag with one frame.
fn tag(frame: &[u8; 4], body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let mut tag = Vec::with_capacity(2 * HEADER + body.len());
    tag.extend_from_slice(b"ID3");
    tag.extend_from_slice(&[4, 0, 0]); // version 2.4.0, no flags
    tag.extend_from_slice(&syncsafe(HEADER + body.len()));
    tag.extend_from_slice(frame);
    tag.extend_from_slice(&syncsafe(body.len()));
    tag.extend_from_slice(&[0, 0]); // no frame flags
    tag.extend_from_slice(&body);
    tag
}

/// Reads the text back out of a tag that [`encode`] wrote; `None` for anything else.
pub fn decode(tag: &[u8]) -> Option<String> {
    let (header, frame) = tag.split_at_checked(HEADER)?;
    if !header.starts_with(b"ID3\x04") || from_syncsafe(&header[6..])? != frame.len() {
        return None;
    }
    let (frame_header, body) = frame.split_at_checked(HEADER)?;
    if !frame_header.starts_with(b"TXXX") || from_syncsafe(&frame_header[4..8])? != body.len() {
        return None;
    }
    let text = body.strip_prefix(&[UTF_8, 0])?.strip_suffix(&[0])?;
    String::from_utf8(text.to_vec()).ok()
}

/// A size in four bytes of seven bits each.
fn syncsafe(size: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| ((size >> shift) & 0x7F) as u8)
}

fn from_syncsafe(bytes: &[u8]) -> Option<usize> {
    let bytes: [u8; 4] = bytes.try_into().ok()?;
    bytes.iter().try_fold(0usize, |size, byte| {
        (byte & 0x80 == 0).then(|| (size << 7) | usize::from(*byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_text_has_exactly_the_bytes_of_the_format() {
        let expected = [
            b"ID3\x04\x00\x00\x00\x00\x00\x0F".as_slice(),
            b"TXXX\x00\x00\x00\x05\x00\x00",
            b"\x03\x00hi\x00",
        ]
        .concat();
        assert_eq!(encode("hi"), expected);
    }

    #[test]
    fn sizes_above_127_are_syncsafe() {
        let tag = encode(&"x".repeat(200));
        // The frame body is 203 bytes: 1 * 128 + 75.
        assert_eq!(&tag[14..18], &[0, 0, 1, 75]);
        // The tag without its header is 213 bytes: 1 * 128 + 85.
        assert_eq!(&tag[6..10], &[0, 0, 1, 85]);
    }

    #[test]
    fn a_marker_is_no_cue() {
        assert_eq!(&marker()[..14], b"ID3\x04\x00\x00\x00\x00\x00\x1CPRIV");
        assert_eq!(decode(&marker()), None);
    }

    #[test]
    fn foreign_bytes_are_not_a_tag() {
        assert_eq!(decode(b""), None);
        assert_eq!(decode(b"ID3\x04"), None);
        let mut cut = encode("hello");
        cut.pop();
        assert_eq!(decode(&cut), None);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "\\PC{0,1024}") {
            prop_assert_eq!(decode(&encode(&text)), Some(text));
        }
    }
}
