//! Renditions beside the source: what they are, who may see them, and that they keep in step.

use ivs_local::packaging::ladder::Lines;
use serde_json::json;

use crate::playback::Show;
use crate::support::{Viewer, config, cues};

async fn show() -> Show {
    let mut config = config();
    config.renditions = ["360p", "720p", "160p"]
        .map(|lines| lines.parse::<Lines>().unwrap())
        .to_vec();
    let source = ["-s", "960x540", "-bf", "2", "-c:a", "libmp3lame"];
    Show::start_configured(config, &source).await
}

/// The resolutions that a multivariant playlist offers.
async fn offered(url: &str) -> Vec<(u64, u64)> {
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.status(), 200);
    let text = answer.bytes().await.unwrap();
    let (_, playlist) = m3u8_rs::parse_master_playlist(&text).unwrap();
    let variants = playlist.variants.iter();
    let resolutions = variants.map(|variant| {
        assert!(variant.bandwidth > 10_000, "{variant:?}");
        let codecs = variant.codecs.as_deref().unwrap();
        assert!(codecs.starts_with("avc1."), "{codecs}");
        assert!(codecs.ends_with(",mp4a.40.2"), "{codecs}");
        variant.resolution.unwrap()
    });
    resolutions
        .map(|resolution| (resolution.width, resolution.height))
        .collect()
}

#[tokio::test]
async fn a_capped_viewer_gets_only_what_is_within_the_cap() {
    let show = show().await;
    let (source, upper, lower) = ((960, 540), (640, 360), (284, 160));
    let all = vec![source, upper, lower];
    assert_eq!(offered(&show.url(&show.token(json!({})))).await, all);
    for (cap, expected) in [
        ("FULL_HD", all.clone()),
        ("HD", all),
        ("SD", vec![upper, lower]),
    ] {
        let url = show.url(&show.token(json!({ "aws:maximum-resolution": cap })));
        assert_eq!(offered(&url).await, expected, "{cap}");
    }
    let capped = show.url(&show.token(json!({ "aws:maximum-resolution": "SD" })));
    let mut viewer = Viewer::start(&capped).await;
    viewer
        .watch_until("a segment", |viewer| !viewer.segments.is_empty())
        .await;
    let (own, newest) = (
        viewer.media_playlist().to_owned(),
        viewer.segments.keys().next_back().unwrap(),
    );
    assert!(own.ends_with("/1.m3u8"), "{own}");
    for (number, expected) in [(0, 404), (1, 200), (2, 404), (3, 200), (4, 404)] {
        let playlist = own.replace("/1.m3u8", &format!("/{number}.m3u8"));
        let segment = own
            .replace("/playlist/", "/segment/")
            .replace("/1.m3u8", &format!("/{number}/{newest}.ts"));
        for address in [playlist, segment] {
            let status = reqwest::get(&address).await.unwrap().status();
            assert_eq!(status, expected, "{address}");
        }
    }
    show.server.stop().await;
}

#[tokio::test]
async fn every_rendition_has_the_same_segments_and_cues() {
    let show = show().await;
    let url = show.url(&show.token(json!({})));
    let mut viewers = Vec::new();
    for number in [0, 1, 3] {
        viewers.push(Viewer::start(&url).await.of_rendition(number));
    }
    let mut put = Vec::new();
    for number in 0..20 {
        put.push(format!("cue {number}"));
        show.put(&put[number]).await;
        tokio::time::sleep(std::time::Duration::from_millis(220)).await;
    }
    for viewer in &mut viewers {
        viewer
            .watch_until("the cues and more video", |viewer| {
                let cues = viewer.cues();
                let last = cues.last().map_or(0, |(number, _)| *number);
                cues.len() >= put.len() && viewer.segments.contains_key(&(last + 1))
            })
            .await;
        let texts: Vec<String> = viewer.cues().into_iter().map(|(_, text)| text).collect();
        assert_eq!(texts, put, "{}", viewer.media_playlist());
    }
    let (source, others) = viewers.split_first().unwrap();
    for other in others {
        assert_ne!(other.media_playlist(), source.media_playlist());
        let mut compared = 0;
        for (number, segment) in &other.segments {
            if let Some(same) = source.segments.get(number) {
                assert_eq!(cues(segment), cues(same), "segment {number}");
                compared += 1;
            }
        }
        assert!(compared >= 3, "{compared}");
    }
    show.server.stop().await;
}
