//! Events about streams, put on a stand-in for EventBridge that keeps them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use ivs_local::events::eventbridge::Target;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Server, config, wait};

/// What a bus was asked to take: the requests' bodies and their credential scopes.
type Taken = Arc<Mutex<Vec<(Value, String)>>>;

/// An address where something like EventBridge answers as told.
async fn bus(status: StatusCode, answer: Value) -> (String, Taken) {
    slow_bus(Duration::ZERO, status, answer).await
}

/// One that takes its time to answer what it has taken.
async fn slow_bus(time: Duration, status: StatusCode, answer: Value) -> (String, Taken) {
    let taken = Taken::default();
    let keep = Arc::clone(&taken);
    let handler = post(move |headers: HeaderMap, body: Bytes| async move {
        let text = |name| headers[name].to_str().unwrap().to_owned();
        assert_eq!(text("x-amz-target"), "AWSEvents.PutEvents");
        let body = serde_json::from_slice(&body).unwrap();
        keep.lock().unwrap().push((body, text("authorization")));
        tokio::time::sleep(time).await;
        (status, answer.to_string())
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", handler)).await });
    (url, taken)
}

async fn server_with(endpoint_url: String) -> Server {
    let mut config = config();
    config.events = Some(Target {
        endpoint_url,
        bus: "shows".into(),
        source: "local.ivs".into(),
    });
    Server::start_with(config).await
}

fn names(taken: &Taken) -> Vec<String> {
    let taken = taken.lock().unwrap();
    let entries = taken.iter().map(|(body, _)| &body["Entries"][0]["Detail"]);
    let details = entries.map(|detail| serde_json::from_str::<Value>(detail.as_str().unwrap()));
    details
        .map(|detail| detail.unwrap()["event_name"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_stream_is_told_from_its_first_byte_to_its_last() {
    let (url, taken) = bus(
        StatusCode::OK,
        json!({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}),
    )
    .await;
    let server = server_with(url).await;
    let (channel, key) = server.channel(false).await;
    let mut publisher = server.publish(&key);
    wait("the first two events", async || names(&taken).len() == 2).await;
    assert!(
        server.is_live(&channel).await,
        "a stream has started when it can be played"
    );
    publisher.kill().await;
    wait("the last events", async || names(&taken).len() == 4).await;
    assert_eq!(
        names(&taken),
        [
            "Session Created",
            "Stream Start",
            "Stream End",
            "Session Ended"
        ]
    );

    let (body, authorization) = taken.lock().unwrap()[1].clone();
    assert!(
        authorization.contains("/us-east-1/events/aws4_request"),
        "{authorization}"
    );
    let [entry] = &body["Entries"].as_array().unwrap()[..] else {
        panic!("{body}")
    };
    assert_eq!(entry["EventBusName"], "shows");
    assert_eq!(entry["Source"], "local.ivs");
    assert_eq!(entry["DetailType"], "IVS Stream State Change");
    assert_eq!(entry["Resources"], json!([channel.arn().unwrap()]));
    assert!(entry["Time"].is_number(), "{entry}");
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    let stream_id = detail["stream_id"].as_str().unwrap();
    assert!(stream_id.starts_with("st-"), "{stream_id}");
    assert_eq!(
        detail,
        json!({"event_name": "Stream Start", "channel_name": "show", "stream_id": stream_id})
    );
    server.stop().await;
}

#[tokio::test]
async fn the_end_of_a_stream_is_told_when_the_server_stops() {
    // Slow enough that something is still to be sent then.
    let (url, taken) = slow_bus(
        Duration::from_millis(300),
        StatusCode::OK,
        json!({"FailedEntryCount": 0, "Entries": []}),
    )
    .await;
    let server = server_with(url).await;
    let (channel, key) = server.channel(false).await;
    let _publisher = server.publish(&key);
    server.live(&channel).await;
    server.stop().await;
    assert_eq!(names(&taken).last().unwrap(), "Session Ended");
}

#[tokio::test]
async fn a_bus_that_refuses_or_fails_is_asked_once_an_event() {
    let refused = json!({"FailedEntryCount": 1, "Entries": [{"ErrorCode": "NoSuchBus", "ErrorMessage": "no"}]});
    let failure = json!({"__type": "InternalException"});
    for (status, answer) in [
        (StatusCode::OK, refused),
        (StatusCode::INTERNAL_SERVER_ERROR, failure),
    ] {
        let (url, taken) = bus(status, answer).await;
        let server = server_with(url).await;
        let (channel, key) = server.channel(false).await;
        let mut publisher = server.publish(&key);
        server.live(&channel).await;
        publisher.kill().await;
        wait("the last events", async || names(&taken).len() >= 4).await;
        server.stop().await;
        assert_eq!(names(&taken).len(), 4, "{status}");
    }
}

#[tokio::test]
async fn a_bus_that_is_away_or_never_answers_holds_nothing_up() {
    // One port where nobody listens, one where nobody reads.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = closed.local_addr().unwrap();
    drop(closed);
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for address in [nobody, silent.local_addr().unwrap()] {
        let server = server_with(format!("http://{address}")).await;
        let (channel, key) = server.channel(false).await;
        let _publisher = server.publish(&key);
        server.live(&channel).await;
        server.put(&channel, "still here").await;
        tokio::time::timeout(Duration::from_secs(10), server.stop())
            .await
            .unwrap();
    }
}
