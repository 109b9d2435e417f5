//! A stand-in for IVS that answers as a test tells it, since no real one can be made to fail.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use aws_config::SdkConfig;
use aws_sdk_ivs::config::retry::RetryConfig;
use axum::{Router, body::Bytes, http::StatusCode, response::IntoResponse, routing::post};
use serde_json::{Value, json};

/// A running stand-in for some operations, and what it was asked.
#[derive(Debug)]
pub struct IvsStub {
    endpoint: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    failures: VecDeque<(StatusCode, &'static str)>,
    outage: Option<(StatusCode, &'static str)>,
    answers: VecDeque<Value>,
    taken: Vec<(String, Value)>,
}

impl IvsStub {
    /// Starts one on a free port, which answers an operation, e.g. `PutMetadata`, with the status
    /// that IVS documents for its success. It lasts as long as the test's runtime.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start(operation: &str, success: u16) -> Self {
        Self::with(&[(operation, success)]).await
    }

    /// Starts one for several operations, each with the status of its success.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn with(operations: &[(&str, u16)]) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let mut router = Router::new();
        for &(operation, success) in operations {
            let success = StatusCode::from_u16(success).unwrap();
            let (shared, name) = (state.clone(), operation.to_owned());
            let handle = move |body: Bytes| async move {
                let request = serde_json::from_slice(&body).unwrap();
                shared.lock().unwrap().answer(&name, request, success)
            };
            router = router.route(&format!("/{operation}"), post(handle));
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, state }
    }

    /// A client that calls it, once per call.
    pub fn client(&self, config: &SdkConfig) -> aws_sdk_ivs::Client {
        let config = aws_sdk_ivs::config::Builder::from(config)
            .endpoint_url(&self.endpoint)
            .retry_config(RetryConfig::disabled());
        aws_sdk_ivs::Client::from_conf(config.build())
    }

    /// The next call that is not told to fail yet fails with this status and error.
    ///
    /// # Panics
    /// When there is no such status.
    pub fn fail_next(&self, status: u16, error: &'static str) {
        let failure = (StatusCode::from_u16(status).unwrap(), error);
        self.state.lock().unwrap().failures.push_back(failure);
    }

    /// From now on every call fails with this status and error, until [`IvsStub::recover`].
    ///
    /// # Panics
    /// When there is no such status.
    pub fn fail_all(&self, status: u16, error: &'static str) {
        let failure = (StatusCode::from_u16(status).unwrap(), error);
        self.state.lock().unwrap().outage = Some(failure);
    }

    /// Calls that are not told to fail are accepted again.
    ///
    /// # Panics
    /// When an answer panicked.
    pub fn recover(&self) {
        self.state.lock().unwrap().outage = None;
    }

    /// The next call that is accepted and not told what to answer yet is answered with this body.
    ///
    /// # Panics
    /// When an answer panicked.
    pub fn answer_next(&self, body: Value) {
        self.state.lock().unwrap().answers.push_back(body);
    }

    /// The requests that were accepted, in order.
    ///
    /// # Panics
    /// When an answer panicked.
    pub fn taken(&self) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        state
            .taken
            .iter()
            .map(|(_, request)| request.clone())
            .collect()
    }

    /// The requests of one operation that were accepted, in order.
    ///
    /// # Panics
    /// When an answer panicked.
    pub fn taken_by(&self, operation: &str) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        let taken = state.taken.iter().filter(|(by, _)| by == operation);
        taken.map(|(_, request)| request.clone()).collect()
    }
}

impl State {
    fn answer(
        &mut self,
        operation: &str,
        request: Value,
        success: StatusCode,
    ) -> axum::response::Response {
        if let Some((status, error)) = self.failures.pop_front().or(self.outage) {
            let body = json!({ "exceptionMessage": "as the test wants" }).to_string();
            return (status, [("x-amzn-errortype", error)], body).into_response();
        }
        self.taken.push((operation.to_owned(), request));
        match success {
            StatusCode::NO_CONTENT => success.into_response(),
            _ => {
                let body = self.answers.pop_front().unwrap_or_else(|| json!({}));
                (success, body.to_string()).into_response()
            }
        }
    }
}
