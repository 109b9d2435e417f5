//! Finds timed metadata inside a piece of video, with readers that share nothing with its writer.

use std::io::Cursor;

use id3::Tag;
use mpeg2ts::{
    es::StreamId,
    pes::{PesPacketReader, ReadPesPacket},
    ts::TsPacketReader,
};

/// A cue in a piece of video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// Where in the video it is, in ticks of 90 kHz; absent when its packet does not say.
    pub pts: Option<u64>,
    /// What was pushed.
    pub text: String,
}

/// The texts of the ID3 tags in an MPEG-TS segment, in their order.
///
/// # Errors
/// When the segment is not MPEG-TS or a tag in it cannot be read.
pub fn in_segment(segment: &[u8]) -> anyhow::Result<Vec<String>> {
    let cues = placed_in_segment(segment)?;
    Ok(cues.into_iter().map(|cue| cue.text).collect())
}

/// The cues in an MPEG-TS segment, in their order.
///
/// # Errors
/// When the segment is not MPEG-TS or a tag in it cannot be read.
pub fn placed_in_segment(segment: &[u8]) -> anyhow::Result<Vec<Cue>> {
    let mut packets = PesPacketReader::new(TsPacketReader::new(Cursor::new(segment)));
    let mut tags = Vec::new();
    while let Some(packet) = packets.read_pes_packet()? {
        // Timed metadata is the only private stream in these segments.
        if packet.header.stream_id == StreamId::new(StreamId::PRIVATE_STREAM_1) {
            let tag = Tag::read_from2(Cursor::new(&packet.data))?;
            // The reader hands out what is left open at the end in no particular order.
            let pts = packet.header.pts.map(|pts| pts.as_u64());
            // A value may end with the terminator of its string (ID3v2.4, section 4.2).
            let texts = tag
                .extended_texts()
                .map(|text| text.value.trim_end_matches('\0'));
            tags.extend(texts.map(|text| Cue {
                pts,
                text: text.to_owned(),
            }));
        }
    }
    tags.sort_by_key(|cue| cue.pts);
    Ok(tags)
}
