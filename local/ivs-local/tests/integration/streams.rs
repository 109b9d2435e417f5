//! Streams and stream sessions in the control plane.

use std::time::{Duration, Instant};

use aws_sdk_ivs::types::{Channel, StreamFilters, StreamHealth, StreamSession, StreamState};
use rustix::process::Signal;

use crate::support::{Publisher, Server, Viewer, wait};

async fn session(server: &Server, channel: &Channel) -> StreamSession {
    let arn = channel.arn().unwrap();
    let got = server.ivs.get_stream_session().channel_arn(arn).send();
    got.await.unwrap().stream_session.unwrap()
}

fn event_names(session: &StreamSession) -> Vec<&str> {
    let events = session.truncated_events().iter();
    events.map(|event| event.name().unwrap()).collect()
}

async fn off_air(server: &Server, channel: &Channel) {
    wait("the stream to end", async || !server.is_live(channel).await).await;
}

/// Publishes until it is live, then ends.
async fn broadcast_once(server: &Server, channel: &Channel, key: &str) {
    let mut publisher = server.publish(key);
    server.live(channel).await;
    publisher.kill().await;
    off_air(server, channel).await;
}

#[tokio::test]
async fn a_session_tells_what_came_in_and_what_happened() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let arn = channel.arn().unwrap();
    let none = server.ivs.get_stream_session().channel_arn(arn).send();
    let none = none.await.unwrap_err().into_service_error();
    assert!(none.is_resource_not_found_exception(), "{none:?}");

    let mut publisher = server.publish_with(&key, &["-c:a", "aac", "-b:a", "96k"]);
    server.live(&channel).await;
    let live = session(&server, &channel).await;
    assert_eq!(live.end_time(), None);
    assert_eq!(event_names(&live), ["Stream Start", "Session Created"]);
    let of_session = live.channel().unwrap();
    assert_eq!(
        (of_session.arn(), of_session.name()),
        (Some(arn), Some("show"))
    );

    let ingest = live.ingest_configuration().unwrap();
    let (video, audio) = (ingest.video().unwrap(), ingest.audio().unwrap());
    assert!(video.codec().unwrap().starts_with("avc1."), "{video:?}");
    assert!(video.encoder().unwrap().starts_with("Lavf"), "{video:?}");
    assert_eq!((video.video_width(), video.video_height()), (320, 180));
    assert_eq!(video.target_framerate(), 25);
    assert!(!video.avc_profile().unwrap().is_empty(), "{video:?}");
    assert!(!video.avc_level().unwrap().is_empty(), "{video:?}");
    assert_eq!(audio.codec(), Some("mp4a.40.2"));
    assert_eq!((audio.sample_rate(), audio.channels()), (44_100, 1));
    // ffmpeg tells 96,000 bits as 93.75 kilobits of 1,024.
    assert_eq!(audio.target_bitrate(), 93_000);
    let tracks = live.ingest_configurations().unwrap();
    assert_eq!(tracks.video_configurations()[0].track(), Some("Track0"));
    assert_eq!(
        tracks.video_configurations()[0].profile(),
        video.avc_profile()
    );
    assert_eq!(tracks.audio_configurations().len(), 1);

    publisher.kill().await;
    off_air(&server, &channel).await;
    let ended = session(&server, &channel).await;
    assert!(ended.end_time() >= ended.start_time(), "{ended:?}");
    let names = [
        "Session Ended",
        "Stream End",
        "Stream Start",
        "Session Created",
    ];
    assert_eq!(event_names(&ended), names);
    let group = ended.truncated_events()[0].r#type();
    assert_eq!(group, Some("IVS Stream State Change"));
    server.stop().await;
}

#[tokio::test]
async fn sessions_are_listed_newest_first_in_pages() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let arn = channel.arn().unwrap();
    for _ in 0..3 {
        broadcast_once(&server, &channel, &key).await;
    }
    let (mut ids, mut token) = (Vec::new(), None);
    loop {
        let page = server.ivs.list_stream_sessions().channel_arn(arn);
        let page = page
            .max_results(2)
            .set_next_token(token)
            .send()
            .await
            .unwrap();
        assert!(page.stream_sessions().len() <= 2);
        for summary in page.stream_sessions() {
            assert!(summary.end_time().is_some() && !summary.has_error_event());
            ids.push(summary.stream_id().unwrap().to_owned());
        }
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(ids.len(), 3);
    let newest = session(&server, &channel).await;
    assert_eq!(newest.stream_id(), Some(ids[0].as_str()));
    let oldest = server.ivs.get_stream_session().channel_arn(arn);
    let oldest = oldest.stream_id(&ids[2]).send().await.unwrap();
    let oldest = oldest.stream_session.unwrap();
    assert_eq!(oldest.stream_id(), Some(ids[2].as_str()));
    assert!(oldest.start_time() <= newest.start_time());

    let unknown = server.ivs.get_stream_session().channel_arn(arn);
    let unknown = unknown.stream_id("st-0000000000000000000000a").send().await;
    let unknown = unknown.unwrap_err().into_service_error();
    assert!(unknown.is_resource_not_found_exception(), "{unknown:?}");
    let wrong = server.ivs.get_stream_session().channel_arn(arn);
    let wrong = wrong.stream_id("st-1").send().await.unwrap_err();
    assert!(wrong.into_service_error().is_validation_exception());
    server.stop().await;
}

#[tokio::test]
async fn live_streams_are_listed_with_their_health_and_viewers() {
    let server = Server::start().await;
    let mut publishers: Vec<Publisher> = Vec::new();
    let mut channels = Vec::new();
    for _ in 0..2 {
        let (channel, key) = server.channel(false).await;
        publishers.push(server.publish(&key));
        channels.push(channel);
    }
    let _offline = server.channel(false).await;
    for channel in &channels {
        server.live(channel).await;
    }
    let mut viewer = Viewer::start(channels[0].playback_url().unwrap()).await;
    viewer.read().await.unwrap();

    let (mut listed, mut token) = (Vec::new(), None);
    loop {
        let page = server.ivs.list_streams().max_results(1);
        let page = page.set_next_token(token).send().await.unwrap();
        listed.extend(page.streams().to_vec());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    let mut arns: Vec<&str> = channels.iter().map(|one| one.arn().unwrap()).collect();
    arns.sort_unstable();
    let of = |one: &aws_sdk_ivs::types::StreamSummary| one.channel_arn().unwrap().to_owned();
    assert_eq!(listed.iter().map(of).collect::<Vec<_>>(), arns);
    for one in &listed {
        assert_eq!(one.state(), Some(&StreamState::StreamLive));
        assert_eq!(one.health(), Some(&StreamHealth::StreamHealthy));
        let watched = one.channel_arn() == channels[0].arn();
        assert_eq!(one.viewer_count(), i64::from(watched));
    }
    let stream = server
        .ivs
        .get_stream()
        .channel_arn(channels[0].arn().unwrap());
    let stream = stream.send().await.unwrap().stream.unwrap();
    assert_eq!(stream.playback_url(), channels[0].playback_url());
    assert_eq!(
        (stream.state(), stream.viewer_count()),
        (Some(&StreamState::StreamLive), 1)
    );
    assert!(stream.start_time().is_some());

    publishers[0].signal(Signal::STOP);
    let starving = async || {
        let filter = StreamFilters::builder()
            .health(StreamHealth::Starving)
            .build();
        let page = server
            .ivs
            .list_streams()
            .filter_by(filter)
            .send()
            .await
            .unwrap();
        page.streams.iter().map(of).collect::<Vec<_>>()
    };
    let expected = vec![channels[0].arn().unwrap().to_owned()];
    wait("the stream to starve", async || {
        starving().await == expected
    })
    .await;
    publishers[0].signal(Signal::CONT);
    wait("the stream to recover", async || {
        starving().await.is_empty()
    })
    .await;
    let names = session(&server, &channels[0]).await;
    assert_eq!(
        event_names(&names)[..2],
        ["Starvation End", "Starvation Start"]
    );
    server.stop().await;
}

#[tokio::test]
async fn a_stopped_stream_is_off_air_at_once_and_may_come_back() {
    let server = Server::start().await;
    let (channel, key) = server.channel(false).await;
    let arn = channel.arn().unwrap();
    let stop = async || server.ivs.stop_stream().channel_arn(arn).send().await;
    let offline = stop().await.unwrap_err().into_service_error();
    assert!(offline.is_channel_not_broadcasting(), "{offline:?}");

    let mut publisher = server.publish(&key);
    server.live(&channel).await;
    let first = session(&server, &channel).await;
    stop().await.unwrap();
    let stopped = Instant::now();
    assert!(
        !server.is_live(&channel).await,
        "it is off air when the call returns"
    );
    assert!(session(&server, &channel).await.end_time().is_some());
    assert!(!publisher.exit().await.success());
    assert!(
        stopped.elapsed() < Duration::from_secs(5),
        "{:?}",
        stopped.elapsed()
    );

    let _again = server.publish(&key);
    server.live(&channel).await;
    assert_ne!(
        session(&server, &channel).await.stream_id(),
        first.stream_id()
    );
    let unknown = server.ivs.stop_stream().channel_arn(format!("{arn}x"));
    let unknown = unknown.send().await.unwrap_err().into_service_error();
    assert!(unknown.is_resource_not_found_exception(), "{unknown:?}");
    server.stop().await;
}
