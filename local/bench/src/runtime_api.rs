//! The Lambda Runtime API on this machine, for one execution environment.
//!
//! As AWS documents it ("Using the Lambda runtime API for custom runtimes"): the function polls
//! `invocation/next`, which is answered when there is an event, and posts its response or its
//! error. One event is under way at a time, as in an execution environment of Lambda.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use bytes::Bytes;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

/// What the deadline of an invocation says: the longest that Lambda lets an HTTP API's function run.
const TIMEOUT: Duration = Duration::from_secs(29);

/// The ARN that every function is told to have.
const FUNCTION_ARN: &str = "arn:aws:lambda:eu-west-1:000000000000:function:bench";

/// What a function made of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Response(Bytes),
    /// It reported an error.
    Error(Bytes),
}

/// An event that was handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// What came back.
    pub outcome: Outcome,
    /// From the answer to the poll until the response was in.
    pub took: Duration,
}

/// The API, until it is dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    address: SocketAddr,
    shared: Arc<Shared>,
    events: mpsc::Sender<Event>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    events: tokio::sync::Mutex<mpsc::Receiver<Event>>,
    /// When the function polled for the first time.
    first_poll: watch::Sender<Option<Instant>>,
    under_way: Mutex<HashMap<String, UnderWay>>,
    init_error: Mutex<Option<String>>,
}

/// An event that waits for a poll.
#[derive(Debug)]
struct Event {
    request_id: String,
    body: Bytes,
    reply: oneshot::Sender<Invocation>,
}

/// An event that a function has.
#[derive(Debug)]
struct UnderWay {
    since: Instant,
    reply: oneshot::Sender<Invocation>,
}

impl RuntimeApi {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// When there is none.
    pub async fn serve() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (events, receiver) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            events: tokio::sync::Mutex::new(receiver),
            first_poll: watch::Sender::new(None),
            under_way: Mutex::default(),
            init_error: Mutex::default(),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route(
                "/2018-06-01/runtime/invocation/{id}/response",
                post(response),
            )
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(Arc::clone(&shared));
        let server = serve(listener, router);
        Ok(Self {
            address,
            shared,
            events,
            server,
        })
    }

    /// What `AWS_LAMBDA_RUNTIME_API` says.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits for the first poll, which ends a cold start: when it came.
    pub async fn first_poll(&self) -> Instant {
        let mut first_poll = self.shared.first_poll.subscribe();
        let found = match first_poll.wait_for(Option::is_some).await {
            Ok(at) => *at,
            // Its sender is kept by this very value.
            Err(_) => None,
        };
        found.unwrap_or_else(Instant::now)
    }

    /// Hands an event to the function and waits for what becomes of it, however long. A function
    /// that dies never answers: who calls watches its process.
    pub async fn invoke(&self, request_id: &str, body: Bytes) -> Invocation {
        let (reply, answer) = oneshot::channel();
        let event = Event {
            request_id: request_id.to_owned(),
            body,
            reply,
        };
        // The receiving ends are kept by the server: what fails here is only a server that is gone.
        if self.events.send(event).await.is_ok()
            && let Ok(invocation) = answer.await
        {
            return invocation;
        }
        std::future::pending().await
    }

    /// What the function reported about a start that failed.
    pub fn init_error(&self) -> Option<String> {
        lock(&self.shared.init_error).clone()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Serves a router, answering each request without waiting for more to send.
pub(crate) fn serve(listener: TcpListener, router: Router) -> JoinHandle<()> {
    let listener = listener.tap_io(|stream| {
        // Without it the connection still works, only slower.
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(async move {
        // It ends with the task: `axum::serve` itself never does.
        let _ = axum::serve(listener, router).await;
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.first_poll.send_if_modified(|at| match at {
        Some(_) => false,
        None => at.replace(Instant::now()).is_none(),
    });
    let Some(event) = shared.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = SystemTime::now() + TIMEOUT;
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or(TIMEOUT);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", event.request_id.clone()),
        (
            "lambda-runtime-deadline-ms",
            deadline.as_millis().to_string(),
        ),
        (
            "lambda-runtime-invoked-function-arn",
            FUNCTION_ARN.to_owned(),
        ),
        (
            "lambda-runtime-trace-id",
            "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned(),
        ),
    ];
    let under_way = UnderWay {
        since: Instant::now(),
        reply: event.reply,
    };
    lock(&shared.under_way).insert(event.request_id, under_way);
    (headers, event.body).into_response()
}

async fn response(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    shared.finish(&id, Outcome::Response(body))
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    shared.finish(&id, Outcome::Error(body))
}

async fn init_error(State(shared): State<Arc<Shared>>, body: Bytes) -> StatusCode {
    let said = String::from_utf8_lossy(&body).into_owned();
    *lock(&shared.init_error) = Some(said);
    StatusCode::ACCEPTED
}

impl Shared {
    fn finish(&self, id: &str, outcome: Outcome) -> StatusCode {
        let now = Instant::now();
        let Some(under_way) = lock(&self.under_way).remove(id) else {
            return StatusCode::BAD_REQUEST;
        };
        let took = now.duration_since(under_way.since);
        // Who has asked may have given up.
        let _ = under_way.reply.send(Invocation { outcome, took });
        StatusCode::ACCEPTED
    }
}
