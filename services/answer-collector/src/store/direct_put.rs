//! The PutItem of an answer, sent without the SDK's own operation.
//!
//! It is the one call that is made for every answer of an audience, and the operation that the SDK
//! generates takes most of an answer's time: it puts configuration, interceptors, endpoint and
//! signature together anew for each call. `cargo xtask bench answers` measures both side by side.
//!
//! Nothing is configured a second time for it. The first answer goes through the SDK, and what the
//! SDK sends is kept as a [`Form`]: its address and headers, and the HTTP client, the credentials
//! and the clock that it used. An answer after that fills in what differs, which is the body, its
//! length, the date, the ids of call and trace, and the signature. A form is used only when it comes to
//! the same signature as the SDK for the request that it was taken from. The clock is taken to be
//! right, as Lambda's is: only the SDK signs anew for a server whose clock differs.
//!
//! Only success is understood here. Whatever else comes of an attempt, also nothing in time, is
//! handed to the SDK as what came of *its* first attempt ([`Outcome`]). So what an error means, what
//! stands there already, how often and after which pause it is tried again, is decided by the
//! SDK alone, as for every other call. It does not see what succeeds, which for other calls pays for
//! later retries: those of answers have an allowance of their own ([`retries`]).

mod form;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_dynamodb::config::{
    ConfigBag, Intercept, RuntimeComponents, SharedHttpClient,
    http::{HttpRequest, HttpResponse},
    interceptors::BeforeTransmitInterceptorContextRef,
    retry::{RetryPartition, TokenBucket},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connection::CaptureSmithyConnection,
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        identity::Identity,
        result::ConnectorError,
    },
};
use aws_smithy_types::byte_stream::ByteStream;
use jiff::Timestamp;
use serde::Serialize;

use self::form::Form;
use super::answers::Answer;

/// What retries of answers may cost one running function, over and above the 500 that it has saved: a
/// retry costs 5, or 10 after a timeout, a lost connection or a failure of the service, and gives them
/// back when it helps (`TokenBucket` of the SDK).
const RETRY_TOKENS_PER_SECOND: f32 = 50.0;

/// The allowance for the retries of answers. Successes do not fill it up, since most are not seen by
/// the SDK; time does.
pub(super) fn retries() -> RetryPartition {
    let bucket = TokenBucket::builder().refill_rate(RETRY_TOKENS_PER_SECOND);
    RetryPartition::custom("answers")
        .token_bucket(bucket.build())
        .build()
}

/// The condition under which an answer is kept.
pub(super) const CONDITION: &str = "attribute_not_exists(viewerId)";

/// Sends answers; its clones share what they know.
#[derive(Debug, Clone, Default)]
pub(super) struct DirectPut {
    known: Arc<Mutex<Known>>,
}

/// What is known of the SDK's requests.
#[derive(Debug, Default)]
enum Known {
    #[default]
    Nothing,
    /// Taken from a request; whether it signs alike is not known yet.
    Unproven(Arc<Form>),
    /// It signs as the SDK does.
    Proven(Arc<Form>),
    /// It does not: every answer goes through the SDK.
    Unusable,
}

/// What became of an answer.
#[derive(Debug)]
pub(super) enum Attempt {
    /// It is kept.
    Kept,
    /// The SDK has to see what came of it, and go on.
    Failed(Box<Outcome>),
    /// Nothing was sent.
    NotMade,
}

/// What came of an attempt that did not succeed, and where the next ones go.
#[derive(Debug)]
pub(super) struct Outcome {
    came: Result<HttpResponse, ConnectorError>,
    connector: SharedHttpConnector,
    /// What it was sent on, which the SDK does not use again after some failures.
    connection: CaptureSmithyConnection,
}

impl DirectPut {
    /// Makes one attempt to keep an answer, for as long as this.
    pub(super) async fn attempt(
        &self,
        table: &str,
        partition: &str,
        answer: &Answer,
        within: Duration,
    ) -> Attempt {
        let (form, proven) = match &*self.lock() {
            Known::Proven(form) => (Arc::clone(form), true),
            Known::Unproven(form) => (Arc::clone(form), false),
            Known::Nothing | Known::Unusable => return Attempt::NotMade,
        };
        let connection = CaptureSmithyConnection::new();
        let failed = |came| {
            Attempt::Failed(Box::new(Outcome {
                came,
                connector: form.connector.clone(),
                connection: connection.clone(),
            }))
        };
        let sent = async {
            let Some(identity) = form.identity().await else {
                return Ok(Attempt::NotMade);
            };
            if !form.is_of(&identity) {
                *self.lock() = Known::Nothing;
                return Ok(Attempt::NotMade);
            }
            if !proven && !self.prove(&form, &identity) {
                return Ok(Attempt::NotMade);
            }
            let Some(mut request) = form.request(body(table, partition, answer), &identity) else {
                return Ok(Attempt::NotMade);
            };
            request.add_extension(connection.clone());
            let response = form.connector.call(request).await?;
            if response.status().is_success() {
                return read_to_end(response).await.map(|()| Attempt::Kept);
            }
            Ok(failed(Ok(response)))
        };
        let sent = tokio::time::timeout(within, sent).await;
        let sent = sent.unwrap_or_else(|elapsed| Err(ConnectorError::timeout(elapsed.into())));
        sent.unwrap_or_else(|error| failed(Err(error)))
    }

    /// Takes the form of the next request that it sees, unless one is known.
    pub(super) fn learner(&self) -> impl Intercept + use<> {
        Learner(self.clone())
    }

    fn prove(&self, form: &Arc<Form>, identity: &Identity) -> bool {
        let proven = form.signs_alike(identity);
        *self.lock() = match proven {
            true => Known::Proven(Arc::clone(form)),
            false => Known::Unusable,
        };
        if !proven {
            tracing::warn!("the SDK signs in another way: its own operation is used");
        }
        proven
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcome {
    /// A client that first tells what came of the attempt already made, and from then on sends.
    pub(super) fn http_client(self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(Replay {
            first: Mutex::new(Some((self.came, self.connection))),
            then: self.connector,
        });
        http_client_fn(move |_, _| connector.clone())
    }
}

#[derive(Debug)]
struct Replay {
    first: Mutex<
        Option<(
            Result<HttpResponse, ConnectorError>,
            CaptureSmithyConnection,
        )>,
    >,
    then: SharedHttpConnector,
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        match first.take() {
            Some((came, connection)) => {
                if let Some(captured) = request.extension::<CaptureSmithyConnection>() {
                    captured.set_connection_retriever(move || connection.get());
                }
                HttpConnectorFuture::ready(came)
            }
            None => self.then.call(request),
        }
    }
}

struct Learner(DirectPut);

impl fmt::Debug for Learner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Learner")
    }
}

impl Intercept for Learner {
    fn name(&self) -> &'static str {
        "Learner"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut known = self.0.lock();
        if let Known::Nothing = *known {
            *known = match Form::of(context.request(), components, settings) {
                Some(form) => Known::Unproven(Arc::new(form)),
                None => Known::Unusable,
            };
        }
        Ok(())
    }
}

/// So that the connection can be used again.
async fn read_to_end(response: HttpResponse) -> Result<(), ConnectorError> {
    if response.body().bytes().is_some() {
        return Ok(());
    }
    let body = ByteStream::new(response.into_body()).collect().await;
    body.map(|_| ())
        .map_err(|error| ConnectorError::io(error.into()))
}

/// PutItem as DynamoDB reads it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutItem<'a> {
    table_name: &'a str,
    item: Attributes<'a>,
    condition_expression: &'static str,
    return_values_on_condition_check_failure: &'static str,
}

/// An answer's item.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Attributes<'a> {
    partition: Attribute<'a>,
    viewer_id: Attribute<'a>,
    choice: Attribute<'a>,
    received_at: Attribute<'a>,
    name: Attribute<'a>,
}

#[derive(Serialize)]
enum Attribute<'a> {
    S(&'a str),
    #[serde(rename = "S")]
    Time(Timestamp),
    N(String),
}

fn body(table: &str, partition: &str, answer: &Answer) -> String {
    let put = PutItem {
        table_name: table,
        item: Attributes {
            partition: Attribute::S(partition),
            viewer_id: Attribute::S(answer.viewer_id.as_str()),
            choice: Attribute::N(answer.choice.to_string()),
            received_at: Attribute::Time(answer.received_at),
            name: Attribute::S(&answer.name),
        },
        condition_expression: CONDITION,
        return_values_on_condition_check_failure: "ALL_OLD",
    };
    serde_json::to_string(&put).expect("it has only text for keys")
}
