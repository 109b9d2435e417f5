//! Video from a publisher to viewers, with cues in it.

use std::collections::BTreeSet;
use std::time::Duration;

use mpeg2ts::es::StreamType;
use mpeg2ts::ts::{ReadTsPacket, TsPacketReader, TsPayload};

use crate::support::{Server, Viewer};

#[tokio::test]
async fn cues_reach_every_viewer_once_in_order_at_the_same_segment() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let _publisher = server.publish(&key);
    server.live(&channel).await;
    let url = channel.playback_url().unwrap();
    let (mut one, mut other) = (Viewer::start(url).await, Viewer::start(url).await);
    let mut put = Vec::new();
    for number in 0..20 {
        let text = format!(r#"{{"n":{number},"text":"{}"}}"#, "ü".repeat(25 * number));
        server.put(&channel, &text).await;
        put.push(text);
        tokio::time::sleep(Duration::from_millis(210)).await;
    }
    for viewer in [&mut one, &mut other] {
        viewer
            .watch_until("the cues", |viewer| viewer.cues().len() >= put.len())
            .await;
        // Two more segments: a doubled cue would come late.
        let have = viewer.segments.len();
        viewer
            .watch_until("more video", |viewer| viewer.segments.len() >= have + 2)
            .await;
    }
    let texts: Vec<String> = one.cues().into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, put);
    assert_eq!(one.cues(), other.cues());
    let segments: BTreeSet<u64> = one.cues().into_iter().map(|(number, _)| number).collect();
    assert!(
        segments.len() > 1,
        "the cues were spread over segments: {segments:?}"
    );
    server.stop().await;
}

#[tokio::test]
async fn segments_last_a_second_and_follow_without_gaps() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let _publisher = server.publish(&key);
    server.live(&channel).await;
    let mut viewer = Viewer::start(channel.playback_url().unwrap()).await;
    viewer
        .watch_until("five segments", |viewer| viewer.segments.len() >= 5)
        .await;
    let text = reqwest::get(viewer.media_playlist())
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let (_, playlist) = m3u8_rs::parse_media_playlist(&text).unwrap();
    assert!(
        playlist
            .segments
            .iter()
            .all(|segment| (0.9..1.1).contains(&segment.duration)),
        "{playlist:?}"
    );
    assert_eq!(playlist.target_duration, 1);
    let numbers: Vec<u64> = viewer.segments.keys().copied().collect();
    assert_eq!(
        numbers,
        (numbers[0]..numbers[0] + numbers.len() as u64).collect::<Vec<_>>()
    );
    server.stop().await;
}

#[tokio::test]
async fn mp3_audio_becomes_aac() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let _publisher = server.publish_with(&key, &["-c:a", "libmp3lame", "-ar", "44100"]);
    server.live(&channel).await;
    let mut viewer = Viewer::start(channel.playback_url().unwrap()).await;
    viewer
        .watch_until("a segment", |viewer| !viewer.segments.is_empty())
        .await;
    assert_eq!(
        streams(viewer.segments.values().next().unwrap()),
        [
            StreamType::H264,
            StreamType::AdtsAac,
            StreamType::PacketizedMetadata
        ]
    );
    server.stop().await;
}

#[tokio::test]
async fn video_without_audio_plays() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let _publisher = server.publish_with(&key, &["-map", "0:v"]);
    server.live(&channel).await;
    let mut viewer = Viewer::start(channel.playback_url().unwrap()).await;
    viewer
        .watch_until("a segment", |viewer| !viewer.segments.is_empty())
        .await;
    assert_eq!(
        streams(viewer.segments.values().next().unwrap()),
        [StreamType::H264, StreamType::PacketizedMetadata]
    );
    server.stop().await;
}

#[tokio::test]
async fn the_last_cues_of_a_stream_are_in_its_last_segment() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let mut publisher = server.publish(&key);
    server.live(&channel).await;
    let mut viewer = Viewer::start(channel.playback_url().unwrap()).await;
    server.put(&channel, "the end").await;
    publisher.kill().await;
    let mut ended = false;
    for _ in 0..100 {
        ended = viewer.read().await.unwrap();
        if ended {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(ended, "the playlist says that the stream has ended");
    let texts: Vec<String> = viewer.cues().into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["the end"]);
    server.stop().await;
}

/// What a segment's program map declares, in order.
pub(crate) fn streams(segment: &[u8]) -> Vec<StreamType> {
    let mut reader = TsPacketReader::new(segment);
    loop {
        let packet = reader.read_ts_packet().unwrap().expect("a program map");
        if let Some(TsPayload::Pmt(pmt)) = packet.payload {
            return pmt.es_info.iter().map(|es| es.stream_type).collect();
        }
    }
}
