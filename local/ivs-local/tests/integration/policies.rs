//! Playback restriction policies: which pages may play a channel.

use aws_sdk_ivs::types::Channel;

use crate::playback::{Show, status, status_from};
use crate::support::{Publisher, Server, Viewer, config};

const A: &str = "https://a.test";
const B: &str = "https://www.b.test";
const C: &str = "https://c.test";

async fn policy(server: &Server, strict: bool) -> String {
    let created = server
        .ivs
        .create_playback_restriction_policy()
        .allowed_origins(A)
        .allowed_origins("https://*.b.test")
        .allowed_countries("CH")
        .enable_strict_origin_enforcement(strict)
        .send()
        .await
        .unwrap();
    created.playback_restriction_policy.unwrap().arn
}

/// Attaches a policy, which a channel takes only while it is offline.
async fn attach(server: &Server, channel_arn: &str, policy: &str) {
    let update = server.ivs.update_channel().arn(channel_arn);
    let update = update.playback_restriction_policy_arn(policy);
    update.send().await.unwrap();
}

async fn on_air(server: &Server, strict: bool) -> (Channel, String, Publisher) {
    let (channel, key) = server.channel(false).await;
    let policy = policy(server, strict).await;
    attach(server, channel.arn().unwrap(), &policy).await;
    let publisher = server.publish(&key);
    server.live(&channel).await;
    (channel, policy, publisher)
}

async fn media_playlist(url: &str, origin: &str) -> String {
    let request = reqwest::Client::new().get(url).header("origin", origin);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let base = answer.url().clone();
    let text = answer.bytes().await.unwrap();
    let (_, playlist) = m3u8_rs::parse_master_playlist(&text).unwrap();
    base.join(&playlist.variants[0].uri).unwrap().to_string()
}

#[tokio::test]
async fn a_public_channels_policy_is_about_its_multivariant_playlist() {
    let server = Server::start().await;
    let (channel, policy, _publisher) = on_air(&server, false).await;
    let url = channel.playback_url().unwrap();
    for (origin, expected) in [(A, 200), (B, 200), (C, 403), ("null", 403)] {
        assert_eq!(status_from(url, origin).await, expected, "{origin}");
    }
    assert_eq!(status(url).await, 200, "no browser, no origin");
    let media = media_playlist(url, A).await;
    assert_eq!(status_from(&media, C).await, 200, "not strict");

    let update = server.ivs.update_playback_restriction_policy().arn(&policy);
    update.allowed_origins(C).send().await.unwrap();
    for (origin, expected) in [(A, 403), (C, 200)] {
        assert_eq!(status_from(url, origin).await, expected, "{origin}, later");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_strict_policy_is_about_every_request() {
    let server = Server::start().await;
    let (channel, policy, _publisher) = on_air(&server, false).await;
    let url = channel.playback_url().unwrap();
    let mut before = Viewer::start(url).await;
    before
        .watch_until("a segment", |viewer| !viewer.segments.is_empty())
        .await;
    let update = server.ivs.update_playback_restriction_policy().arn(&policy);
    let update = update.enable_strict_origin_enforcement(true);
    update.send().await.unwrap();
    let media = media_playlist(url, A).await;
    let newest = before.segments.keys().next_back().unwrap();
    let segment = media
        .replace("/playlist/", "/segment/")
        .replace(".m3u8", &format!("/{newest}.ts"));
    for address in [url, &media, &segment] {
        for (origin, expected) in [(A, 200), (B, 200), (C, 403)] {
            let found = status_from(address, origin).await;
            assert_eq!(found, expected, "{origin} to {address}");
        }
        assert_eq!(status(address).await, 403, "no origin to {address}");
    }
    assert_eq!(
        before.read().await,
        Err(403),
        "it also holds for players that began before it"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_private_channel_needs_both_the_policys_leave_and_the_tokens() {
    let show = Show::prepared(config(), &["-c:a", "aac"], async |server, channel| {
        attach(server, channel.arn().unwrap(), &policy(server, false).await).await;
    })
    .await;
    let token = |origins: &str| {
        let claim = serde_json::json!({ "aws:access-control-allow-origin": origins });
        show.url(&show.token(claim))
    };
    for (origins, origin, expected) in [
        ("*", A, 200),
        ("*", C, 403),
        (A, A, 200),
        (A, B, 403),
        (C, C, 403),
    ] {
        let found = status_from(&token(origins), origin).await;
        assert_eq!(found, expected, "{origin}, token for {origins}");
    }
    assert_eq!(status_from(&show.url(""), A).await, 403, "no token");
    show.server.stop().await;
}
