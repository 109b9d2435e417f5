//! One page of a query, read from the body of the answer itself.
//!
//! The SDK makes a map of texts of every item, with five times the processor time of reading the
//! few attributes that are asked for straight into their type: too much for a million items. So
//! it does everything else (signing, sending, retries, errors), and only what it would do with
//! the body of a page that came is done here.

use std::{
    borrow::Cow,
    fmt::{self, Display},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, http::HttpResponse,
        interceptors::BeforeDeserializationInterceptorContextRef,
    },
    error::BoxError,
    operation::query::{QueryOutput, builders::QueryFluentBuilder},
};
use aws_smithy_runtime_api::client::{
    interceptors::context::{Error, Output},
    orchestrator::OrchestratorError,
    ser_de::{DeserializeResponse, SharedResponseDeserializer},
};
use cuepoint_shared::aws::{AwsError, Failure};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

/// How often a page is asked for that is throttled, each time after the SDK's own retries, and how
/// long it is waited before the second time; each later time it is twice as long. Whoever reads a
/// million answers need not begin anew because of one page.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// What a page's body is read into.
type Slot<T> = Arc<Mutex<Option<serde_json::Result<T>>>>;

/// Sends a query for one page, patiently while it is throttled, and reads the body of the answer:
/// JSON as DynamoDB writes it, in which every value says its type (see [`typed`]).
///
/// # Errors
/// [`AwsError`] from the call; within, the error of a body that is something else.
pub(super) async fn send<T>(query: QueryFluentBuilder) -> Result<serde_json::Result<T>, AwsError>
where
    T: DeserializeOwned + Send + 'static,
{
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS {
        match send_once(query.clone()).await {
            Err(error) if error.failure == Failure::Throttled => tokio::time::sleep(pause).await,
            sent => return sent,
        }
        pause *= 2;
    }
    send_once(query).await
}

async fn send_once<T>(query: QueryFluentBuilder) -> Result<serde_json::Result<T>, AwsError>
where
    T: DeserializeOwned + Send + 'static,
{
    let slot = Slot::default();
    let take_body = TakeBody(Arc::clone(&slot));
    let sent = query.customize().interceptor(take_body).send().await;
    sent.map_err(|error| AwsError::new("Query", &error))?;
    let mut read = slot.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(read
        .take()
        .expect("a call succeeds only by reading its body"))
}

/// Reads a value that says its type, e.g. `{"N":"7"}`, from its text.
///
/// # Errors
/// When it is another value.
pub(super) fn typed<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(borrow, rename = "S", alias = "N")]
        text: Cow<'a, str>,
    }
    let Typed { text } = Typed::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// Puts itself in the place of the SDK's reading of a page, once one has come.
struct TakeBody<T>(Slot<T>);

impl<T> fmt::Debug for TakeBody<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TakeBody").finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned + Send + 'static> Intercept for TakeBody<T> {
    fn name(&self) -> &'static str {
        "TakeBody"
    }

    /// A refusal is left to the SDK, whose retries depend on it.
    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.response().status().is_success() {
            let this = SharedResponseDeserializer::new(Self(Arc::clone(&self.0)));
            config.interceptor_state().store_put(this);
        }
        Ok(())
    }
}

impl<T: DeserializeOwned + Send> DeserializeResponse for TakeBody<T> {
    fn deserialize_nonstreaming_with_config(
        &self,
        response: &HttpResponse,
        _: &ConfigBag,
    ) -> Result<Output, OrchestratorError<Error>> {
        let body = response.body().bytes();
        let (true, Some(body)) = (response.status().is_success(), body) else {
            // An earlier attempt succeeded but its body broke off: what came now can be tried again.
            return Err(OrchestratorError::response("not a page".into()));
        };
        let read = serde_json::from_slice(body);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
        Ok(Output::erase(QueryOutput::builder().build()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use aws_sdk_dynamodb::{
        Client, Config,
        config::{BehaviorVersion, HttpClient, Region, http::HttpRequest, retry::RetryConfig},
    };
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    };

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Row {
        #[serde(deserialize_with = "typed")]
        name: String,
        #[serde(deserialize_with = "typed")]
        choice: u32,
    }

    const PAGE: &str = r#"{"choice":{"N":"3"},"other":{"L":[]},"name":{"S":"Zo\u00eb \"Z\""}}"#;
    const THROTTLED: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException"}"#;

    fn row() -> Row {
        Row {
            name: "Zoë \"Z\"".to_owned(),
            choice: 3,
        }
    }

    #[test]
    fn a_value_is_read_by_its_text_and_a_wrong_one_is_refused() {
        let read = |json: &str| serde_json::from_str::<Row>(json);
        assert_eq!(read(PAGE).unwrap(), row());
        for wrong in [
            r#"{"choice":{"N":"-1"},"name":{"S":""}}"#,
            r#"{"choice":{"BOOL":true},"name":{"S":""}}"#,
            r#"{"choice":{"N":"1"}}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    /// DynamoDB, which gives these answers one after the other.
    #[derive(Debug, Clone)]
    struct Answers(Arc<Mutex<VecDeque<(u16, &'static str)>>>);

    impl HttpConnector for Answers {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            let (status, body) = self.0.lock().unwrap().pop_front().expect("no such call");
            let response = HttpResponse::new(status.try_into().unwrap(), body.to_owned().into());
            HttpConnectorFuture::ready(Ok(response))
        }
    }

    impl HttpClient for Answers {
        fn http_connector(
            &self,
            _: &HttpConnectorSettings,
            _: &RuntimeComponents,
        ) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    /// Asks for a page, each call once; tells how many answers were not taken.
    fn ask(
        answers: impl IntoIterator<Item = (u16, &'static str)>,
    ) -> (Result<serde_json::Result<Row>, AwsError>, usize) {
        let answers = Answers(Arc::new(Mutex::new(answers.into_iter().collect())));
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-1"))
            .allow_no_auth()
            .retry_config(RetryConfig::disabled())
            .http_client(answers.clone());
        let query = Client::from_conf(config.build()).query().table_name("t");
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        let read = runtime.block_on(send(query));
        let left = answers.0.lock().unwrap().len();
        (read, left)
    }

    #[test]
    fn a_page_is_read_from_its_body_and_another_body_is_an_error_of_its_own() {
        let (read, _) = ask([(200, PAGE)]);
        assert_eq!(read.unwrap().unwrap(), row());
        for body in ["{}", "", "[1"] {
            assert!(ask([(200, body)]).0.unwrap().is_err(), "{body}");
        }
    }

    #[test]
    fn a_throttled_page_is_asked_for_again_and_any_other_failure_is_said_at_once() {
        let (read, left) = ask([(400, THROTTLED), (400, THROTTLED), (200, PAGE)]);
        assert_eq!((read.unwrap().unwrap(), left), (row(), 0));

        let many = ATTEMPTS as usize + 1;
        let (read, left) = ask(std::iter::repeat_n((400, THROTTLED), many));
        assert_eq!((read.unwrap_err().failure, left), (Failure::Throttled, 1));

        let refused = r#"{"__type":"x#ValidationException","message":"no"}"#;
        for (status, body, failure) in [
            (400, refused, Failure::Refused),
            (500, "{}", Failure::Unavailable),
        ] {
            let (read, left) = ask([(status, body), (200, PAGE)]);
            assert_eq!((read.unwrap_err().failure, left), (failure, 1));
        }
    }
}
