//! The errors, as the clients of AWS understand them.

use std::time::Duration;

use aws_sdk_dynamodb::{
    config::retry::RetryConfig,
    error::{ProvideErrorMetadata, SdkError},
    types::AttributeValue,
};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use fault_proxy::{Action, Rule};
use stage::stack;

use crate::cloud::Cloud;

const ARN: &str = "arn:aws:ivs:eu-west-1:000000000000:channel/AbC";

/// A call to each of four services, as often as it is tried; its error's code.
struct Clients {
    dynamodb: aws_sdk_dynamodb::Client,
    events: aws_sdk_eventbridge::Client,
    sqs: aws_sdk_sqs::Client,
    ivs: aws_sdk_ivs::Client,
}

impl Clients {
    fn new(cloud: &Cloud, attempts: u32) -> Self {
        let config = stack::sdk_config("eu-west-1", &cloud.proxy_url, "test", "test")
            .into_builder()
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(attempts)
                    .with_initial_backoff(Duration::from_millis(10)),
            )
            .build();
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            events: aws_sdk_eventbridge::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            ivs: aws_sdk_ivs::Client::new(&config),
        }
    }

    async fn put_item(&self) -> Option<String> {
        let item = AttributeValue::S("viewer-1".to_owned());
        let put = self.dynamodb.put_item().table_name("answers");
        code(put.item("viewerId", item).send().await)
    }

    async fn put_events(&self) -> Option<String> {
        let event = PutEventsRequestEntry::builder().detail("{}").build();
        code(self.events.put_events().entries(event).send().await)
    }

    async fn send_message(&self) -> Option<String> {
        let url = "http://localhost/000000000000/queue";
        let send = self.sqs.send_message().queue_url(url).message_body("body");
        code(send.send().await)
    }

    async fn put_metadata(&self) -> Option<String> {
        let put = self.ivs.put_metadata().channel_arn(ARN).metadata("text");
        code(put.send().await)
    }

    async fn all(&self) -> [Option<String>; 4] {
        [
            self.put_item().await,
            self.put_events().await,
            self.send_message().await,
            self.put_metadata().await,
        ]
    }
}

/// The code of a service's error. That an answer without an error is not the service's own does not
/// matter here: the small cloud answers all alike.
fn code<T, E: ProvideErrorMetadata, R>(called: Result<T, SdkError<E, R>>) -> Option<String> {
    match called {
        Ok(_) | Err(SdkError::ResponseError(_)) => None,
        Err(SdkError::ServiceError(error)) => error.err().code().map(str::to_owned),
        Err(error) => panic!("{}", error.code().unwrap_or("no answer")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_know_the_errors_and_no_call_is_made() {
    let cloud = Cloud::start().await;
    let clients = Clients::new(&cloud, 1);
    let some = |codes: [&str; 4]| codes.map(|code| Some(code.to_owned()));
    let throttle = cloud.faults.add(Rule::new(Action::Throttle)).await.unwrap();
    assert_eq!(
        clients.all().await,
        some([
            "ProvisionedThroughputExceededException",
            "ThrottlingException",
            "RequestThrottled",
            "ThrottlingException",
        ])
    );
    drop(throttle);
    let fail = cloud.faults.add(Rule::new(Action::Fail)).await.unwrap();
    assert_eq!(
        clients.all().await,
        some([
            "InternalServerError",
            "InternalException",
            "InternalFailure",
            "InternalServerException",
        ])
    );
    drop(fail);
    assert_eq!(cloud.calls(), 0);
    assert_eq!(clients.all().await, [const { None }; 4]);
    assert_eq!(cloud.calls(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_try_again_what_may_pass() {
    let cloud = Cloud::start().await;
    let clients = Clients::new(&cloud, 2);
    for (action, calls) in [
        (Action::Throttle, 1),
        (Action::Fail, 1),
        (Action::LoseAnswer, 2),
    ] {
        for (service, operation) in [
            ("dynamodb", "PutItem"),
            ("events", "PutEvents"),
            ("sqs", "SendMessage"),
            ("ivs", "PutMetadata"),
        ] {
            let once = Rule::new(action.clone()).to(service, operation).times(1);
            let fault = cloud.faults.add(once).await.unwrap();
            let before = cloud.calls();
            let code = match service {
                "dynamodb" => clients.put_item().await,
                "events" => clients.put_events().await,
                "sqs" => clients.send_message().await,
                _ => clients.put_metadata().await,
            };
            let case = format!("{action:?} of {operation}");
            assert_eq!(code, None, "{case}");
            assert_eq!(fault.hits().await.unwrap(), 1, "{case}");
            assert_eq!(cloud.calls() - before, calls, "{case}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_error_of_a_service_can_be_asked_for() {
    let cloud = Cloud::start().await;
    let clients = Clients::new(&cloud, 2);
    let refuse = |status, code: &str| {
        Rule::new(Action::Refuse {
            status,
            code: code.to_owned(),
        })
    };
    let off_air = refuse(404, "ChannelNotBroadcasting").to("ivs", "PutMetadata");
    let fault = cloud.faults.add(off_air).await.unwrap();
    let put = clients.ivs.put_metadata().channel_arn(ARN).metadata("text");
    let error = put.send().await.unwrap_err().into_service_error();
    assert!(error.is_channel_not_broadcasting(), "{error:?}");
    assert_eq!(fault.hits().await.unwrap(), 1, "it is not tried again");

    let denied = refuse(400, "AccessDeniedException").about("\"answers\"");
    let _fault = cloud.faults.add(denied).await.unwrap();
    let code = clients.put_item().await;
    assert_eq!(code.as_deref(), Some("AccessDeniedException"));
    assert_eq!(clients.put_events().await, None);
    assert_eq!(cloud.calls(), 1);
}
