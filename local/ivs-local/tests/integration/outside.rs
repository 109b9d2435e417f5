//! What ffmpeg's own demuxer makes of a watched stream: its streams, its times and its cues.
//!
//! ffprobe would say the same, being made of the same libraries; the ffmpeg that is installed comes
//! without it.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use ivs_local::packaging::id3;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::{Server, Viewer, ffmpeg};

/// One packet that ffmpeg's demuxer found, its times in seconds.
struct Packet {
    stream: usize,
    dts: f64,
    pts: f64,
}

/// Runs ffmpeg over a transport stream: what it wrote and what it said.
async fn demux(stream: &[u8], streams: &str, arguments: &[&str]) -> (Vec<u8>, String) {
    let mut child = Command::new(ffmpeg())
        .args(["-hide_banner", "-nostdin", "-copyts", "-f", "mpegts"])
        .args(["-i", "pipe:0", "-map", streams, "-c", "copy"])
        .args(arguments)
        .arg("pipe:1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let (written, output) = tokio::join!(
        async move {
            input.write_all(stream).await?;
            input.shutdown().await
        },
        child.wait_with_output()
    );
    written.unwrap();
    let output = output.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    (output.stdout, said)
}

/// Packets in the order in which they come, from ffmpeg's `framecrc` listing.
async fn packets(stream: &[u8]) -> Vec<Packet> {
    let (listing, warnings) = demux(stream, "0", &["-loglevel", "warning", "-f", "framecrc"]).await;
    assert_eq!(warnings, "", "ffmpeg finds something odd");
    let listing = String::from_utf8(listing).unwrap();
    let mut ticks: BTreeMap<usize, f64> = BTreeMap::new();
    let mut packets = Vec::new();
    for line in listing.lines() {
        if let Some(base) = line.strip_prefix("#tb ") {
            let (stream, base) = base.split_once(": ").unwrap();
            let (numerator, denominator) = base.split_once('/').unwrap();
            let tick = numerator.parse::<f64>().unwrap() / denominator.parse::<f64>().unwrap();
            ticks.insert(stream.parse().unwrap(), tick);
        } else if !line.starts_with('#') {
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            let stream = fields[0].parse().unwrap();
            let time = |field: &str| field.parse::<f64>().unwrap() * ticks[&stream];
            packets.push(Packet {
                stream,
                dts: time(fields[1]),
                pts: time(fields[2]),
            });
        }
    }
    packets
}

#[tokio::test]
async fn ffmpeg_finds_the_metadata_and_no_discontinuity() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let _publisher = server.publish_with(&key, &["-bf", "2", "-c:a", "aac"]);
    server.live(&channel).await;
    let mut viewer = Viewer::start(channel.playback_url().unwrap()).await;
    viewer
        .watch_until("a segment", |viewer| !viewer.segments.is_empty())
        .await;
    let mut put = Vec::new();
    for number in 0..25 {
        let text = format!("{number} {}", "ü".repeat(20 * number));
        server.put(&channel, &text).await;
        put.push(text);
        tokio::time::sleep(Duration::from_millis(220)).await;
    }
    viewer
        .watch_until("the cues and more video", |viewer| {
            let cues = viewer.cues();
            let last = cues.last().map_or(0, |(number, _)| *number);
            cues.len() == put.len() && viewer.segments.contains_key(&(last + 1))
        })
        .await;
    let stream: Vec<u8> = viewer.segments.values().flatten().copied().collect();

    let (_, said) = demux(&stream, "0", &["-f", "null"]).await;
    let streams: Vec<&str> = said
        .lines()
        .take_while(|line| !line.starts_with("Stream mapping"))
        .filter(|line| line.contains("Stream #0:"))
        .collect();
    let [video, audio, metadata] = &streams[..] else {
        panic!("{said}")
    };
    assert!(video.contains("Video: h264"), "{video}");
    assert!(audio.contains("Audio: aac (LC)"), "{audio}");
    assert!(metadata.contains("Data: timed_id3"), "{metadata}");

    let packets = packets(&stream).await;
    let of = |stream: usize| packets.iter().filter(move |packet| packet.stream == stream);
    for (stream, longest_step) in [(0, 0.041), (1, 0.030), (2, f64::MAX)] {
        let times: Vec<f64> = of(stream).map(|packet| packet.dts).collect();
        for pair in times.windows(2) {
            let step = pair[1] - pair[0];
            assert!(
                step > 0.0 && step < longest_step,
                "stream {stream}: {pair:?}"
            );
        }
    }
    assert_eq!(of(2).count(), put.len() + viewer.segments.len());
    // A cue is where the video was when it came: at the newest frame before it in the stream.
    let mut newest: f64 = 0.0;
    for packet in &packets {
        match packet.stream {
            0 => newest = newest.max(packet.pts),
            2 => assert!(
                (packet.pts - newest).abs() < 0.2,
                "a cue at {} beside a frame at {newest}",
                packet.pts
            ),
            _ => {}
        }
    }

    let (tags, _) = demux(&stream, "0:d", &["-f", "data"]).await;
    let mut rest = &tags[..];
    let mut cues = put.iter().map(|text| id3::encode(text)).peekable();
    let mut markers = 0;
    while !rest.is_empty() {
        let cue = cues.next_if(|cue| rest.starts_with(cue));
        markers += usize::from(cue.is_none());
        let next = cue.unwrap_or_else(id3::marker);
        rest = rest
            .strip_prefix(&next[..])
            .expect("the cues as they were put, in order");
    }
    assert_eq!(cues.count(), 0, "all cues are there");
    assert_eq!(markers, viewer.segments.len(), "and one marker a segment");
    server.stop().await;
}
