//! A small cloud behind a proxy: it says what it was asked.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, Uri},
    response::IntoResponse,
};
use fault_proxy::{Rules, Watches, control, proxy::Proxy};
use serde_json::json;
use stage::faults::Faults;
use tokio::{net::TcpListener, task::JoinHandle};

/// The body of a request that gets no answer.
pub(crate) const NEVER_ANSWERED: &str = "never answered";

/// The cloud, the proxy before it, and how faults are made.
pub(crate) struct Cloud {
    pub(crate) proxy_url: String,
    pub(crate) control_url: String,
    pub(crate) faults: Faults,
    pub(crate) http: reqwest::Client,
    seen: Arc<Seen>,
    server: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Seen {
    calls: AtomicUsize,
    given_up: AtomicUsize,
}

/// Counts the calls that are given up.
struct Waiting(Arc<Seen>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.given_up.fetch_add(1, Ordering::SeqCst);
    }
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        let seen = Arc::new(Seen::default());
        let router = Router::new().fallback(answer).with_state(seen.clone());
        let (upstream, address) = listen().await;
        let server = tokio::spawn(async move { axum::serve(upstream, router).await.unwrap() });
        let rules = Arc::new(Rules::default());
        let watches = Arc::new(Watches::default());
        let (listener, proxy) = listen().await;
        let upstream = address.parse().unwrap();
        tokio::spawn(Proxy::new(upstream, rules.clone(), watches.clone()).serve(listener));
        let (listener, control) = listen().await;
        tokio::spawn(control::serve(listener, rules, watches));
        let control_url = format!("http://{control}");
        // Connections are not kept: each call is one of its own, as after a hang-up.
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        Self {
            proxy_url: format!("http://{proxy}"),
            faults: Faults::at(http.clone(), control_url.clone(), "cuepoint-".to_owned()),
            control_url,
            http,
            seen,
            server: Mutex::new(Some(server)),
        }
    }

    /// A call that is not sent yet.
    pub(crate) fn call(&self) -> reqwest::RequestBuilder {
        self.http.post(&self.proxy_url)
    }

    /// How many calls have reached the cloud.
    pub(crate) fn calls(&self) -> usize {
        self.seen.calls.load(Ordering::SeqCst)
    }

    /// How many calls were given up before there was an answer.
    pub(crate) fn given_up(&self) -> usize {
        self.seen.given_up.load(Ordering::SeqCst)
    }

    pub(crate) async fn until(&self, holds: impl Fn(&Self) -> bool) {
        let give_up = Instant::now() + Duration::from_secs(30);
        while !holds(self) {
            assert!(Instant::now() < give_up, "it does not come true");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends the cloud; the proxy stays.
    pub(crate) async fn end(&self) {
        let server = self.server.lock().unwrap().take().unwrap();
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled());
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

async fn answer(
    State(seen): State<Arc<Seen>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    seen.calls.fetch_add(1, Ordering::SeqCst);
    if body == NEVER_ANSWERED {
        let waiting = Waiting(seen);
        std::future::pending::<()>().await;
        drop(waiting);
    }
    let headers: BTreeMap<_, _> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let asked = json!({
        "method": method.as_str(),
        "uri": uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body[..body.len().min(100)]),
    });
    ([("x-from", "the cloud")], asked.to_string())
}
