//! A stand-in for IVS that answers as it is told, since a real one cannot be made to fail.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, http::StatusCode, response::IntoResponse, routing::post};
use serde_json::{Value, json};

/// A running stand-in, and what it was given.
pub(crate) struct Ivs {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    failures: VecDeque<(u16, &'static str)>,
    cues: Vec<(String, Value)>,
}

impl Ivs {
    /// Starts one on a free port. It lasts as long as the test.
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let put = move |body: Bytes| async move { answer(&mut shared.lock().unwrap(), &body) };
        let router = Router::new().route("/PutMetadata", post(put));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, state }
    }

    /// The next call fails with this status and error.
    pub(crate) fn fail_next(&self, status: u16, error: &'static str) {
        self.state
            .lock()
            .unwrap()
            .failures
            .push_back((status, error));
    }

    /// The cues that were accepted, each with the ARN of its channel.
    pub(crate) fn cues(&self) -> Vec<(String, Value)> {
        self.state.lock().unwrap().cues.clone()
    }
}

fn answer(state: &mut State, body: &Bytes) -> axum::response::Response {
    if let Some((status, error)) = state.failures.pop_front() {
        let status = StatusCode::from_u16(status).unwrap();
        let body = json!({"exceptionMessage": "as the test wants"}).to_string();
        return (status, [("x-amzn-errortype", error)], body).into_response();
    }
    let request: Value = serde_json::from_slice(body).unwrap();
    let cue = serde_json::from_str(request["metadata"].as_str().unwrap()).unwrap();
    state
        .cues
        .push((request["channelArn"].as_str().unwrap().to_owned(), cue));
    StatusCode::NO_CONTENT.into_response()
}
