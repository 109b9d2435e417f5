//! The control plane as the AWS SDK for Rust sees it. Every operation and its errors are called in
//! `clients.rs`, with the SDK for Python and the AWS CLI.

use aws_sdk_ivs::error::{ProvideErrorMetadata, SdkError};
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

/// The error code of a call that must fail.
async fn code<T, E: ProvideErrorMetadata, R>(
    call: impl Future<Output = Result<T, SdkError<E, R>>>,
) -> String {
    let Err(error) = call.await else {
        panic!("the call succeeded")
    };
    error.code().unwrap_or("no code").to_owned()
}

#[tokio::test]
async fn a_refused_call_has_the_code_of_the_model() {
    let server = Server::start().await;
    let ivs = &server.ivs;
    let (channel, _) = server.channel(true).await;
    let arn = channel.arn().unwrap();
    let signer = Signer::imported(&server).await;
    let again = ivs.import_playback_key_pair();
    let put = |arn: &str, text: &str| ivs.put_metadata().channel_arn(arn).metadata(text).send();
    let revoke = |arn: &str, viewer: &str| {
        let revoke = ivs.start_viewer_session_revocation();
        revoke.channel_arn(arn).viewer_id(viewer).send()
    };
    let table = [
        (
            code(ivs.get_channel().arn(MISSING).send()).await,
            "ResourceNotFoundException",
        ),
        (
            code(ivs.get_channel().arn("channel").send()).await,
            "ValidationException",
        ),
        (
            code(ivs.create_stream_key().channel_arn(arn).send()).await,
            "ServiceQuotaExceededException",
        ),
        (
            code(again.public_key_material(&signer.public_pem).send()).await,
            "ConflictException",
        ),
        (
            code(ivs.get_stream().channel_arn(arn).send()).await,
            "ChannelNotBroadcasting",
        ),
        (code(put(arn, "x")).await, "ChannelNotBroadcasting"),
        (code(put(MISSING, "x")).await, "ResourceNotFoundException"),
        (
            code(put(arn, &"x".repeat(1_025))).await,
            "ValidationException",
        ),
        // Bytes count, not characters.
        (
            code(put(arn, &"é".repeat(513))).await,
            "ValidationException",
        ),
        (code(put(arn, "")).await, "ValidationException"),
        (
            code(revoke(MISSING, "v")).await,
            "ResourceNotFoundException",
        ),
        (
            code(revoke(arn, &"v".repeat(41))).await,
            "ValidationException",
        ),
        (
            code(ivs.list_recording_configurations().send()).await,
            "NotImplementedException",
        ),
    ];
    for (index, (code, expected)) in table.iter().enumerate() {
        assert_eq!(code, expected, "call {index}");
    }
    server.stop().await;
}
