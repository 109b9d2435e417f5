//! Tokens of this service's own making, signed with the deployed key, and what IVS lets them play.

use aws_lambda_events::encodings::Body;
use jiff::Timestamp;
use serde_json::{Value, json};
use stage::channel::SECRET_NAME;
use token_issuer::{
    desk::{Ask, TokenDesk},
    playback_key::PlaybackKey,
    rules::{Entitlement, Status},
    viewer_limit::{Allowance, ViewerLimit},
};
use uuid::Uuid;

use crate::cloud::Cloud;

/// The address that plays the channel with a new token of these settings.
async fn address(cloud: &Cloud, settings: Value) -> String {
    let secret = cloud
        .secrets
        .get_secret_value()
        .secret_id(SECRET_NAME)
        .send()
        .await;
    let secret = secret.unwrap().secret_string.unwrap();
    let desk = TokenDesk::new(
        PlaybackKey::read(secret.as_bytes()).unwrap(),
        cloud.channels(settings),
        ViewerLimit::new(Allowance::default()),
        Uuid::new_v4,
    );
    let ask = Ask {
        user_id: cloud.viewer.parse().unwrap(),
        channel_id: cloud.channel_id().parse().unwrap(),
    };
    let entitlement = Entitlement {
        status: Status::Granted,
        valid_from: None,
        valid_until: None,
        maximum_resolution: None,
        viewer_session_version: 1,
    };
    let issued = desk.issue(ask, Some(&entitlement), Timestamp::now(), "request-1");
    let Some(Body::Text(body)) = issued.unwrap().response.body else {
        panic!("an answer without a body")
    };
    let answer: Value = serde_json::from_str(&body).unwrap();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    format!("{}?token={}", text("playbackUrl"), text("token"))
}

/// What IVS answers a player at a page of this origin.
async fn play(cloud: &Cloud, url: &str, origin: Option<&str>) -> (u16, String) {
    let mut request = cloud.stack.http_client().unwrap().get(url);
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

/// The address of the first rendition in a multivariant playlist.
fn rendition(cloud: &Cloud, playlist: &str) -> String {
    let path = playlist
        .lines()
        .find(|line| !line.starts_with('#'))
        .unwrap();
    format!("{}{path}", cloud.stack.ivs_endpoint_url)
}

#[tokio::test]
async fn a_token_for_a_single_use_plays_once_and_another_as_often_as_wanted() {
    let cloud = Cloud::new().await;
    let origin = Some(cloud.stack.channel.origin.as_str());
    for (single_use, again) in [(true, 403), (false, 200)] {
        let url = address(&cloud, json!({ "singleUse": single_use })).await;
        let (status, playlist) = play(&cloud, &url, origin).await;
        assert_eq!(status, 200, "{playlist}");
        let (status, _) = play(&cloud, &url, origin).await;
        assert_eq!(status, again, "singleUse: {single_use}");
        let rendition = rendition(&cloud, &playlist);
        let (status, _) = play(&cloud, &rendition, origin).await;
        assert_eq!(status, 200, "what has begun goes on");
    }
}

#[tokio::test]
async fn strict_origin_is_checked_on_every_request_and_any_other_on_the_first() {
    let cloud = Cloud::new().await;
    let own = Some(cloud.stack.channel.origin.as_str());
    let other = Some("https://elsewhere.example");
    for (strict, nowhere, later) in [(true, 403, 403), (false, 200, 200)] {
        let url = address(&cloud, json!({ "strictOrigin": strict })).await;
        assert_eq!(play(&cloud, &url, other).await.0, 403);
        assert_eq!(play(&cloud, &url, None).await.0, nowhere);
        let (status, playlist) = play(&cloud, &url, own).await;
        assert_eq!(status, 200, "{playlist}");
        let rendition = rendition(&cloud, &playlist);
        assert_eq!(play(&cloud, &rendition, own).await.0, 200);
        assert_eq!(play(&cloud, &rendition, other).await.0, later);
        assert_eq!(play(&cloud, &rendition, None).await.0, later);
    }
}
