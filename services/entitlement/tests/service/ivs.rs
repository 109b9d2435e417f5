//! A stand-in for IVS that answers as it is told, since the real one cannot be made to fail.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, http::StatusCode, response::IntoResponse, routing::post};
use serde_json::{Value, json};

/// A running stand-in, and what it was asked.
pub(crate) struct Ivs {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    failures: VecDeque<(u16, &'static str)>,
    revocations: Vec<Value>,
}

impl Ivs {
    /// Starts one on a free port. It lasts as long as the test.
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let revoke = move |body: Bytes| async move { answer(&mut shared.lock().unwrap(), &body) };
        let router = Router::new().route("/StartViewerSessionRevocation", post(revoke));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, state }
    }

    /// The next call fails with this status and error.
    pub(crate) fn fail_next(&self, status: u16, error: &'static str) {
        let mut state = self.state.lock().unwrap();
        state.failures.push_back((status, error));
    }

    /// The revocations that were accepted.
    pub(crate) fn revocations(&self) -> Vec<Value> {
        self.state.lock().unwrap().revocations.clone()
    }
}

fn answer(state: &mut State, body: &Bytes) -> axum::response::Response {
    if let Some((status, error)) = state.failures.pop_front() {
        let status = StatusCode::from_u16(status).unwrap();
        let body = json!({ "exceptionMessage": "as the test wants" }).to_string();
        return (status, [("x-amzn-errortype", error)], body).into_response();
    }
    state
        .revocations
        .push(serde_json::from_slice(body).unwrap());
    (StatusCode::OK, "{}").into_response()
}
