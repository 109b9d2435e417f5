//! The AWS calls that a function makes, answered from memory.
//!
//! Each operation has one prepared answer, so that the stub is never what a measurement waits for.
//! It can be told to fail an operation or to leave it waiting, and counts the calls that came.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::runtime_api::serve;

/// An operation that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Secrets Manager.
    GetSecretValue,
    /// DynamoDB.
    GetItem,
    /// EventBridge; the answer is that for one entry.
    PutEvents,
}

impl Operation {
    const ALL: [Self; 3] = [Self::GetSecretValue, Self::GetItem, Self::PutEvents];

    /// What `X-Amz-Target` says.
    fn target(self) -> &'static str {
        match self {
            Self::GetSecretValue => "secretsmanager.GetSecretValue",
            Self::GetItem => "DynamoDB_20120810.GetItem",
            Self::PutEvents => "AWSEvents.PutEvents",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::GetItem => "application/x-amz-json-1.0",
            Self::GetSecretValue | Self::PutEvents => "application/x-amz-json-1.1",
        }
    }
}

/// How an operation is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// It succeeds.
    Answer,
    /// It fails with status 500.
    Fail,
    /// It is never answered.
    Stall,
}

/// The stub, until it is dropped.
#[derive(Debug)]
pub struct AwsStub {
    address: SocketAddr,
    plans: Arc<[Plan; 3]>,
    server: JoinHandle<()>,
}

/// What is known of one operation.
#[derive(Debug)]
struct Plan {
    state: Mutex<PlanState>,
    calls: watch::Sender<u64>,
}

#[derive(Debug)]
struct PlanState {
    behaviour: Behaviour,
    answer: Bytes,
    last_request: Bytes,
}

impl Plan {
    fn state(&self) -> MutexGuard<'_, PlanState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AwsStub {
    /// Listens on a free port of 127.0.0.1. There is no item and no secret at first.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn serve() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let plan = |answer: Value| Plan {
            state: Mutex::new(PlanState {
                behaviour: Behaviour::Answer,
                answer: answer.to_string().into(),
                last_request: Bytes::new(),
            }),
            calls: watch::Sender::new(0),
        };
        // In the order of the enum.
        let plans = Arc::new([
            plan(json!({})),
            plan(json!({})),
            plan(json!({ "FailedEntryCount": 0, "Entries": [{ "EventId": "0" }] })),
        ]);
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&plans));
        Ok(Self {
            address,
            plans,
            server: serve(listener, router),
        })
    }

    /// What `AWS_ENDPOINT_URL` says.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the text of the secret, whichever is asked for.
    pub fn set_secret(&self, secret: &str) {
        let answer = json!({
            "ARN": "arn:aws:secretsmanager:eu-west-1:000000000000:secret:playback-key",
            "Name": "playback-key",
            "VersionId": "00000000-0000-4000-8000-000000000001",
            "SecretString": secret,
            "VersionStages": ["AWSCURRENT"],
            "CreatedDate": 1_767_225_600.0,
        });
        self.set_answer(Operation::GetSecretValue, &answer);
    }

    /// Sets the item that is found, whichever is asked for, with typed attributes as DynamoDB
    /// writes them; none: there is no such item.
    pub fn set_item(&self, item: Option<&Value>) {
        let answer = item.map_or_else(|| json!({}), |item| json!({ "Item": item }));
        self.set_answer(Operation::GetItem, &answer);
    }

    fn set_answer(&self, operation: Operation, answer: &Value) {
        self.plan(operation).state().answer = answer.to_string().into();
    }

    /// How an operation is met from now on.
    pub fn behave(&self, operation: Operation, behaviour: Behaviour) {
        self.plan(operation).state().behaviour = behaviour;
    }

    /// How many calls of an operation came, whatever became of them.
    pub fn calls(&self, operation: Operation) -> u64 {
        *self.plan(operation).calls.borrow()
    }

    /// Waits until so many calls of an operation came, however long.
    pub async fn called(&self, operation: Operation, times: u64) {
        let mut calls = self.plan(operation).calls.subscribe();
        // Its sender is kept by this very value.
        let _ = calls.wait_for(|calls| *calls >= times).await;
    }

    /// What the last call of an operation asked for; null when none came.
    pub fn last_request(&self, operation: Operation) -> Value {
        let bytes = self.plan(operation).state().last_request.clone();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    fn plan(&self, operation: Operation) -> &Plan {
        &self.plans[operation as usize]
    }
}

impl Drop for AwsStub {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(plans): State<Arc<[Plan; 3]>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").map(|target| target.as_bytes());
    let operation = Operation::ALL
        .into_iter()
        .find(|operation| Some(operation.target().as_bytes()) == target);
    let Some(operation) = operation else {
        let text = json!({ "__type": "UnknownOperationException" }).to_string();
        return (StatusCode::BAD_REQUEST, text).into_response();
    };
    let plan = &plans[operation as usize];
    let (behaviour, answer) = {
        let mut state = plan.state();
        state.last_request = body;
        (state.behaviour, state.answer.clone())
    };
    plan.calls.send_modify(|calls| *calls += 1);
    let content_type = [(CONTENT_TYPE, operation.content_type())];
    match behaviour {
        Behaviour::Answer => (content_type, answer).into_response(),
        Behaviour::Fail => {
            let text = json!({ "__type": "InternalServerError", "message": "told to fail" });
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            (status, content_type, text.to_string()).into_response()
        }
        Behaviour::Stall => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_own_place() {
        for (place, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(operation as usize, place);
        }
    }
}
