//! The video, as a stand-in for IVS was given it.

use serde_json::Value;
use stage::IvsStub;

/// A running stand-in that takes cues.
pub(crate) struct Ivs {
    pub(crate) stub: IvsStub,
}

impl Ivs {
    pub(crate) async fn start() -> Self {
        let stub = IvsStub::start("PutMetadata", 204).await;
        Self { stub }
    }

    /// The next call fails with this status and error.
    pub(crate) fn fail_next(&self, status: u16, error: &'static str) {
        self.stub.fail_next(status, error);
    }

    /// The cues that were accepted, each with the ARN of its channel.
    pub(crate) fn cues(&self) -> Vec<(String, Value)> {
        let cue = |request: Value| {
            let metadata = request["metadata"].as_str().unwrap();
            let channel = request["channelArn"].as_str().unwrap();
            (channel.to_owned(), serde_json::from_str(metadata).unwrap())
        };
        self.stub.taken().into_iter().map(cue).collect()
    }
}
