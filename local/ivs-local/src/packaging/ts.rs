//! Adapter over the `mpeg2ts` crate: the only module that knows its types.
//!
//! It parses what the transcoder writes, and writes the two things the packager adds to a segment:
//! program tables that declare the metadata stream, and metadata PES packets. The byte layouts are
//! those of ISO/IEC 13818-1 and of Apple's "Timed Metadata for HTTP Live Streaming".

use std::io::{Cursor, Read};

use mpeg2ts::es::{StreamId, StreamType};
use mpeg2ts::pes::PesHeader;
use mpeg2ts::time::Timestamp;
use mpeg2ts::ts::payload::{Bytes as PayloadBytes, Pes, Pmt};
use mpeg2ts::ts::{
    ContinuityCounter, Descriptor, EsInfo, Pid, ReadTsPacket, TransportScramblingControl, TsHeader,
    TsPacket, TsPacketReader, TsPacketWriter, TsPayload, WriteTsPacket,
};

/// Bytes of one transport-stream packet.
pub const PACKET: usize = TsPacket::SIZE;
/// Ticks a second of presentation timestamps.
pub const CLOCK_HZ: u64 = 90_000;
/// Presentation timestamps have 33 bits and start again at zero after 26.5 hours.
pub const CLOCK_WRAP: u64 = 1 << 33;

/// `metadata_application_format`, `ID3 `, `metadata_format`, `ID3 `, service id 0.
const ID3_FORMAT: &[u8] = b"\xFF\xFFID3 \xFFID3 \x00";
const METADATA_POINTER_DESCRIPTOR: u8 = 0x25;
const METADATA_DESCRIPTOR: u8 = 0x26;
/// The metadata stream takes the first free PID from here on; ffmpeg numbers its own from 0x100.
const FIRST_METADATA_PID: u16 = 0x1F0;
/// PES header bytes before the payload: start code and length, flags, one timestamp.
const PES_HEADER: usize = 6 + 3 + 5;
/// The part of the header that the PES length field counts.
const PES_COUNTED_HEADER: usize = 3 + 5;

/// The transport stream cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("transport stream: {0}")]
pub struct TsError(String);

impl From<mpeg2ts::Error> for TsError {
    fn from(error: mpeg2ts::Error) -> Self {
        Self(error.to_string())
    }
}

/// The program tables of a stream, as they open every segment.
#[derive(Debug, Clone)]
pub struct Tables {
    /// Both packets as the transcoder wrote them: what a parser needs to know the PIDs.
    original: Vec<u8>,
    pat: [u8; PACKET],
    pmt: [u8; PACKET],
    elementary: Vec<u16>,
    clock: u16,
    metadata: Pid,
}

impl Tables {
    /// Whether `pid` carries audio or video of the program.
    pub fn is_elementary(&self, pid: u16) -> bool {
        self.elementary.contains(&pid)
    }

    /// The PID whose timestamps and random access points rule: video, else the program clock's.
    pub fn clock_pid(&self) -> u16 {
        self.clock
    }

    fn new(
        pat: [u8; PACKET],
        original_pmt: [u8; PACKET],
        pmt: Pmt,
        pid: Pid,
    ) -> Result<Self, TsError> {
        let elementary: Vec<u16> = pmt
            .es_info
            .iter()
            .map(|es| es.elementary_pid.as_u16())
            .collect();
        let video = pmt.es_info.iter().find(|es| is_video(es.stream_type));
        let clock = video
            .map(|es| es.elementary_pid)
            .or(pmt.pcr_pid)
            .ok_or_else(|| TsError("the program has neither video nor a clock".into()))?
            .as_u16();
        let metadata = (FIRST_METADATA_PID..Pid::NULL)
            .find(|candidate| *candidate != pid.as_u16() && !elementary.contains(candidate))
            .ok_or_else(|| TsError("no free PID for metadata".into()))
            .and_then(|free| Ok(Pid::new(free)?))?;
        Ok(Self {
            original: [pat, original_pmt].concat(),
            pat,
            pmt: table_packet(pid, declare_metadata(pmt, metadata))?,
            elementary,
            clock,
            metadata,
        })
    }
}

fn is_video(stream: StreamType) -> bool {
    matches!(
        stream,
        StreamType::H264 | StreamType::H265 | StreamType::Mpeg1Video | StreamType::Mpeg2Video
    )
}

/// Adds the metadata stream and its two descriptors to a program map.
fn declare_metadata(mut pmt: Pmt, pid: Pid) -> Pmt {
    let mut pointer = ID3_FORMAT.to_vec();
    pointer.push(0x1F); // locator record flag 0, carriage flags 0, reserved bits set
    pointer.extend_from_slice(&pmt.program_num.to_be_bytes());
    pmt.program_info.push(Descriptor {
        tag: METADATA_POINTER_DESCRIPTOR,
        data: pointer,
    });
    let mut descriptor = ID3_FORMAT.to_vec();
    descriptor.push(0x0F); // no decoder configuration, no DSM-CC, reserved bits set
    pmt.es_info.push(EsInfo {
        stream_type: StreamType::PacketizedMetadata,
        elementary_pid: pid,
        descriptors: vec![Descriptor {
            tag: METADATA_DESCRIPTOR,
            data: descriptor,
        }],
    });
    pmt
}

/// Writes a program map as one packet, stuffed behind the section.
///
/// The crate stuffs with an adaptation field, which is legal but which no muxer does for tables;
/// 0xFF behind the section is what every demuxer has seen.
fn table_packet(pid: Pid, pmt: Pmt) -> Result<[u8; PACKET], TsError> {
    let mut writer = TsPacketWriter::new(Vec::with_capacity(PACKET));
    writer.write_ts_packet(&packet(pid, 0, TsPayload::Pmt(pmt))?)?;
    let written = writer.into_stream();
    let payload = match (written[3] & 0x20 != 0, written[4]) {
        (true, length) => &written[5 + usize::from(length)..],
        (false, _) => &written[4..],
    };
    let mut stuffed = [0xFF; PACKET];
    stuffed[..3].copy_from_slice(&written[..3]);
    stuffed[3] = 0x10; // payload only, counter 0
    stuffed[4..4 + payload.len()].copy_from_slice(payload);
    Ok(stuffed)
}

fn packet(pid: Pid, counter: u8, payload: TsPayload) -> Result<TsPacket, TsError> {
    Ok(TsPacket {
        header: TsHeader {
            transport_error_indicator: false,
            transport_priority: false,
            pid,
            transport_scrambling_control: TransportScramblingControl::NotScrambled,
            continuity_counter: ContinuityCounter::from_u8(counter & ContinuityCounter::MAX)?,
        },
        adaptation_field: None,
        payload: Some(payload),
    })
}

/// What one packet of the transcoder's output is to the packager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketInfo {
    /// The packet's PID.
    pub pid: u16,
    /// Whether a decoder may start here.
    pub random_access: bool,
    /// The presentation timestamp, when a PES packet with one begins here.
    pub pts: Option<u64>,
}

/// Parses the transcoder's output packet by packet and keeps its program tables.
#[derive(Debug, Default)]
pub struct TsParser {
    pat: Option<[u8; PACKET]>,
    tables: Option<Tables>,
}

impl TsParser {
    /// The tables, once both have been seen.
    pub fn tables(&self) -> Option<&Tables> {
        self.tables.as_ref()
    }

    /// Parses whole packets; `packets` is a multiple of [`PACKET`] long.
    ///
    /// # Errors
    /// A packet that is not one of a transport stream's, or whose PID no table names.
    pub fn parse(&mut self, packets: &[u8]) -> Result<Vec<PacketInfo>, TsError> {
        // The crate's reader owns its input and its PID table, so each run begins with the tables.
        let prelude = match (&self.tables, &self.pat) {
            (Some(tables), _) => tables.original.clone(),
            (None, Some(pat)) => pat.to_vec(),
            (None, None) => Vec::new(),
        };
        let skip = prelude.len() / PACKET;
        let mut reader = TsPacketReader::new(Cursor::new(prelude).chain(packets));
        for _ in 0..skip {
            reader.read_ts_packet()?;
        }
        packets
            .as_chunks::<PACKET>()
            .0
            .iter()
            .map(|bytes| {
                let packet = reader
                    .read_ts_packet()?
                    .ok_or_else(|| TsError("ended inside a packet".into()))?;
                self.note(bytes, packet)
            })
            .collect()
    }

    fn note(&mut self, bytes: &[u8; PACKET], packet: TsPacket) -> Result<PacketInfo, TsError> {
        let pid = packet.header.pid;
        let mut pts = None;
        match packet.payload {
            Some(TsPayload::Pat(_)) => self.pat = Some(*bytes),
            Some(TsPayload::Pmt(pmt)) => {
                let pat = self
                    .pat
                    .ok_or_else(|| TsError("program map before the PAT".into()))?;
                self.tables = Some(Tables::new(pat, *bytes, pmt, pid)?);
            }
            Some(TsPayload::PesStart(pes)) => pts = pes.header.pts.map(|pts| pts.as_u64()),
            _ => {}
        }
        let random_access = packet
            .adaptation_field
            .is_some_and(|field| field.random_access_indicator);
        Ok(PacketInfo {
            pid: pid.as_u16(),
            random_access,
            pts,
        })
    }
}

/// Writes what the packager adds, with continuity counters that run on across segments.
#[derive(Debug, Default)]
pub struct TsInserter {
    pat_counter: u8,
    pmt_counter: u8,
    metadata_counter: u8,
}

impl TsInserter {
    /// Appends both tables to `out`: what every segment begins with.
    pub fn write_tables(&mut self, tables: &Tables, out: &mut Vec<u8>) {
        for (table, counter) in [
            (tables.pat, &mut self.pat_counter),
            (tables.pmt, &mut self.pmt_counter),
        ] {
            let mut table = table;
            table[3] = (table[3] & 0xF0) | *counter;
            *counter = (*counter + 1) & ContinuityCounter::MAX;
            out.extend_from_slice(&table);
        }
    }

    /// Appends one ID3 tag to `out` as one PES packet at `pts` (90 kHz, 33 bits).
    ///
    /// # Errors
    /// A tag that does not fit a PES packet (64 KB); none for the sizes that the API lets in.
    pub fn write_tag(
        &mut self,
        tables: &Tables,
        tag: &[u8],
        pts: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), TsError> {
        let length = u16::try_from(PES_COUNTED_HEADER + tag.len())
            .map_err(|_| TsError("a tag of more than 64 KB".into()))?;
        let (first, rest) = tag.split_at(tag.len().min(PayloadBytes::MAX_SIZE - PES_HEADER));
        let start = TsPayload::PesStart(Pes {
            header: PesHeader {
                stream_id: StreamId::new(StreamId::PRIVATE_STREAM_1),
                priority: false,
                data_alignment_indicator: true,
                copyright: false,
                original_or_copy: false,
                pts: Some(Timestamp::new(pts % CLOCK_WRAP)?),
                dts: None,
                escr: None,
            },
            pes_packet_len: length,
            data: PayloadBytes::new(first)?,
        });
        let mut writer = TsPacketWriter::new(Vec::new());
        self.write_metadata_packet(tables, start, &mut writer)?;
        for part in rest.chunks(PayloadBytes::MAX_SIZE) {
            let payload = TsPayload::PesContinuation(PayloadBytes::new(part)?);
            self.write_metadata_packet(tables, payload, &mut writer)?;
        }
        out.append(&mut writer.into_stream());
        Ok(())
    }

    fn write_metadata_packet(
        &mut self,
        tables: &Tables,
        payload: TsPayload,
        writer: &mut TsPacketWriter<Vec<u8>>,
    ) -> Result<(), TsError> {
        writer.write_ts_packet(&packet(tables.metadata, self.metadata_counter, payload)?)?;
        self.metadata_counter = (self.metadata_counter + 1) & ContinuityCounter::MAX;
        Ok(())
    }
}
