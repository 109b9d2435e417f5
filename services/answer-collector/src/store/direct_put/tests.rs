//! An answer sent directly is what the SDK would have sent, and comes to what it would have come to.

use std::{collections::VecDeque, io, process::Command, time::Instant};

use aws_credential_types::provider::future;
use aws_sdk_dynamodb::{
    Client, Config,
    config::{
        BehaviorVersion, Credentials, IdentityCache, ProvideCredentials, Region,
        interceptors::BeforeTransmitInterceptorContextMut, retry::RetryConfig,
    },
};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_smithy_runtime_api::http::Headers;
use serde_json::Value;

use super::*;
use crate::{
    keys::Partition,
    store::{
        StoreError,
        answers::{AnswerStore, Put},
    },
};

/// What is short here, so that nobody waits.
const WITHIN: Duration = Duration::from_millis(400);
const TAKEN: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
    "Item":{"viewerId":{"S":"ada"},"choice":{"N":"1"},"name":{"S":"Zo\u00eb"},
    "receivedAt":{"S":"2026-11-22T08:00:00Z"},"partition":{"S":"quiz#run#q1#0"}}}"#;
const REFUSED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
    "Item":{"viewerId":{"S":"ada"},"refusedAt":{"S":"2026-11-22T08:00:00Z"}}}"#;
const THROTTLED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#;
const FAILED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}"#;
const DENIED: &str = r#"{"__type":"com.amazon.coral.service#AccessDeniedException"}"#;

/// What DynamoDB does with a call.
#[derive(Debug, Clone, Copy)]
enum Does {
    Answer(u16, &'static str),
    HangUp,
    Nothing,
}

/// DynamoDB, which does these one after the other and then keeps everything.
#[derive(Debug, Clone, Default)]
struct Table {
    does: Arc<Mutex<VecDeque<Does>>>,
    asked: Arc<Mutex<Vec<HttpRequest>>>,
}

impl HttpConnector for Table {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.asked.lock().unwrap().push(request);
        let does = self.does.lock().unwrap().pop_front();
        match does.unwrap_or(Does::Answer(200, "{}")) {
            Does::Answer(status, body) => {
                let status = status.try_into().unwrap();
                let response = HttpResponse::new(status, body.to_owned().into());
                HttpConnectorFuture::ready(Ok(response))
            }
            Does::HangUp => {
                let error = io::Error::from(io::ErrorKind::ConnectionReset);
                HttpConnectorFuture::ready(Err(ConnectorError::io(error.into())))
            }
            Does::Nothing => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

impl Table {
    fn config(&self) -> aws_sdk_dynamodb::config::Builder {
        let connector = SharedHttpConnector::new(self.clone());
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-1"))
            .credentials_provider(credentials("AKID", None))
            .retry_config(retries)
            .http_client(http_client_fn(move |_, _| connector.clone()))
    }

    /// What was asked since the last time.
    fn asked(&self) -> Vec<HttpRequest> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn credentials(key: &str, token: Option<&str>) -> Credentials {
    Credentials::new(key, "secret", token.map(str::to_owned), None, "test")
}

fn store(config: aws_sdk_dynamodb::config::Builder) -> AnswerStore {
    AnswerStore::new(Client::from_conf(config.build()), "answers".to_owned())
}

fn answer() -> Answer {
    Answer {
        viewer_id: "ada".parse().unwrap(),
        choice: 2,
        received_at: "2026-11-22T08:00:00.120Z".parse().unwrap(),
        name: "Zoë \"Z\" \\ 🦊".to_owned(),
    }
}

async fn put(store: &AnswerStore) -> Result<Put, StoreError> {
    let partition: Partition = "quiz#run#q1#0".parse().unwrap();
    store.put(&partition, &answer(), WITHIN).await
}

/// A store that has sent a first answer through the SDK.
async fn learned(table: &Table, config: aws_sdk_dynamodb::config::Builder) -> AnswerStore {
    let store = store(config);
    assert_eq!(put(&store).await.unwrap(), Put::New);
    assert!(matches!(*store.direct.lock(), Known::Unproven(_)));
    assert_eq!(table.asked().len(), 1);
    store
}

/// The headers without those that differ each time, and the body.
fn content(request: &HttpRequest) -> (Vec<(String, String)>, Value) {
    let differs = ["authorization", "x-amz-date", "amz-sdk-invocation-id"];
    let headers = request.headers().iter();
    let mut headers: Vec<_> = headers
        .filter(|(name, _)| !differs.contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    headers.sort();
    let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
    (headers, body)
}

/// The signature that `aws-sigv4` gives a request.
fn signature(request: &HttpRequest, credentials: &Credentials) -> String {
    let date = request.headers().get("x-amz-date").unwrap();
    let date = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).unwrap();
    let date = date.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    let identity = credentials.clone().into();
    let parameters = aws_sigv4::sign::v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("dynamodb")
        .time(date.into())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    // Those are put in by the signature itself, or come after it.
    let later = [
        "x-amz-date",
        "x-amz-security-token",
        "amz-sdk-invocation-id",
        "amz-sdk-request",
    ];
    let headers = request.headers().iter();
    let headers = headers.filter(|(name, _)| !later.contains(name));
    let body = SignableBody::Bytes(request.body().bytes().unwrap());
    let request = SignableRequest::new("POST", request.uri(), headers, body).unwrap();
    sign(request, &parameters).unwrap().into_parts().1
}

#[tokio::test]
async fn an_answer_is_sent_and_signed_as_the_sdk_does() {
    let token = Some("token//of+a/session==");
    for (token, endpoint) in [
        (None, None),
        (token, None),
        (token, Some("http://127.0.0.1:8000")),
        (
            None,
            Some("https://vpce-1.dynamodb.eu-west-1.vpce.amazonaws.com/"),
        ),
    ] {
        let (table, credentials) = (Table::default(), credentials("AKID", token));
        let mut config = table.config().credentials_provider(credentials.clone());
        config.set_endpoint_url(endpoint.map(str::to_owned));
        let store = store(config);
        for _ in 0..3 {
            assert_eq!(put(&store).await.unwrap(), Put::New);
        }
        assert!(matches!(*store.direct.lock(), Known::Proven(_)));
        let said = format!("{:?}", store.direct);
        assert!(
            !said.contains("secret") && !said.contains("session=="),
            "{said}"
        );
        let asked = table.asked();
        let [sdk, direct @ ..] = asked.as_slice() else {
            panic!("nothing was sent");
        };
        assert_eq!(direct.len(), 2);
        let trace = std::env::var("_X_AMZN_TRACE_ID").ok();
        assert_eq!(sdk.headers().get("x-amzn-trace-id"), trace.as_deref());
        for request in direct {
            assert_eq!((request.method(), request.uri()), (sdk.method(), sdk.uri()));
            assert_eq!(content(request), content(sdk), "{endpoint:?}");
            let authorization = |request: &HttpRequest| {
                let header = request.headers().get("authorization").unwrap();
                let (start, signature) = header.rsplit_once('=').unwrap();
                (start.to_owned(), signature.to_owned())
            };
            let expected = (authorization(sdk).0, signature(request, &credentials));
            assert_eq!(authorization(request), expected, "{endpoint:?}");
        }
        let id = |request: &HttpRequest| {
            request
                .headers()
                .get("amz-sdk-invocation-id")
                .unwrap()
                .to_owned()
        };
        assert_ne!(id(&direct[0]), id(&direct[1]));
    }
}

/// Changes what the SDK is about to send.
#[derive(Debug)]
struct Changes(fn(&mut Headers));

impl Intercept for Changes {
    fn name(&self) -> &'static str {
        "Changes"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0(context.request_mut().headers_mut());
        Ok(())
    }
}

#[tokio::test]
async fn the_trace_of_the_first_answer_is_not_that_of_the_others() {
    let table = Table::default();
    let traced = Changes(|headers| {
        headers.insert("x-amzn-trace-id", "Root=the-first");
    });
    let store = store(table.config().interceptor(traced));
    for expected in [Some("Root=the-first"), None, None] {
        assert_eq!(put(&store).await.unwrap(), Put::New);
        let asked = table.asked();
        assert_eq!(asked[0].headers().get("x-amzn-trace-id"), expected);
    }
    assert!(matches!(*store.direct.lock(), Known::Proven(_)));
}

/// Lambda's runtime tells the id in the environment, which is a process's own.
#[test]
fn in_a_function_the_id_of_the_trace_is_sent_along() {
    let same = "store::direct_put::tests::an_answer_is_sent_and_signed_as_the_sdk_does";
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", same])
        .env("AWS_LAMBDA_FUNCTION_NAME", "answer-api")
        .env(
            "_X_AMZN_TRACE_ID",
            "Root=1-5759e988-bd862e3f;Parent=53995c3f;Sampled=1",
        )
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

/// A table that fails is not asked three times for each answer for long, but time makes up for it.
#[tokio::test]
async fn retries_are_paid_for_and_time_fills_up_what_is_left() {
    let table = Table::default();
    let store = learned(&table, table.config()).await;
    let tries = async || {
        table
            .does
            .lock()
            .unwrap()
            .extend([Does::Answer(500, FAILED); 3]);
        assert!(may_pass(&put(&store).await, "InternalServerError"));
        table.does.lock().unwrap().clear();
        table.asked().len()
    };
    assert_eq!(tries().await, 3);
    let mut failed = 1;
    while tries().await > 1 {
        failed += 1;
        assert!(failed <= 60, "not paid for");
    }
    // Two retries of 10 tokens each, of the 500 that there are at first, and of what some seconds add.
    assert!((24..=60).contains(&failed), "{failed}");
    // It is filled up each whole second.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(tries().await, 3);
}

/// Whether this is what has to come of it.
type Expected = fn(&Result<Put, StoreError>) -> bool;

/// Whatever DynamoDB does, it is told the same and asked as often as by the SDK alone.
#[tokio::test]
async fn everything_but_success_is_the_sdks_to_decide() {
    use Does::{Answer, HangUp, Nothing};
    let scripts: [(&[Does], usize, Expected); 10] = [
        (&[], 1, |put| matches!(put, Ok(Put::New))),
        (
            &[Answer(400, TAKEN)],
            1,
            |put| matches!(put, Ok(Put::Before(before)) if before.choice == 1),
        ),
        (&[Answer(400, REFUSED)], 1, |put| {
            matches!(put, Ok(Put::Refused))
        }),
        (&[Answer(400, THROTTLED)], 2, |put| {
            matches!(put, Ok(Put::New))
        }),
        (&[HangUp, Answer(400, TAKEN)], 2, |put| {
            matches!(put, Ok(Put::Before(_)))
        }),
        (&[Nothing], 2, |put| matches!(put, Ok(Put::New))),
        (&[Answer(500, FAILED); 3], 3, |put| {
            may_pass(put, "InternalServerError")
        }),
        (&[Answer(503, "busy"), HangUp, HangUp], 3, |put| {
            may_pass(put, "NoConnection")
        }),
        (&[Nothing; 3], 2, |put| may_pass(put, "Timeout")),
        (
            &[Answer(400, DENIED)],
            1,
            |put| matches!(put, Err(StoreError::Aws(error)) if !error.may_pass()),
        ),
    ];
    for (does, calls, expected) in scripts {
        let table = Table::default();
        let direct = learned(&table, table.config()).await;
        let alone = store(table.config());
        *alone.direct.lock() = Known::Unusable;
        let mut came = Vec::new();
        for store in [&direct, &alone] {
            table.does.lock().unwrap().extend(does);
            let since = Instant::now();
            let result = put(store).await;
            assert!(expected(&result), "{does:?} {result:?}");
            assert!(since.elapsed() < 4 * WITHIN, "{does:?}: not given up");
            let asked = table.asked();
            assert_eq!(asked.len(), calls, "{does:?}");
            let attempts = asked
                .iter()
                .map(|request| request.headers().get("amz-sdk-request"));
            let attempts: Vec<_> = attempts.map(|text| text.unwrap().to_owned()).collect();
            came.push((format!("{result:?}"), attempts));
            table.does.lock().unwrap().clear();
        }
        assert!(matches!(*direct.direct.lock(), Known::Proven(_)));
        assert_eq!(came[0], came[1], "{does:?}");
    }
}

fn may_pass(put: &Result<Put, StoreError>, code: &str) -> bool {
    matches!(put, Err(StoreError::Aws(error)) if error.may_pass() && error.code == code)
}

/// Credentials that can be replaced.
#[derive(Debug, Clone)]
struct Rotating(Arc<Mutex<Credentials>>);

impl ProvideCredentials for Rotating {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::ready(Ok(self.0.lock().unwrap().clone()))
    }
}

#[tokio::test]
async fn with_other_credentials_the_form_is_taken_anew() {
    let table = Table::default();
    let keys = Rotating(Arc::new(Mutex::new(credentials("FIRST", Some("one")))));
    let config = table.config().credentials_provider(keys.clone());
    let store = learned(&table, config.identity_cache(IdentityCache::no_cache())).await;
    for (key, token) in [("FIRST", "one"), ("FIRST", "two"), ("SECOND", "two")] {
        *keys.0.lock().unwrap() = credentials(key, Some(token));
        for _ in 0..2 {
            assert_eq!(put(&store).await.unwrap(), Put::New);
        }
        assert!(matches!(*store.direct.lock(), Known::Proven(_)));
        let asked = table.asked();
        assert_eq!(asked.len(), 2);
        for request in asked {
            let header = |name| request.headers().get(name).unwrap();
            assert_eq!(header("x-amz-security-token"), token);
            let signed = signature(&request, &credentials(key, Some(token)));
            assert!(header("authorization").contains(&format!("Credential={key}/")));
            assert!(header("authorization").ends_with(&signed));
        }
    }
}

#[tokio::test]
async fn where_the_sdk_signs_in_another_way_it_sends_everything_itself() {
    let table = Table::default();
    let other_signature = Changes(|headers| {
        let header = headers.get("authorization").unwrap();
        let (start, _) = header.rsplit_once('=').unwrap();
        let other = format!("{start}={}", "0".repeat(64));
        headers.insert("authorization", other);
    });
    let store = learned(&table, table.config().interceptor(other_signature)).await;
    for _ in 0..2 {
        assert_eq!(put(&store).await.unwrap(), Put::New);
        assert!(matches!(*store.direct.lock(), Known::Unusable));
        let asked = table.asked();
        assert_eq!(asked.len(), 1);
        let header = asked[0].headers().get("authorization").unwrap();
        assert!(
            header.ends_with("=0000000000000000000000000000000000000000000000000000000000000000")
        );
    }
}
