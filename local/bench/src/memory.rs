//! DynamoDB and its like answered from memory, inside the SDK's client: everything up to the network is real, and
//! on the thread that calls.

use std::fmt;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    config::http::{HttpRequest, HttpResponse},
};
use aws_smithy_runtime_api::{
    client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
    },
    http::StatusCode,
};
use bytes::Bytes;

/// The headers of an answer, in their number and length as DynamoDB sends them.
const HEADERS: [(&str, &str); 5] = [
    ("server", "Server"),
    ("date", "Sun, 22 Nov 2026 12:00:00 GMT"),
    ("content-type", "application/x-amz-json-1.0"),
    (
        "x-amzn-requestid",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOP",
    ),
    ("x-amz-crc32", "2745614147"),
];

/// What answers a call: the operation and the request's body in, the body of the answer out.
pub trait Tables: Send + Sync + 'static {
    /// `operation` is the operation's name, e.g. `PutItem`; `request` its JSON.
    fn answer(&self, operation: &str, request: &[u8]) -> Bytes;
}

impl<F: Fn(&str, &[u8]) -> Bytes + Send + Sync + 'static> Tables for F {
    fn answer(&self, operation: &str, request: &[u8]) -> Bytes {
        self(operation, request)
    }
}

/// A client of DynamoDB as a function has it, but for the network.
pub fn client(sdk: &SdkConfig, tables: impl Tables) -> Client {
    let config = aws_sdk_dynamodb::config::Builder::from(sdk).http_client(http_client(tables));
    Client::from_conf(config.build())
}

/// What stands in for the network, for the client of any service that is called like DynamoDB.
pub fn http_client(tables: impl Tables) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(tables));
    http_client_fn(move |_, _| connector.clone())
}

struct Connector<T>(T);

impl<T> fmt::Debug for Connector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl<T: Tables> HttpConnector for Connector<T> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit_once('.').map_or(target, |(_, name)| name);
        let body = request.body().bytes().unwrap_or_default();
        HttpConnectorFuture::ready(Ok(respond(self.0.answer(operation, body))))
    }
}

/// A successful answer, which is also what it costs to give one.
pub fn respond(body: Bytes) -> HttpResponse {
    let status = StatusCode::try_from(200).expect("a status");
    let mut response = HttpResponse::new(status, body.into());
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}
