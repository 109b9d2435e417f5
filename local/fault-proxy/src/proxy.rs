//! Takes calls and hands them on, or does to them what a rule says.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    body::{self, Body, Bytes, HttpBody},
    http::{
        Request, Response, Uri,
        header::TRANSFER_ENCODING,
        request,
        uri::{Authority, Scheme},
    },
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::OnceCell,
    task,
    time::sleep,
};
use tracing::{info, warn};

use crate::{call::Call, caller::Caller, refusal, rule::Action, rules::Rules, watches::Watches};

/// The most bytes of a request or an answer: DynamoDB, which takes the largest, has this limit.
const LARGEST: usize = 16 * 1024 * 1024;
/// How long a connection to the cloud is kept unused: less than a server keeps it.
const KEPT: Duration = Duration::from_secs(2);
/// How long nothing is accepted after that has failed.
const PAUSE: Duration = Duration::from_millis(100);

/// A server of the cloud, the rules for calls to it, and who counts them.
#[derive(Debug, Clone)]
pub struct Proxy {
    upstream: Authority,
    client: Client<HttpConnector, Body>,
    rules: Arc<Rules>,
    watches: Arc<Watches>,
}

/// Why the connection is closed in place of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hangup {
    /// A rule wants it.
    Wanted,
    /// The request could not be read, or is too large.
    Request,
    /// The cloud did not answer, or too much.
    Upstream,
}

impl std::fmt::Display for Hangup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Wanted => "a rule wants it",
            Self::Request => "the request could not be read, or is too large",
            Self::Upstream => "the cloud did not answer, or too much",
        })
    }
}

impl std::error::Error for Hangup {}

/// One connection of a caller.
struct Connection {
    proxy: Proxy,
    peer: SocketAddr,
    own: SocketAddr,
    /// Who calls; looked for when a rule first asks.
    caller: OnceCell<Option<Caller>>,
}

impl Proxy {
    /// Calls go to this host and port, without TLS.
    pub fn new(upstream: Authority, rules: Arc<Rules>, watches: Arc<Watches>) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT)
            .build(connector);
        Self {
            upstream,
            client,
            rules,
            watches,
        }
    }

    /// Takes calls for ever.
    pub async fn serve(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    tokio::spawn(self.clone().connection(stream, peer));
                }
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn connection(self, stream: TcpStream, peer: SocketAddr) {
        let served: Result<(), io::Error> = async {
            stream.set_nodelay(true)?;
            let connection = Arc::new(Connection {
                proxy: self,
                peer,
                own: stream.local_addr()?,
                caller: OnceCell::new(),
            });
            let answer = service_fn(move |request| {
                let connection = connection.clone();
                async move { connection.answer(request).await }
            });
            // It ends with an error when the caller or a rule hangs up: nothing is wrong then.
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
            Ok(())
        }
        .await;
        if let Err(error) = served {
            warn!(%error, "lost a connection at once");
        }
    }

    /// Makes a call. The answer is held whole before any of it is handed on.
    async fn forward(&self, head: request::Parts, body: Bytes) -> Result<Response<Body>, Hangup> {
        let mut request = Request::from_parts(head, Body::from(body));
        let mut uri = std::mem::take(request.uri_mut()).into_parts();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(self.upstream.clone());
        *request.uri_mut() = Uri::from_parts(uri).map_err(|_| Hangup::Request)?;
        request.headers_mut().remove(TRANSFER_ENCODING);
        let upstream = |error: &dyn std::fmt::Display| {
            warn!(%error, "the cloud did not answer");
            Hangup::Upstream
        };
        let response = self.client.request(request).await;
        let (mut head, body) = response.map_err(|error| upstream(&error))?.into_parts();
        let body = body::to_bytes(Body::new(body), LARGEST).await;
        let body = body.map_err(|error| upstream(&error))?;
        head.headers.remove(TRANSFER_ENCODING);
        Ok(Response::from_parts(head, Body::from(body)))
    }
}

impl Connection {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Hangup> {
        let (head, body) = request.into_parts();
        let body = body::to_bytes(Body::new(body), LARGEST).await;
        let body = body.map_err(|_| Hangup::Request)?;
        let Proxy { rules, watches, .. } = &self.proxy;
        let caller = match rules.ask_for_the_caller() || watches.any() {
            true => self.caller().await,
            false => None,
        };
        let function = caller.map(|caller| caller.function.as_str());
        let call = Call::read(function, &head, &body);
        let counted = watches.about(&call);
        let answered = match rules.decide(&call) {
            None => self.proxy.forward(head, body).await,
            Some((rule, action)) => {
                let Call {
                    service, operation, ..
                } = call;
                info!(rule, ?action, function, service, operation, "hit");
                self.act(action, (head, body), caller, (&service, &operation))
                    .await
            }
        };
        if let (Ok(answer), Some(counted)) = (&answered, counted) {
            let bytes = answer.body().size_hint().exact().unwrap_or(0);
            watches.count(counted, !answer.status().is_success(), bytes);
        }
        answered
    }

    /// Does to a call what a rule says.
    async fn act(
        &self,
        action: Action,
        (head, body): (request::Parts, Bytes),
        caller: Option<&Caller>,
        (service, operation): (&str, &str),
    ) -> Result<Response<Body>, Hangup> {
        match action {
            Action::Throttle => {
                let (status, code) = refusal::throttling(service, operation);
                Ok(refusal::answer(&head, status, code))
            }
            Action::Fail => Ok(refusal::answer(&head, 500, refusal::failure(service))),
            Action::Refuse { status, code } => Ok(refusal::answer(&head, status, &code)),
            Action::Stall { millis } => {
                sleep(Duration::from_millis(millis)).await;
                self.proxy.forward(head, body).await
            }
            Action::LoseAnswer => {
                self.proxy.forward(head, body).await?;
                Err(Hangup::Wanted)
            }
            Action::KillBefore => {
                kill(caller);
                Err(Hangup::Wanted)
            }
            Action::KillAfter => {
                let made = self.proxy.forward(head, body).await;
                kill(caller);
                made.and(Err(Hangup::Wanted))
            }
        }
    }

    async fn caller(&self) -> Option<&Caller> {
        let (peer, own) = (self.peer, self.own);
        let look = || async move {
            let looked = task::spawn_blocking(move || Caller::of_connection(peer, own));
            looked.await.ok().flatten()
        };
        self.caller.get_or_init(look).await.as_ref()
    }
}

/// A rule that kills is about functions only, so there is one.
fn kill(caller: Option<&Caller>) {
    if let Some(Err(error)) = caller.map(Caller::kill) {
        warn!(%error, "the function has ended by itself");
    }
}
