//! Segments read back with `mpeg2ts`: tables, tags and frames, for streams and tags of any rhythm.

use std::time::Duration;

use mpeg2ts::es::{StreamId, StreamType};
use mpeg2ts::pes::{PesHeader, PesPacketReader, ReadPesPacket};
use mpeg2ts::time::Timestamp;
use mpeg2ts::ts::payload::{Bytes as PayloadBytes, Pat, Pes, Pmt};
use mpeg2ts::ts::{
    AdaptationField, ContinuityCounter, EsInfo, Pid, ProgramAssociation, ReadTsPacket,
    TransportScramblingControl, TsHeader, TsPacket, TsPacketReader, TsPacketWriter, TsPayload,
    VersionNumber, WriteTsPacket,
};
use proptest::prelude::*;

use super::id3;
use super::segmenter::{CutRule, Segmenter, SegmenterError, Step};
use super::ts::{CLOCK_WRAP, PACKET};

const PMT_PID: u16 = 0x1000;
const VIDEO: u16 = 0x100;
const AUDIO: u16 = 0x101;
const METADATA: u16 = 0x1F0;
/// 25 frames a second.
const FRAME: u64 = 3_600;

/// A transport stream as a transcoder writes it.
struct Source {
    writer: TsPacketWriter<Vec<u8>>,
    counters: std::collections::HashMap<u16, ContinuityCounter>,
}

impl Source {
    fn new() -> Self {
        let mut source = Self {
            writer: TsPacketWriter::new(Vec::new()),
            counters: Default::default(),
        };
        source.write_tables();
        source
    }

    fn write_tables(&mut self) {
        let pat = Pat {
            transport_stream_id: 1,
            version_number: VersionNumber::new(),
            table: vec![ProgramAssociation {
                program_num: 1,
                program_map_pid: Pid::new(PMT_PID).unwrap(),
            }],
        };
        let es = |stream_type, pid| EsInfo {
            stream_type,
            elementary_pid: Pid::new(pid).unwrap(),
            descriptors: vec![],
        };
        let pmt = Pmt {
            program_num: 1,
            pcr_pid: Some(Pid::new(VIDEO).unwrap()),
            version_number: VersionNumber::new(),
            program_info: vec![],
            es_info: vec![es(StreamType::H264, VIDEO), es(StreamType::AdtsAac, AUDIO)],
        };
        self.write(Pid::PAT, None, TsPayload::Pat(pat));
        self.write(PMT_PID, None, TsPayload::Pmt(pmt));
    }

    fn write(&mut self, pid: u16, adaptation_field: Option<AdaptationField>, payload: TsPayload) {
        let counter = self.counters.entry(pid).or_default();
        let header = TsHeader {
            transport_error_indicator: false,
            transport_priority: false,
            pid: Pid::new(pid).unwrap(),
            transport_scrambling_control: TransportScramblingControl::NotScrambled,
            continuity_counter: *counter,
        };
        counter.increment();
        self.writer
            .write_ts_packet(&TsPacket {
                header,
                adaptation_field,
                payload: Some(payload),
            })
            .unwrap();
    }

    fn frame(&mut self, pid: u16, pts: u64, key: bool, marker: u32) {
        let random_access = AdaptationField {
            discontinuity_indicator: false,
            random_access_indicator: true,
            es_priority_indicator: false,
            pcr: None,
            opcr: None,
            splice_countdown: None,
            transport_private_data: vec![],
            extension: None,
        };
        let kind = if pid == VIDEO {
            StreamId::VIDEO_MIN
        } else {
            StreamId::AUDIO_MIN
        };
        let pes = Pes {
            header: PesHeader {
                stream_id: StreamId::new(kind),
                priority: false,
                data_alignment_indicator: true,
                copyright: false,
                original_or_copy: false,
                pts: Some(Timestamp::new(pts % CLOCK_WRAP).unwrap()),
                dts: None,
                escr: None,
            },
            pes_packet_len: 0,
            data: PayloadBytes::new(&marker.to_be_bytes()).unwrap(),
        };
        self.write(pid, key.then_some(random_access), TsPayload::PesStart(pes));
        self.write(
            pid,
            None,
            TsPayload::PesContinuation(PayloadBytes::new(&[7; 100]).unwrap()),
        );
    }

    /// `seconds` of video from `start` on with a key frame every `gop` frames, and audio.
    fn seconds(seconds: u64, gop: u64, start: u64) -> Vec<u8> {
        let mut source = Self::new();
        for number in 0..seconds * 25 {
            if number % 10 == 0 {
                source.write_tables();
            }
            let pts = start + number * FRAME;
            source.frame(VIDEO, pts, number % gop == 0, number as u32);
            source.frame(AUDIO, pts, false, number as u32);
        }
        source.writer.into_stream()
    }
}

/// A segment as its readers have it in the end.
#[derive(Default)]
struct Segment {
    duration: Duration,
    data: Vec<u8>,
}

/// The segments that steps make. All but the last are complete; an open one has no duration yet.
fn segments(steps: impl IntoIterator<Item = Step>) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for step in steps {
        match step {
            Step::Begin => segments.push(Segment::default()),
            Step::Append(bytes) => segments.last_mut().unwrap().data.extend_from_slice(&bytes),
            Step::End(duration) => segments.last_mut().unwrap().duration = duration,
        }
    }
    segments
}

fn cut_all(bytes: &[u8]) -> Vec<Segment> {
    let mut segmenter = Segmenter::new(CutRule::default());
    let mut steps = segmenter.push(bytes).unwrap();
    steps.extend(segmenter.finish());
    segments(steps)
}

/// All PES packets of one PID in a segment: timestamp and payload.
fn pes_of(segment: &Segment, stream_id: u8) -> Vec<(u64, Vec<u8>)> {
    let mut reader = PesPacketReader::new(TsPacketReader::new(&segment.data[..]));
    let mut found = Vec::new();
    while let Some(packet) = reader.read_pes_packet().unwrap() {
        if packet.header.stream_id.as_u8() == stream_id {
            found.push((packet.header.pts.unwrap().as_u64(), packet.data));
        }
    }
    found
}

fn tags_of(segment: &Segment) -> Vec<(u64, String)> {
    let mut pes = pes_of(segment, StreamId::PRIVATE_STREAM_1).into_iter();
    let (_, first) = pes.next().unwrap();
    assert_eq!(first, id3::marker(), "what every segment begins with");
    pes.map(|(pts, data)| (pts, id3::decode(&data).unwrap()))
        .collect()
}

fn packets_of(segment: &Segment) -> Vec<TsPacket> {
    let mut reader = TsPacketReader::new(&segment.data[..]);
    std::iter::from_fn(|| reader.read_ts_packet().unwrap()).collect()
}

/// Continuity counters of one PID over segments in order.
fn counters(segments: &[Segment], pid: u16) -> Vec<u8> {
    let packets = segments.iter().flat_map(packets_of);
    packets
        .filter(|packet| packet.header.pid.as_u16() == pid)
        .map(|packet| packet.header.continuity_counter.as_u8())
        .collect()
}

fn assert_continuous(segments: &[Segment], pid: u16) {
    let counters = counters(segments, pid);
    assert!(!counters.is_empty(), "nothing on PID {pid:#x}");
    for (index, counter) in counters.iter().enumerate() {
        assert_eq!(
            usize::from(*counter),
            (usize::from(counters[0]) + index) % 16,
            "PID {pid:#x}"
        );
    }
}

#[test]
fn every_segment_begins_with_both_tables_a_marker_and_a_key_frame() {
    let segments = cut_all(&Source::seconds(5, 25, 0));
    assert_eq!(segments.len(), 5);
    for segment in &segments {
        assert_eq!(segment.duration, Duration::from_secs(1));
        let packets = packets_of(segment);
        assert!(matches!(packets[0].payload, Some(TsPayload::Pat(_))));
        assert!(matches!(packets[1].payload, Some(TsPayload::Pmt(_))));
        let marker = &segment.data[2 * PACKET..3 * PACKET];
        assert!(marker.windows(4).any(|part| part == b"PRIV"));
        assert!(
            packets[3]
                .adaptation_field
                .as_ref()
                .unwrap()
                .random_access_indicator
        );
    }
    assert_continuous(&segments, Pid::PAT);
    assert_continuous(&segments, PMT_PID);
}

#[test]
fn the_program_map_declares_the_metadata_in_every_segment_also_without_tags() {
    for segment in cut_all(&Source::seconds(3, 25, 0)) {
        let packets = packets_of(&segment);
        let Some(TsPayload::Pmt(pmt)) = &packets[1].payload else {
            panic!("no program map")
        };
        assert_eq!(pmt.program_info[0].tag, 0x25);
        assert_eq!(
            pmt.program_info[0].data,
            b"\xFF\xFFID3 \xFFID3 \x00\x1F\x00\x01"
        );
        let [video, audio, metadata] = &pmt.es_info[..] else {
            panic!("{pmt:?}")
        };
        assert_eq!(
            (video.stream_type, video.elementary_pid.as_u16()),
            (StreamType::H264, VIDEO)
        );
        assert_eq!(
            (audio.stream_type, audio.elementary_pid.as_u16()),
            (StreamType::AdtsAac, AUDIO)
        );
        assert_eq!(
            (metadata.stream_type as u8, metadata.elementary_pid.as_u16()),
            (0x15, METADATA)
        );
        assert_eq!(metadata.descriptors[0].tag, 0x26);
        assert_eq!(
            metadata.descriptors[0].data,
            b"\xFF\xFFID3 \xFFID3 \x00\x0F"
        );
    }
}

#[test]
fn tables_are_stuffed_behind_the_section() {
    let segment = &cut_all(&Source::seconds(1, 25, 0))[0];
    let pmt = &segment.data[PACKET..2 * PACKET];
    assert_eq!(pmt[3] & 0x30, 0x10, "payload only, no adaptation field");
    assert_eq!(pmt[PACKET - 1], 0xFF);
}

#[test]
fn a_long_gop_makes_long_segments_and_a_short_one_does_not_make_short_ones() {
    let durations = |gop| -> Vec<u64> {
        cut_all(&Source::seconds(8, gop, 0))
            .iter()
            .map(|segment| segment.duration.as_secs())
            .collect()
    };
    assert_eq!(durations(100), [4, 4]);
    assert_eq!(durations(5), [1; 8]);
}

#[test]
fn without_key_frames_a_segment_still_ends() {
    let rule = CutRule {
        at_most_bytes: 40 * PACKET,
        ..CutRule::default()
    };
    let mut segmenter = Segmenter::new(rule);
    let segments = segments(segmenter.push(&Source::seconds(10, 10_000, 0)).unwrap());
    assert!(segments.len() > 10, "{}", segments.len());
    assert!(
        segments
            .iter()
            .all(|segment| segment.data.len() <= 45 * PACKET)
    );
}

#[test]
fn a_tag_of_the_full_size_keeps_every_byte() {
    let mut segmenter = Segmenter::new(CutRule::default());
    let text = "é".repeat(512);
    segmenter.insert(text.clone()).unwrap();
    let segments = segments(segmenter.push(&Source::seconds(3, 25, 0)).unwrap());
    // A millisecond behind the marker that begins the segment.
    assert_eq!(tags_of(&segments[0]), [(90, text)]);
    assert_eq!(tags_of(&segments[1]), []);
}

#[test]
fn tags_after_the_last_frame_are_in_the_last_segment() {
    let mut segmenter = Segmenter::new(CutRule::default());
    let mut steps = segmenter.push(&Source::seconds(2, 25, 0)).unwrap();
    steps.extend(segmenter.insert("late".into()).unwrap());
    steps.extend(segmenter.finish());
    let last = segments(steps).pop().unwrap();
    assert_eq!(tags_of(&last), [(49 * FRAME, "late".to_owned())]);
    assert_eq!(last.duration, Duration::from_secs(1));
}

#[test]
fn a_tag_is_in_the_open_segment_at_once() {
    let mut segmenter = Segmenter::new(CutRule::default());
    segmenter.push(&Source::seconds(1, 25, 0)).unwrap();
    let steps = segmenter.insert("now".into()).unwrap();
    let [Step::Append(bytes)] = &steps[..] else {
        panic!("{steps:?}")
    };
    assert_eq!(bytes.len() % PACKET, 0);
    assert!(bytes.windows(3).any(|part| part == b"now"));
}

#[test]
fn what_is_no_transport_stream_is_an_error() {
    assert!(
        Segmenter::new(CutRule::default())
            .push(&[0; 1_000])
            .is_err()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the rhythm of tags, frames, reads and clock: each tag is in one segment, in order,
    /// at a time of its own inside the segment; and no audio or video is lost, doubled or moved.
    #[test]
    fn tags_are_neither_lost_nor_doubled_nor_swapped(
        gop in 3u64..60,
        reads in prop::collection::vec(1usize..5_000, 1..40),
        tag_at in prop::collection::vec((0usize..40, 1usize..1_000), 0..30),
        start in prop_oneof![Just(0), Just(CLOCK_WRAP - 100_000), 0..CLOCK_WRAP],
    ) {
        let source = Source::seconds(4, gop, start);
        let mut segmenter = Segmenter::new(CutRule::default());
        let mut steps = Vec::new();
        let mut put = Vec::new();
        let mut rest = &source[..];
        for (turn, read) in reads.iter().chain([&usize::MAX]).enumerate() {
            let (now, later) = rest.split_at(rest.len().min(*read));
            rest = later;
            steps.extend(segmenter.push(now).unwrap());
            for (index, (_, length)) in tag_at.iter().enumerate().filter(|(_, (at, _))| *at == turn) {
                let text = format!("{index}:{}", "x".repeat(*length));
                steps.extend(segmenter.insert(text.clone()).unwrap());
                put.push(text);
            }
        }
        steps.extend(segmenter.finish());
        let segments = segments(steps);

        let found: Vec<(u64, String)> = segments.iter().flat_map(tags_of).collect();
        let texts: Vec<&String> = found.iter().map(|(_, text)| text).collect();
        prop_assert_eq!(texts, put.iter().collect::<Vec<_>>());
        let times: Vec<u64> = found.iter().map(|(pts, _)| (pts + CLOCK_WRAP - start) % CLOCK_WRAP).collect();
        prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", times);
        prop_assert!(times.iter().all(|time| *time < 5 * 90_000), "{:?}", times);
        if !found.is_empty() {
            assert_continuous(&segments, METADATA);
        }
        for (pid, kind) in [(VIDEO, StreamId::VIDEO_MIN), (AUDIO, StreamId::AUDIO_MIN)] {
            let frames = segments.iter().flat_map(|segment| {
                let mut frames = pes_of(segment, kind);
                frames.sort_by_key(|(_, data)| data[..4].to_vec());
                frames
            });
            let markers: Vec<u32> = frames.map(|(_, data)| u32::from_be_bytes(data[..4].try_into().unwrap())).collect();
            prop_assert_eq!(markers, (0..100).collect::<Vec<u32>>());
            assert_continuous(&segments, pid);
        }
        let total: Duration = segments.iter().map(|segment| segment.duration).sum();
        prop_assert!(total.abs_diff(Duration::from_secs(4)) < Duration::from_millis(2), "{:?}", total);
    }
}

/// The frames of the stream that rules in a segment, and its tags.
fn outline(segment: &Segment) -> (Duration, Vec<u64>, Vec<(u64, String)>) {
    let video = pes_of(segment, StreamId::VIDEO_MIN);
    let mut frames: Vec<u64> = video.into_iter().map(|(pts, _)| pts).collect();
    frames.sort_unstable();
    (segment.duration, frames, tags_of(segment))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However late or early a rendition's packets come, its segments have the source's numbers,
    /// lengths, frames and tags.
    #[test]
    fn a_rendition_keeps_in_step_with_the_source(
        turns in prop::collection::vec((any::<bool>(), 1usize..40_000, any::<bool>()), 1..40),
    ) {
        let stream = Source::seconds(4, 25, 0);
        let (mut source, mut other) = (Segmenter::new(CutRule::default()), Segmenter::following());
        let (mut source_steps, mut other_steps) = (Vec::new(), Vec::new());
        let (mut source_rest, mut other_rest) = (&stream[..], &stream[..]);
        let last = [(true, usize::MAX, true), (false, usize::MAX, false)];
        for (number, (is_source, read, tag)) in turns.into_iter().chain(last).enumerate() {
            let rest = if is_source { &mut source_rest } else { &mut other_rest };
            let (now, later) = rest.split_at(rest.len().min(read));
            *rest = later;
            if is_source {
                source_steps.extend(source.push(now).unwrap());
            } else {
                other_steps.extend(other.push(now).unwrap());
            }
            if tag {
                source_steps.extend(source.insert(format!("tag {number}")).unwrap());
            }
            let (marks, newest) = source.take_marks();
            other_steps.extend(other.follow(&marks, newest).unwrap());
        }
        source_steps.extend(source.finish());
        other_steps.extend(other.source_ended().unwrap());
        other_steps.extend(other.finish());
        let expected: Vec<_> = segments(source_steps).iter().map(outline).collect();
        let found: Vec<_> = segments(other_steps).iter().map(outline).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_rendition_without_the_sources_key_frames_is_refused() {
    let (mut source, mut other) = (Segmenter::new(CutRule::default()), Segmenter::following());
    source.push(&Source::seconds(4, 25, 0)).unwrap();
    let (marks, newest) = source.take_marks();
    other.follow(&marks, newest).unwrap();
    let refused = other.push(&Source::seconds(4, 60, 0));
    assert!(
        matches!(refused, Err(SegmenterError::Misaligned)),
        "{refused:?}"
    );
}
