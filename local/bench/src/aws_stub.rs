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
    /// DynamoDB.
    PutItem,
    /// EventBridge; the answer is that for one entry.
    PutEvents,
}

impl Operation {
    const ALL: [Self; 4] = [
        Self::GetSecretValue,
        Self::GetItem,
        Self::PutItem,
        Self::PutEvents,
    ];

    /// What `X-Amz-Target` says.
    fn target(self) -> &'static str {
        match self {
            Self::GetSecretValue => "secretsmanager.GetSecretValue",
            Self::GetItem => "DynamoDB_20120810.GetItem",
            Self::PutItem => "DynamoDB_20120810.PutItem",
            Self::PutEvents => "AWSEvents.PutEvents",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::GetItem | Self::PutItem => "application/x-amz-json-1.0",
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
    plans: Arc<Plans>,
    server: JoinHandle<()>,
}

/// In the order of the operations.
type Plans = [Plan; Operation::ALL.len()];

/// What is known of one operation.
#[derive(Debug)]
struct Plan {
    state: Mutex<PlanState>,
    calls: watch::Sender<u64>,
}

#[derive(Debug)]
struct PlanState {
    behaviour: Behaviour,
    answer: Answer,
    /// What is answered when a request names one of these tables.
    of_tables: Vec<(String, Answer)>,
    last_request: Bytes,
}

#[derive(Debug, Clone)]
struct Answer {
    status: StatusCode,
    body: Bytes,
}

impl Answer {
    fn ok(body: &Value) -> Self {
        Self {
            status: StatusCode::OK,
            body: body.to_string().into(),
        }
    }
}

impl PlanState {
    fn answer_to(&self, request: &[u8]) -> Answer {
        let mut of_tables = self.of_tables.iter();
        let of_table = of_tables.find(|(table, _)| {
            let windows = &mut request.windows(table.len());
            windows.any(|window| window == table.as_bytes())
        });
        of_table.map_or(&self.answer, |(_, answer)| answer).clone()
    }
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
                answer: Answer::ok(&answer),
                of_tables: Vec::new(),
                last_request: Bytes::new(),
            }),
            calls: watch::Sender::new(0),
        };
        // In the order of the enum.
        let plans = Arc::new([
            plan(json!({})),
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
        self.set_answer(Operation::GetItem, &found(item));
    }

    /// Sets the item that is found in one table, whichever is asked for there: see
    /// [`Self::set_item`].
    pub fn set_item_of(&self, table: &str, item: Option<&Value>) {
        let answer = Answer::ok(&found(item));
        let of_tables = &mut self.plan(Operation::GetItem).state().of_tables;
        let name = format!("\"{table}\"");
        of_tables.retain(|(known, _)| *known != name);
        of_tables.push((name, answer));
    }

    /// Whether an item can be put: not, when there is this one, which its condition forbids.
    pub fn set_put(&self, before: Option<&Value>) {
        let answer = match before {
            None => Answer::ok(&json!({})),
            Some(item) => Answer {
                status: StatusCode::BAD_REQUEST,
                body: json!({
                    "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
                    "message": "The conditional request failed",
                    "Item": item,
                })
                .to_string()
                .into(),
            },
        };
        self.plan(Operation::PutItem).state().answer = answer;
    }

    fn set_answer(&self, operation: Operation, answer: &Value) {
        self.plan(operation).state().answer = Answer::ok(answer);
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

/// What GetItem answers.
fn found(item: Option<&Value>) -> Value {
    item.map_or_else(|| json!({}), |item| json!({ "Item": item }))
}

async fn answer(State(plans): State<Arc<Plans>>, headers: HeaderMap, body: Bytes) -> Response {
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
        let answer = state.answer_to(&body);
        state.last_request = body;
        (state.behaviour, answer)
    };
    plan.calls.send_modify(|calls| *calls += 1);
    let content_type = [(CONTENT_TYPE, operation.content_type())];
    match behaviour {
        Behaviour::Answer => (answer.status, content_type, answer.body).into_response(),
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
