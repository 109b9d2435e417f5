//! The whole function `entitlement-outbox`, ended between reading a record and publishing it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use bench::{
    aws_stub::{AwsStub, Behaviour, Operation},
    function::{Function, Launch},
    runtime_api::Outcome,
    whole::request_id,
};
use serde_json::{Value, json};
use support::program;
use tempfile::TempDir;

fn launch(stub: &AwsStub, folder: &TempDir) -> Launch {
    let variables = [
        ("EVENT_BUS_NAME", "cuepoint"),
        ("DEAD_LETTER_QUEUE_URL", "https://sqs.example.com/dlq"),
        ("GIVE_UP_AFTER_SECONDS", "19800"),
        ("CHANNELS", "{}"),
    ];
    let name = "entitlement-outbox";
    Launch::of_program(name, &program(name), folder.path(), stub, &variables)
}

/// A record of the table's stream: a viewer was entitled.
fn batch() -> Value {
    let granted = json!({
        "userId": { "S": "viewer" },
        "channelId": { "S": "channel" },
        "status": { "S": "granted" },
        "viewerSessionVersion": { "N": "1" },
        "occurredAt": { "S": "2026-11-22T00:00:01Z" },
        "eventId": { "S": "order-1" },
        "correlationId": { "S": "order-1" },
    });
    let record = json!({
        "eventID": "record-1",
        "eventName": "INSERT",
        "dynamodb": { "SequenceNumber": "1", "NewImage": granted },
    });
    json!({ "Records": [record] })
}

#[tokio::test]
async fn killed_between_reading_and_publishing_it_publishes_the_same_event_when_it_comes_again() {
    let (stub, folder) = (AwsStub::serve().await.unwrap(), TempDir::new().unwrap());
    let launch = launch(&stub, &folder);
    let event = bytes::Bytes::from(batch().to_string());
    stub.behave(Operation::PutEvents, Behaviour::Stall);
    let mut function = Function::start(&launch).await.unwrap();
    let id = request_id(1);
    tokio::select! {
        invocation = function.invoke(&id, event.clone()) => {
            panic!("it does not wait for the bus: {invocation:?}")
        }
        () = stub.called(Operation::PutEvents, 1) => {}
    }
    let before = stub.last_request(Operation::PutEvents);
    function.kill().await.unwrap();

    stub.behave(Operation::PutEvents, Behaviour::Answer);
    let mut fresh = Function::start(&launch).await.unwrap();
    let invocation = fresh.invoke(&request_id(2), event).await.unwrap();
    let Outcome::Response(_) = invocation.outcome else {
        panic!("the batch would come again: {invocation:?}")
    };
    assert_eq!(stub.calls(Operation::PutEvents), 2);
    assert_eq!(stub.last_request(Operation::PutEvents), before);
    let detail = before["Entries"][0]["Detail"].as_str().unwrap();
    let detail: Value = serde_json::from_str(detail).unwrap();
    assert_eq!(detail["metadata"]["eventId"], "entitlement/record-1");
}
