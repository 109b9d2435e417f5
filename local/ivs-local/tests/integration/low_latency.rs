//! The low-latency path: segments that are played while they are written.

use std::time::{Duration, Instant};

use aws_sdk_ivs::types::{Channel, ChannelLatencyMode};
use ivs_local::packaging::id3;
use reqwest::Response;
use tokio::time::{Interval, MissedTickBehavior};

use crate::support::{PATIENCE, Server, Viewer, cues};

/// Key frames, and so segments, four seconds apart.
const LONG_SEGMENTS: &[&str] = &["-g", "100", "-c:a", "aac"];

/// The numbers that a media playlist announces, with the address that they are asked for under.
async fn announced(media_playlist: &str) -> Vec<(u64, String)> {
    let answer = reqwest::get(media_playlist).await.unwrap();
    assert_eq!(answer.status(), 200);
    let base = answer.url().clone();
    let text = answer.text().await.unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("#EXT-X-PREFETCH:"))
        .map(|uri| {
            let (_, file) = uri.rsplit_once('/').unwrap();
            let number = file.strip_suffix(".ts").unwrap().parse().unwrap();
            (number, base.join(uri).unwrap().to_string())
        })
        .collect()
}

/// A player that reads segments as they are announced, and says when it had which bytes.
struct LowLatencyViewer {
    media_playlist: String,
    next: u64,
    current: Option<Response>,
    /// Whole segments; the last one may still grow.
    segments: Vec<(u64, Vec<u8>)>,
}

impl LowLatencyViewer {
    /// Starts at the segment that is being written.
    async fn start(playback_url: &str) -> Self {
        let viewer = Viewer::start(playback_url).await;
        let media_playlist = viewer.media_playlist().to_owned();
        let next = announced(&media_playlist).await[0].0;
        Self {
            media_playlist,
            next,
            current: None,
            segments: Vec::new(),
        }
    }

    fn address(&self, number: u64) -> String {
        self.media_playlist
            .replace("/playlist/", "/segment/")
            .replace(".m3u8", &format!("/{number}.ts"))
    }

    /// Takes the next bytes, of whichever segment; an error is one of the transfer.
    async fn step(&mut self) -> Result<(), reqwest::Error> {
        let Some(current) = &mut self.current else {
            let answer = reqwest::get(self.address(self.next)).await?;
            self.current = Some(answer.error_for_status()?);
            self.segments.push((self.next, Vec::new()));
            self.next += 1;
            return Ok(());
        };
        match current.chunk().await? {
            Some(bytes) => self
                .segments
                .last_mut()
                .unwrap()
                .1
                .extend_from_slice(&bytes),
            None => self.current = None,
        }
        Ok(())
    }

    async fn read_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let reading = async {
            while !done(self) {
                self.step().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .unwrap_or_else(|_| panic!("waited too long for {what}"));
    }

    /// Whether the newest bytes hold a tag, which is short enough for one packet.
    fn has(&self, text: &str) -> bool {
        let bytes = &self.segments.last().unwrap().1;
        let tag = id3::encode(text);
        bytes.windows(tag.len()).any(|part| part == tag)
    }
}

async fn channel(server: &Server, mode: ChannelLatencyMode) -> (Channel, String) {
    let create = server.ivs.create_channel().latency_mode(mode);
    let created = create.send().await.unwrap();
    (
        created.channel.unwrap(),
        created.stream_key.unwrap().value.unwrap(),
    )
}

/// As often as tags may be put, also when one was late.
fn pace() -> Interval {
    let mut ticks = tokio::time::interval(Duration::from_millis(210));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[tokio::test]
async fn a_tag_is_there_before_its_segment_is_complete() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let _publisher = server.publish(&key);
    server.live(&channel).await;
    let mut viewer = LowLatencyViewer::start(channel.playback_url().unwrap()).await;
    viewer.step().await.unwrap();
    let (mut delays, mut ticks) = (Vec::new(), pace());
    for number in 0..30 {
        let text = format!("tag {number}");
        ticks.tick().await;
        let put = Instant::now();
        server.put(&channel, &text).await;
        viewer.read_until(&text, |viewer| viewer.has(&text)).await;
        delays.push(put.elapsed());
    }
    delays.sort_unstable();
    println!(
        "from PutMetadata to the bytes in a player: p50 {:?}, max {:?}",
        delays[delays.len() / 2],
        delays[delays.len() - 1]
    );
    // Each tag was put after the one before it had been read. Waiting for whole segments, the player
    // would have needed one for each.
    assert!(viewer.segments.len() < 15, "{}", viewer.segments.len());
    server.stop().await;
}

#[tokio::test]
async fn a_segment_read_while_it_grows_has_the_bytes_that_it_has_later() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let _publisher = server.publish(&key);
    server.live(&channel).await;
    let mut viewer = LowLatencyViewer::start(channel.playback_url().unwrap()).await;
    for number in 0..3 {
        server.put(&channel, &format!("tag {number}")).await;
        let have = viewer.segments.len();
        viewer
            .read_until("a segment", |viewer| viewer.segments.len() > have)
            .await;
    }
    viewer.segments.pop();
    assert!(viewer.segments.len() >= 2);
    for (number, bytes) in &viewer.segments {
        let answer = reqwest::get(viewer.address(*number)).await.unwrap();
        assert_eq!(answer.content_length(), Some(bytes.len() as u64));
        assert_eq!(answer.bytes().await.unwrap(), bytes, "segment {number}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_next_segment_is_waited_for_and_begins_with_the_tables() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let _publisher = server.publish(&key);
    server.live(&channel).await;
    let viewer = Viewer::start(channel.playback_url().unwrap()).await;
    let announced = announced(viewer.media_playlist()).await;
    let [(open, _), (next, address)] = &announced[..] else {
        panic!("{announced:?}")
    };
    assert_eq!(open + 1, *next);
    let mut answer = reqwest::get(address).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "video/mp2t");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert_eq!(answer.content_length(), None, "it is sent as it grows");
    let mut begin = Vec::new();
    while begin.len() < 2 * 188 {
        begin.extend_from_slice(&answer.chunk().await.unwrap().unwrap());
    }
    assert_eq!((begin[0], begin[188]), (0x47, 0x47));
    assert!(
        begin[188..2 * 188].windows(4).any(|part| part == b"ID3 "),
        "the program map declares the metadata"
    );
    let unannounced = address.replace(&format!("/{next}.ts"), &format!("/{}.ts", next + 50));
    assert_eq!(reqwest::get(&unannounced).await.unwrap().status(), 404);
    server.stop().await;
}

#[tokio::test]
async fn a_channel_of_normal_latency_announces_nothing() {
    let server = Server::start().await;
    let (channel, key) = channel(&server, ChannelLatencyMode::NormalLatency).await;
    let _publisher = server.publish(&key);
    server.live(&channel).await;
    let mut viewer = Viewer::start(channel.playback_url().unwrap()).await;
    assert_eq!(announced(viewer.media_playlist()).await, []);
    server.put(&channel, "a tag").await;
    viewer
        .watch_until("the tag", |viewer| viewer.cues().len() == 1)
        .await;
    server.stop().await;
}

#[tokio::test]
async fn a_stream_that_ends_ends_the_open_segment_and_no_one_waits_for_another() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let mut publisher = server.publish_with(&key, LONG_SEGMENTS);
    server.live(&channel).await;
    let mut viewer = LowLatencyViewer::start(channel.playback_url().unwrap()).await;
    server.put(&channel, "the end").await;
    viewer
        .read_until("the open segment", |viewer| {
            viewer
                .segments
                .last()
                .is_some_and(|(_, bytes)| !bytes.is_empty())
        })
        .await;
    let next = tokio::spawn(reqwest::get(viewer.address(viewer.next)));
    publisher.kill().await;
    viewer
        .read_until("its end", |viewer| viewer.current.is_none())
        .await;
    assert!(viewer.has("the end"));
    let next = tokio::time::timeout(PATIENCE, next).await.unwrap();
    assert_eq!(next.unwrap().unwrap().status(), 404);
    assert_eq!(announced(&viewer.media_playlist).await, []);
    server.stop().await;
}

#[tokio::test]
async fn a_revoked_viewer_is_cut_off_inside_a_segment() {
    let show = crate::playback::Show::start_with(LONG_SEGMENTS).await;
    let url = |id: &str| show.url(&show.token(serde_json::json!({ "aws:viewer-id": id })));
    let (one, two) = (url("one"), url("two"));
    let (mut revoked, mut untouched) =
        tokio::join!(LowLatencyViewer::start(&one), LowLatencyViewer::start(&two));
    for viewer in [&mut revoked, &mut untouched] {
        viewer
            .read_until("a segment's beginning", |viewer| {
                viewer.current.is_some() && !viewer.segments[0].1.is_empty()
            })
            .await;
    }
    show.revoke("one", 0).await;
    let cut_off = tokio::time::timeout(PATIENCE, async { while revoked.step().await.is_ok() {} });
    cut_off.await.expect("it was read to its end");
    let (number, bytes) = revoked.segments.last().unwrap();
    untouched
        .read_until("the whole segment", |viewer| viewer.next > number + 1)
        .await;
    let (_, whole) =
        &untouched.segments[usize::try_from(number - untouched.segments[0].0).unwrap()];
    assert!(bytes.len() < whole.len() && whole.starts_with(bytes));
    let refused = reqwest::get(revoked.address(*number)).await.unwrap();
    assert_eq!(refused.status(), 403);
    show.server.stop().await;
}

/// Five tags a second over many segments, read by players of both kinds.
#[tokio::test]
async fn players_of_both_kinds_have_the_same_tags_at_the_same_point() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let _publisher = server.publish(&key);
    server.live(&channel).await;
    let url = channel.playback_url().unwrap();
    let mut plain = Viewer::start(url).await;
    let mut low_latency = LowLatencyViewer::start(url).await;
    let seconds: u64 = std::env::var("CUEPOINT_TAG_SECONDS")
        .map_or(8, |seconds| seconds.parse().expect("whole seconds"));
    let put: Vec<String> = (0..seconds * 5)
        .map(|number| format!("tag {number}"))
        .collect();
    let last = put.last().unwrap();
    let putting = async {
        let mut ticks = pace();
        for text in &put {
            ticks.tick().await;
            server.put(&channel, text).await;
        }
    };
    let reading = async {
        while !low_latency
            .segments
            .last()
            .is_some_and(|_| low_latency.has(last))
        {
            low_latency.step().await.unwrap();
        }
        // To the end of this segment, and one more: a doubled tag would come late.
        let end = low_latency.next + 1;
        while low_latency.next < end || low_latency.current.is_some() {
            low_latency.step().await.unwrap();
        }
    };
    let watching = async {
        while !plain.cues().iter().any(|(_, text)| text == last) {
            plain.read().await.unwrap();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    };
    let all = async { tokio::join!(putting, reading, watching) };
    let patience = PATIENCE + Duration::from_secs(seconds);
    tokio::time::timeout(patience, all)
        .await
        .expect("every tag");

    let texts: Vec<String> = plain.cues().into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, put);
    let mut texts = Vec::new();
    for (number, bytes) in &low_latency.segments {
        texts.extend(cues(bytes));
        if let Some(same) = plain.segments.get(number) {
            assert!(same == bytes, "segment {number} differs");
        }
    }
    assert_eq!(texts, put);
    server.stop().await;
}
