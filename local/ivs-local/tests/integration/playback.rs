//! Who gets the video of a private channel, and who no longer does.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_ivs::types::Channel;
use ivs_local::Config;
use serde_json::{Value, json};

use crate::support::{Publisher, Server, Signer, Viewer, config};

/// A private channel on air, and a key pair that the server knows.
pub(crate) struct Show {
    pub(crate) server: Server,
    channel: Channel,
    pub(crate) signer: Signer,
    _publisher: Publisher,
}

impl Show {
    pub(crate) async fn start() -> Self {
        Self::start_with(&["-c:a", "aac"]).await
    }

    /// With arguments for the publisher's ffmpeg.
    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        Self::start_configured(config(), arguments).await
    }

    pub(crate) async fn start_configured(config: Config, arguments: &[&str]) -> Self {
        Self::prepared(config, arguments, async |_, _| {}).await
    }

    /// With something done to the channel before it goes on air.
    pub(crate) async fn prepared(
        config: Config,
        arguments: &[&str],
        prepare: impl AsyncFnOnce(&Server, &Channel),
    ) -> Self {
        let server = Server::start_with(config).await;
        let signer = Signer::imported(&server).await;
        let (channel, key) = server.channel(true).await;
        prepare(&server, &channel).await;
        let publisher = server.publish_with(&key, arguments);
        server.live(&channel).await;
        Self {
            server,
            channel,
            signer,
            _publisher: publisher,
        }
    }

    pub(crate) fn arn(&self) -> &str {
        self.channel.arn().unwrap()
    }

    /// Puts a tag into the video.
    pub(crate) async fn put(&self, text: &str) {
        self.server.put(&self.channel, text).await;
    }

    /// Deletes the one key pair that there is.
    pub(crate) async fn delete_key(&self) {
        let ivs = &self.server.ivs;
        let pairs = ivs.list_playback_key_pairs().send().await.unwrap();
        let [pair] = pairs.key_pairs() else {
            panic!("{pairs:?}")
        };
        let delete = ivs.delete_playback_key_pair().arn(pair.arn().unwrap());
        delete.send().await.unwrap();
    }

    fn claims(&self) -> Value {
        json!({ "aws:channel-arn": self.arn(), "exp": now() + 60 })
    }

    pub(crate) fn token(&self, changes: Value) -> String {
        let mut claims = self.claims();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.signer.sign(&claims)
    }

    pub(crate) fn url(&self, token: &str) -> String {
        format!("{}?token={token}", self.channel.playback_url().unwrap())
    }

    /// Ends a viewer's sessions up to a version.
    pub(crate) async fn revoke(&self, viewer: &str, version: i32) {
        let revoke = self.server.ivs.start_viewer_session_revocation();
        let revoke = revoke.channel_arn(self.arn()).viewer_id(viewer);
        revoke
            .viewer_session_versions_less_than_or_equal_to(version)
            .send()
            .await
            .unwrap();
    }
}

const M3U8: &str = "application/vnd.apple.mpegurl";

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

pub(crate) async fn status(url: &str) -> u16 {
    reqwest::get(url).await.unwrap().status().as_u16()
}

pub(crate) async fn status_from(url: &str, origin: &str) -> u16 {
    let request = reqwest::Client::new().get(url).header("origin", origin);
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn segments_are_given_out_under_the_session_only() {
    let show = Show::start().await;
    let url = show.url(&show.token(json!({})));
    let (mut one, other) = (Viewer::start(&url).await, Viewer::start(&url).await);
    assert_ne!(one.media_playlist(), other.media_playlist());
    one.watch_until("a segment", |viewer| !viewer.segments.is_empty())
        .await;
    let base = format!("http://{}/api/video/v1", show.server.api);
    let guessed = "0".repeat(32);
    assert_eq!(
        status(&format!("{base}/playlist/{guessed}/0.m3u8")).await,
        403
    );
    assert_eq!(
        status(&format!("{base}/segment/{guessed}/0/0.ts")).await,
        403
    );
    assert_eq!(status(&format!("{base}/segment//0/0.ts")).await, 403);
    let segments = one
        .media_playlist()
        .replace("/playlist/", "/segment/")
        .replace(".m3u8", "");
    assert_eq!(status(&format!("{segments}/999999.ts")).await, 404);
    show.server.stop().await;
}

#[tokio::test]
async fn an_offline_channel_is_not_found_also_with_a_token() {
    let server = Server::start().await;
    let signer = Signer::imported(&server).await;
    let (channel, _) = server.channel(true).await;
    let token =
        signer.sign(&json!({ "aws:channel-arn": channel.arn().unwrap(), "exp": now() + 60 }));
    assert_eq!(
        status(&format!(
            "{}?token={token}",
            channel.playback_url().unwrap()
        ))
        .await,
        404
    );
    assert_eq!(
        status(channel.playback_url().unwrap()).await,
        403,
        "the token comes first"
    );
    let missing = channel.playback_url().unwrap().replace(".m3u8", "x.m3u8");
    assert_eq!(status(&missing).await, 404);
    server.stop().await;
}

#[tokio::test]
async fn origins_are_enforced_as_the_token_says() {
    let show = Show::start().await;
    let allowed = json!({ "aws:access-control-allow-origin": "https://a.test,https://*.b.test" });
    let url = show.url(&show.token(allowed));
    assert_eq!(status_from(&url, "https://a.test").await, 200);
    assert_eq!(status_from(&url, "https://www.b.test").await, 200);
    assert_eq!(status_from(&url, "https://c.test").await, 403);
    assert_eq!(status(&url).await, 200, "no browser, no origin");

    let strict = json!({
        "aws:access-control-allow-origin": "https://a.test", "aws:strict-origin-enforcement": true
    });
    let url = show.url(&show.token(strict));
    assert_eq!(status(&url).await, 403);
    let request = reqwest::Client::new()
        .get(&url)
        .header("origin", "https://a.test");
    let text = request.send().await.unwrap().bytes().await.unwrap();
    let (_, playlist) = m3u8_rs::parse_master_playlist(&text).unwrap();
    let media = format!("http://{}{}", show.server.api, playlist.variants[0].uri);
    assert_eq!(status_from(&media, "https://a.test").await, 200);
    assert_eq!(status_from(&media, "https://c.test").await, 403);
    assert_eq!(status(&media).await, 403);
    show.server.stop().await;
}

#[tokio::test]
async fn a_revoked_viewer_stops_at_once_and_may_come_back_with_a_higher_version() {
    let show = Show::start().await;
    let viewer = |id: &str, version: u32| {
        show.url(&show.token(json!({ "aws:viewer-id": id, "aws:viewer-session-version": version })))
    };
    let mut revoked = Viewer::start(&viewer("one", 2)).await;
    let mut untouched = Viewer::start(&viewer("two", 2)).await;
    revoked.read().await.unwrap();
    show.revoke("one", 2).await;
    assert_eq!(revoked.read().await, Err(403));
    let segment = revoked
        .media_playlist()
        .replace("/playlist/", "/segment/")
        .replace(".m3u8", "/0.ts");
    assert_eq!(status(&segment).await, 403);
    assert!(untouched.read().await.is_ok());
    for (version, expected) in [(1, 403), (2, 403), (3, 200)] {
        assert_eq!(
            status(&viewer("one", version)).await,
            expected,
            "version {version}"
        );
    }
    show.server.stop().await;
}

#[tokio::test]
async fn a_single_use_token_plays_once() {
    let show = Show::start().await;
    let id = "9f4dd9ee-9f0f-4c2b-9d3a-0a2a2c0e6f11";
    let url = show.url(&show.token(json!({ "aws:single-use-uuid": id })));
    let mut viewer = Viewer::start(&url).await;
    assert_eq!(status(&url).await, 403);
    assert!(
        viewer.read().await.is_ok(),
        "the playback that it started goes on"
    );
    show.server.stop().await;
}

#[tokio::test]
async fn a_browser_may_read_every_answer() {
    let show = Show::start().await;
    let http = reqwest::Client::new();
    let url = show.url("wrong");
    let refused = http
        .get(&url)
        .header("origin", "https://a.test")
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.headers()["access-control-allow-origin"], "*");
    let preflight = http
        .request(reqwest::Method::OPTIONS, &url)
        .header("origin", "https://a.test");
    let preflight = preflight
        .header("access-control-request-method", "GET")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 204);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
    assert!(
        preflight.headers()["access-control-allow-methods"]
            .to_str()
            .unwrap()
            .contains("GET")
    );
    show.server.stop().await;
}

#[tokio::test]
async fn asking_for_the_head_alone_starts_and_uses_nothing() {
    let show = Show::start().await;
    let id = "9f4dd9ee-9f0f-4c2b-9d3a-0a2a2c0e6f12";
    let url = show.url(&show.token(json!({ "aws:single-use-uuid": id })));
    let http = reqwest::Client::new();
    for _ in 0..2 {
        let head = http.head(&url).send().await.unwrap();
        assert_eq!(head.status(), 200);
        assert_eq!(head.headers()["content-type"], M3U8);
        assert_eq!(head.headers()["access-control-allow-origin"], "*");
    }
    assert_eq!(http.head(show.url("")).send().await.unwrap().status(), 403);
    let viewer = Viewer::start(&url).await;
    let media = http.head(viewer.media_playlist()).send().await.unwrap();
    assert_eq!(
        (media.status().as_u16(), &media.headers()["content-type"]),
        (200, &M3U8.parse().unwrap())
    );
    show.server.stop().await;
}

/// Players ask for whole files only; a range is answered with the whole, which HTTP allows.
#[tokio::test]
async fn a_range_is_answered_with_the_whole_segment() {
    let show = Show::start().await;
    let mut viewer = Viewer::start(&show.url(&show.token(json!({})))).await;
    viewer
        .watch_until("a segment", |viewer| !viewer.segments.is_empty())
        .await;
    let (number, bytes) = viewer.segments.first_key_value().unwrap();
    let segment = viewer
        .media_playlist()
        .replace("/playlist/", "/segment/")
        .replace(".m3u8", &format!("/{number}.ts"));
    let request = reqwest::Client::new()
        .get(segment)
        .header("range", "bytes=0-99");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["accept-ranges"], "none");
    assert_eq!(answer.bytes().await.unwrap(), bytes);
    show.server.stop().await;
}

#[tokio::test]
async fn the_viewers_are_counted() {
    let show = Show::start().await;
    let url = show.url(&show.token(json!({})));
    let _viewers = (Viewer::start(&url).await, Viewer::start(&url).await);
    let stream = show
        .server
        .ivs
        .get_stream()
        .channel_arn(show.channel.arn().unwrap())
        .send()
        .await
        .unwrap();
    let stream = stream.stream.unwrap();
    assert_eq!(stream.viewer_count(), 2);
    let age = SystemTime::now()
        .duration_since((*stream.start_time().unwrap()).try_into().unwrap())
        .unwrap();
    assert!(age < Duration::from_secs(30), "{age:?}");
    show.server.stop().await;
}
