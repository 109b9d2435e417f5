//! Publishers: who is let in, and how a stream ends.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mpeg2ts::es::StreamType;
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::broadcast::streams;
use crate::support::{PATIENCE, Server, Viewer, wait};

#[tokio::test]
async fn a_wrong_key_is_refused_and_the_publisher_fails() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    for wrong in [
        "sk_us-east-1_wrong",
        &key[..key.len() - 1],
        &format!("{key}x"),
    ] {
        let start = Instant::now();
        let exit = server.publish(wrong).exit().await;
        assert!(!exit.success(), "{exit}");
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{:?}",
            start.elapsed()
        );
    }
    assert!(!server.is_live(&channel).await);
    server.stop().await;
}

#[tokio::test]
async fn a_deleted_key_opens_nothing() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let listed = server
        .ivs
        .list_stream_keys()
        .channel_arn(channel.arn().unwrap())
        .send()
        .await
        .unwrap();
    server
        .ivs
        .delete_stream_key()
        .arn(listed.stream_keys()[0].arn().unwrap())
        .send()
        .await
        .unwrap();
    assert!(!server.publish(&key).exit().await.success());
    server.stop().await;
}

#[tokio::test]
async fn a_second_publisher_is_refused_and_the_first_goes_on() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let mut first = server.publish(&key);
    server.live(&channel).await;
    let exit = server.publish(&key).exit().await;
    assert!(!exit.success(), "{exit}");
    assert!(first.is_running());
    assert!(server.is_live(&channel).await);
    let deleted = server
        .ivs
        .delete_channel()
        .arn(channel.arn().unwrap())
        .send()
        .await
        .unwrap_err();
    assert!(deleted.into_service_error().is_conflict_exception());
    server.stop().await;
}

#[tokio::test]
async fn a_killed_publisher_ends_the_stream_and_the_next_one_works_at_once() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let stream_id = async || {
        let stream = server
            .ivs
            .get_stream()
            .channel_arn(channel.arn().unwrap())
            .send()
            .await
            .unwrap();
        stream.stream.unwrap().stream_id.unwrap()
    };
    let mut publisher = server.publish(&key);
    server.live(&channel).await;
    let first = stream_id().await;
    assert_eq!(first.len(), 26);
    publisher.kill().await;
    let killed = Instant::now();
    wait("the stream to end", async || {
        !server.is_live(&channel).await
    })
    .await;
    assert!(
        killed.elapsed() < Duration::from_secs(2),
        "{:?}",
        killed.elapsed()
    );
    let _again = server.publish(&key);
    server.live(&channel).await;
    assert_ne!(stream_id().await, first);
    server.stop().await;
}

#[tokio::test]
async fn a_frozen_publisher_ends_the_stream_in_seconds() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let mut publisher = server.publish(&key);
    server.live(&channel).await;
    publisher.signal(Signal::STOP);
    let frozen = Instant::now();
    wait("the stream to end", async || {
        !server.is_live(&channel).await
    })
    .await;
    assert!(
        frozen.elapsed() < Duration::from_secs(9),
        "{:?}",
        frozen.elapsed()
    );
    publisher.kill().await;
    server.stop().await;
}

/// It would keep a place that a publisher may need.
#[tokio::test]
async fn a_connection_that_trickles_and_never_publishes_is_closed() {
    let server = Server::start().await;
    let (mut answers, mut requests) = TcpStream::connect(server.rtmp).await.unwrap().into_split();
    let trickle = tokio::spawn(async move {
        // A handshake that would take three quarters of an hour.
        requests.write_all(&[3]).await.unwrap();
        while requests.write_all(&[0]).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    });
    let closed = async {
        let mut answer = [0; 4096];
        while answers
            .read(&mut answer)
            .await
            .is_ok_and(|length| length > 0)
        {}
    };
    let in_time = tokio::time::timeout(PATIENCE, closed).await;
    assert!(in_time.is_ok(), "it is still open");
    trickle.abort();
    server.stop().await;
}

/// What the tutorial's script makes ffmpeg do, with a made-up picture for its file.
const TUTORIAL: &str = "-re -f lavfi -i testsrc=size=1920x1080:rate=30 \
    -f lavfi -i sine=frequency=440:sample_rate=44100 \
    -c:v libx264 -preset veryfast -maxrate 1984k -bufsize 3968k -pix_fmt yuv420p -g 60 \
    -c:a libmp3lame -b:a 96k -ar 44100";

#[tokio::test]
async fn the_tutorials_own_command_line_works() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let _publisher = server.publish_as(&key, TUTORIAL);
    server.live(&channel).await;
    server.put(&channel, "a question").await;
    let mut viewer = Viewer::start(channel.playback_url().unwrap()).await;
    viewer
        .watch_until("the cue", |viewer| !viewer.cues().is_empty())
        .await;
    let session = server.ivs.get_stream_session();
    let session = session.channel_arn(channel.arn().unwrap()).send().await;
    let ingest = session
        .unwrap()
        .stream_session
        .unwrap()
        .ingest_configuration
        .unwrap();
    let (video, audio) = (ingest.video.unwrap(), ingest.audio.unwrap());
    assert_eq!((video.video_width, video.video_height), (1920, 1080));
    assert_eq!(audio.codec(), Some("mp3"));
    server.stop().await;
}

#[tokio::test]
async fn audio_in_other_codecs_becomes_aac() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    for (codec, known_as) in [
        ("pcm_s16le -ar 44100", "pcm"),
        ("adpcm_swf -ar 22050", "adpcm"),
        ("libopus -ar 48000", "Opus"),
        ("flac -ar 44100", "fLaC"),
        ("ac3 -ar 48000", "ac-3"),
    ] {
        let audio: Vec<&str> = ["-c:a"].into_iter().chain(codec.split(' ')).collect();
        let mut publisher = server.publish_with(&key, &audio);
        server.live(&channel).await;
        let mut viewer = Viewer::start(channel.playback_url().unwrap()).await;
        viewer
            .watch_until("a segment", |viewer| !viewer.segments.is_empty())
            .await;
        let segment = viewer.segments.values().next().unwrap();
        assert!(streams(segment).contains(&StreamType::AdtsAac), "{codec}");
        let session = server.ivs.get_stream_session();
        let session = session.channel_arn(channel.arn().unwrap()).send().await;
        let ingest = session
            .unwrap()
            .stream_session
            .unwrap()
            .ingest_configuration;
        assert_eq!(ingest.unwrap().audio.unwrap().codec(), Some(known_as));
        publisher.kill().await;
        wait("the stream to end", async || {
            !server.is_live(&channel).await
        })
        .await;
    }
    server.stop().await;
}

#[tokio::test]
async fn other_video_than_h264_is_refused_and_the_publisher_is_told() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let picture = "-re -f lavfi -i testsrc=size=320x180:rate=25";
    let sound = "-re -f lavfi -i sine=sample_rate=44100";
    for (arguments, why) in [
        (
            format!("{picture} -c:v flv1"),
            "the video is Sorenson H.263, and only H.264 is taken",
        ),
        (
            format!("{picture} -c:v libvpx-vp9 -deadline realtime"),
            "the video is VP9 (vp09)",
        ),
        (format!("{sound} -c:a aac"), "there is no video"),
    ] {
        let (success, complaint) = server.publish_as(&key, &arguments).outcome().await;
        assert!(!success, "{arguments}");
        assert!(complaint.contains(why), "{arguments}: {complaint}");
        assert!(!server.is_live(&channel).await);
    }
    // The channel is free for a proper publisher.
    let _publisher = server.publish(&key);
    server.live(&channel).await;
    server.stop().await;
}

#[tokio::test]
async fn hostile_rtmp_ends_its_own_connection_only() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let _publisher = server.publish(&key);
    server.live(&channel).await;
    // An AMF0 command of 12,000 arrays, one inside the other: it overflows a stack, in under 64 KB.
    let nested = [0x0A, 0, 0, 0, 1].repeat(12_000);
    let huge = message(20, &nested);
    // `@setDataFrame` with nothing behind it.
    let bare = message(18, b"\x02\x00\x0D@setDataFrame");
    for input in [huge, bare, vec![0xFF; 4_096], message(1, &[0; 4])] {
        let mut socket = shake_hands(server.rtmp).await;
        // The server may have closed before everything is written.
        let _ = socket.write_all(&input).await;
        let _ = socket.shutdown().await;
        let mut rest = Vec::new();
        let closed = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "the connection was not closed");
    }
    assert!(server.is_live(&channel).await);
    server.put(&channel, "still here").await;
    server.stop().await;
}

/// A connection that has got as far as RTMP messages.
pub(crate) async fn shake_hands(rtmp: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(rtmp).await.unwrap();
    let mut handshake = Handshake::new(PeerType::Client);
    socket
        .write_all(&handshake.generate_outbound_p0_and_p1().unwrap())
        .await
        .unwrap();
    let mut buffer = [0; 4_096];
    loop {
        let length = socket.read(&mut buffer).await.unwrap();
        assert!(length > 0, "closed during the handshake");
        match handshake.process_bytes(&buffer[..length]).unwrap() {
            HandshakeProcessResult::InProgress { response_bytes } => {
                socket.write_all(&response_bytes).await.unwrap();
            }
            HandshakeProcessResult::Completed { response_bytes, .. } => {
                socket.write_all(&response_bytes).await.unwrap();
                return socket;
            }
        }
    }
}

/// One RTMP message in chunks of 128 bytes.
fn message(type_id: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![3, 0, 0, 0];
    bytes.extend_from_slice(&(data.len() as u32).to_be_bytes()[1..]);
    bytes.push(type_id);
    bytes.extend_from_slice(&[0; 4]);
    for (index, chunk) in data.chunks(128).enumerate() {
        bytes.extend((index > 0).then_some(0xC3));
        bytes.extend_from_slice(chunk);
    }
    bytes
}
