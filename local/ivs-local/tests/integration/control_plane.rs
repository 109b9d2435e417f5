//! The control plane as the AWS SDK for Rust sees it: shapes, quotas and typed errors.

use aws_sdk_ivs::error::ProvideErrorMetadata;
use aws_sdk_ivs::types::{ChannelLatencyMode, ChannelType};

use crate::support::{Server, Signer, client};

const MISSING: &str = "arn:aws:ivs:us-east-1:000000000000:channel/missing";

#[tokio::test]
async fn a_channel_comes_with_its_defaults_and_its_key() {
    let server = Server::start().await;
    let created = server
        .ivs
        .create_channel()
        .name("show")
        .tags("team", "a")
        .send()
        .await
        .unwrap();
    let (channel, key) = (created.channel.unwrap(), created.stream_key.unwrap());
    let arn = channel.arn().unwrap();
    let id = arn
        .strip_prefix("arn:aws:ivs:us-east-1:000000000000:channel/")
        .unwrap();
    assert_eq!(id.len(), 12);
    assert_eq!(
        channel.latency_mode(),
        Some(&ChannelLatencyMode::LowLatency)
    );
    assert_eq!(channel.r#type(), Some(&ChannelType::StandardChannelType));
    assert!(!channel.authorized());
    assert_eq!(channel.tags().unwrap()["team"], "a");
    assert_eq!(
        channel.ingest_endpoint(),
        Some(server.rtmp.to_string().as_str())
    );
    let url = format!(
        "http://{}/api/video/v1/us-east-1.000000000000.channel.{id}.m3u8",
        server.api
    );
    assert_eq!(channel.playback_url(), Some(url.as_str()));
    assert_eq!(key.channel_arn(), Some(arn));
    assert!(key.value().unwrap().starts_with("sk_us-east-1_"));
    let got = server
        .ivs
        .get_channel()
        .arn(arn)
        .send()
        .await
        .unwrap()
        .channel
        .unwrap();
    assert_eq!(got, channel);
    server.stop().await;
}

#[tokio::test]
async fn channels_are_listed_by_region_name_and_page() {
    let server = Server::start().await;
    let elsewhere = client(server.api, "eu-west-1").await;
    for name in ["a", "b", "b", "c", "d"] {
        server.ivs.create_channel().name(name).send().await.unwrap();
    }
    elsewhere.create_channel().name("far").send().await.unwrap();
    let pages = server
        .ivs
        .list_channels()
        .into_paginator()
        .page_size(2)
        .send();
    let pages: Vec<_> = pages.collect::<Result<_, _>>().await.unwrap();
    assert_eq!(pages.len(), 3);
    let mut names: Vec<&str> = pages
        .iter()
        .flat_map(|page| page.channels())
        .filter_map(|c| c.name())
        .collect();
    names.sort();
    assert_eq!(names, ["a", "b", "b", "c", "d"]);
    assert_eq!(
        server
            .ivs
            .list_channels()
            .filter_by_name("b")
            .send()
            .await
            .unwrap()
            .channels()
            .len(),
        2
    );
    let far = elsewhere.list_channels().send().await.unwrap();
    assert_eq!(far.channels()[0].name(), Some("far"));
    let error = server
        .ivs
        .list_channels()
        .max_results(101)
        .send()
        .await
        .unwrap_err();
    assert!(error.into_service_error().is_validation_exception());
    server.stop().await;
}

#[tokio::test]
async fn deleting_a_channel_takes_its_key_along() {
    let server = Server::start().await;
    let (channel, _) = server.channel(false).await;
    let arn = channel.arn().unwrap();
    let keys = server
        .ivs
        .list_stream_keys()
        .channel_arn(arn)
        .send()
        .await
        .unwrap();
    let key_arn = keys.stream_keys()[0].arn().unwrap();
    server.ivs.delete_channel().arn(arn).send().await.unwrap();
    let error = server
        .ivs
        .get_channel()
        .arn(arn)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
    let error = server
        .ivs
        .get_stream_key()
        .arn(key_arn)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
    let error = server
        .ivs
        .delete_channel()
        .arn(arn)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_channel_has_one_stream_key_at_a_time() {
    let server = Server::start().await;
    let (channel, first) = server.channel(false).await;
    let arn = channel.arn().unwrap();
    let error = server
        .ivs
        .create_stream_key()
        .channel_arn(arn)
        .send()
        .await
        .unwrap_err();
    assert!(
        error
            .into_service_error()
            .is_service_quota_exceeded_exception()
    );
    let listed = server
        .ivs
        .list_stream_keys()
        .channel_arn(arn)
        .send()
        .await
        .unwrap();
    let key_arn = listed.stream_keys()[0].arn().unwrap();
    let got = server
        .ivs
        .get_stream_key()
        .arn(key_arn)
        .send()
        .await
        .unwrap()
        .stream_key
        .unwrap();
    assert_eq!(got.value(), Some(first.as_str()));
    server
        .ivs
        .delete_stream_key()
        .arn(key_arn)
        .send()
        .await
        .unwrap();
    let second = server
        .ivs
        .create_stream_key()
        .channel_arn(arn)
        .send()
        .await
        .unwrap()
        .stream_key
        .unwrap();
    assert_ne!(second.value(), Some(first.as_str()));
    server.stop().await;
}

#[tokio::test]
async fn key_pairs_are_imported_once_and_at_most_three() {
    let server = Server::start().await;
    let signer = Signer::new();
    let import = |material: &str| {
        server
            .ivs
            .import_playback_key_pair()
            .name("key")
            .public_key_material(material)
            .send()
    };
    let pair = import(&signer.public_pem).await.unwrap().key_pair.unwrap();
    assert_eq!(pair.fingerprint().unwrap().len(), 47);
    let arn = pair.arn().unwrap();
    let got = server
        .ivs
        .get_playback_key_pair()
        .arn(arn)
        .send()
        .await
        .unwrap()
        .key_pair
        .unwrap();
    assert_eq!(got, pair);
    let again = import(&signer.public_pem)
        .await
        .unwrap_err()
        .into_service_error();
    assert!(again.is_conflict_exception(), "{again:?}");
    let wrong = import("-----BEGIN PUBLIC KEY-----")
        .await
        .unwrap_err()
        .into_service_error();
    assert!(wrong.is_validation_exception(), "{wrong:?}");
    import(&Signer::new().public_pem).await.unwrap();
    import(&Signer::new().public_pem).await.unwrap();
    let fourth = import(&Signer::new().public_pem)
        .await
        .unwrap_err()
        .into_service_error();
    assert!(fourth.is_service_quota_exceeded_exception(), "{fourth:?}");
    server
        .ivs
        .delete_playback_key_pair()
        .arn(arn)
        .send()
        .await
        .unwrap();
    assert_eq!(
        server
            .ivs
            .list_playback_key_pairs()
            .send()
            .await
            .unwrap()
            .key_pairs()
            .len(),
        2
    );
    let gone = server
        .ivs
        .get_playback_key_pair()
        .arn(arn)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(gone.is_resource_not_found_exception(), "{gone:?}");
    server.stop().await;
}

#[tokio::test]
async fn metadata_for_no_stream_is_a_typed_error() {
    let server = Server::start().await;
    let (channel, _) = server.channel(false).await;
    let arn = channel.arn().unwrap();
    let put = async |arn: &str, text: String| {
        let put = server
            .ivs
            .put_metadata()
            .channel_arn(arn)
            .metadata(text)
            .send()
            .await;
        put.unwrap_err().into_service_error()
    };
    let offline = put(arn, "x".into()).await;
    assert!(offline.is_channel_not_broadcasting(), "{offline:?}");
    let large = put(arn, "x".repeat(1_025)).await;
    assert!(large.is_validation_exception(), "{large:?}");
    let wide = put(arn, "é".repeat(513)).await;
    assert!(
        wide.is_validation_exception(),
        "bytes count, not characters: {wide:?}"
    );
    let empty = put(arn, String::new()).await;
    assert!(empty.is_validation_exception(), "{empty:?}");
    let missing = put(MISSING, "x".into()).await;
    assert!(missing.is_resource_not_found_exception(), "{missing:?}");
    let not_an_arn = put("channel", "x".into()).await;
    assert!(not_an_arn.is_validation_exception(), "{not_an_arn:?}");
    let stream = server
        .ivs
        .get_stream()
        .channel_arn(arn)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(stream.is_channel_not_broadcasting(), "{stream:?}");
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let server = Server::start().await;
    let (channel, _) = server.channel(false).await;
    let update = server
        .ivs
        .list_recording_configurations()
        .send()
        .await
        .unwrap_err();
    assert_eq!(update.code(), Some("NotImplementedException"));
    let tags = server
        .ivs
        .list_tags_for_resource()
        .resource_arn(channel.arn().unwrap())
        .send()
        .await
        .unwrap_err();
    assert_eq!(tags.code(), Some("NotImplementedException"));
    let recording = "arn:aws:ivs:us-east-1:000000000000:recording-configuration/x";
    let create = server
        .ivs
        .create_channel()
        .recording_configuration_arn(recording)
        .send()
        .await
        .unwrap_err();
    assert_eq!(create.code(), Some("NotImplementedException"));
    server.stop().await;
}

#[tokio::test]
async fn revoking_needs_a_channel_and_a_viewer() {
    let server = Server::start().await;
    let revoke = async |arn: &str, viewer: &str| {
        let revoke = server
            .ivs
            .start_viewer_session_revocation()
            .channel_arn(arn)
            .viewer_id(viewer);
        revoke.send().await.unwrap_err().into_service_error()
    };
    assert!(revoke(MISSING, "v").await.is_resource_not_found_exception());
    let (channel, _) = server.channel(true).await;
    assert!(
        revoke(channel.arn().unwrap(), &"v".repeat(41))
            .await
            .is_validation_exception()
    );
    server.stop().await;
}

#[tokio::test]
async fn a_policy_is_attached_changed_and_detached() {
    let server = Server::start().await;
    let ivs = &server.ivs;
    let created = ivs
        .create_playback_restriction_policy()
        .name("home")
        .allowed_countries("AT")
        .allowed_origins("https://show.example")
        .enable_strict_origin_enforcement(true)
        .send()
        .await
        .unwrap();
    let policy = created.playback_restriction_policy.unwrap();
    let created = ivs
        .create_channel()
        .playback_restriction_policy_arn(policy.arn())
        .send()
        .await
        .unwrap();
    let channel = created.channel.unwrap();
    assert_eq!(
        channel.playback_restriction_policy_arn(),
        Some(policy.arn())
    );
    let updated = ivs
        .update_playback_restriction_policy()
        .arn(policy.arn())
        .allowed_countries("CH")
        .allowed_countries("LI")
        .send()
        .await
        .unwrap();
    let updated = updated.playback_restriction_policy.unwrap();
    assert_eq!(updated.allowed_countries(), ["CH", "LI"]);
    assert_eq!(updated.allowed_origins(), policy.allowed_origins());
    let attached = ivs
        .delete_playback_restriction_policy()
        .arn(policy.arn())
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(attached.is_conflict_exception(), "{attached:?}");
    let detached = ivs
        .update_channel()
        .arn(channel.arn().unwrap())
        .playback_restriction_policy_arn("")
        .send()
        .await
        .unwrap();
    let detached = detached.channel.unwrap();
    assert_eq!(detached.playback_restriction_policy_arn(), Some(""));
    ivs.delete_playback_restriction_policy()
        .arn(policy.arn())
        .send()
        .await
        .unwrap();
    let listed = ivs
        .list_playback_restriction_policies()
        .send()
        .await
        .unwrap();
    assert!(listed.playback_restriction_policies().is_empty());
    server.stop().await;
}
