//! The video, as a stand-in for IVS was given it.

use jiff::Timestamp;
use serde_json::{Value, json};
use stage::IvsStub;

/// A running stand-in that takes cues, and has a stream when it is told so.
pub(crate) struct Ivs {
    pub(crate) stub: IvsStub,
}

impl Ivs {
    pub(crate) async fn start() -> Self {
        let stub = IvsStub::with(&[("PutMetadata", 204), ("GetStream", 200)]).await;
        Self { stub }
    }

    /// The next call fails with this status and error.
    pub(crate) fn fail_next(&self, status: u16, error: &'static str) {
        self.stub.fail_next(status, error);
    }

    /// The next question about the stream is answered with one that began then.
    pub(crate) fn live_since(&self, started: Timestamp) {
        let stream = json!({"state": "LIVE", "startTime": started.to_string()});
        self.stub.answer_next(json!({ "stream": stream }));
    }

    /// The cues that were accepted, each with the ARN of its channel.
    pub(crate) fn cues(&self) -> Vec<(String, Value)> {
        let cue = |request: Value| {
            let metadata = request["metadata"].as_str().unwrap();
            let channel = request["channelArn"].as_str().unwrap();
            (channel.to_owned(), serde_json::from_str(metadata).unwrap())
        };
        self.stub
            .taken_by("PutMetadata")
            .into_iter()
            .map(cue)
            .collect()
    }
}
