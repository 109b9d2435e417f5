//! Adapter over EventBridge: the only module that knows its SDK.
//!
//! Every notice is tried once. A failure is logged and forgotten: the service that this stands for
//! does not promise more, and nothing may pile up behind an endpoint that is away.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::{Builder, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_eventbridge::error::DisplayErrorContext;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use tokio::sync::{mpsc, oneshot};

use super::Notice;
use crate::arn;

/// How long one event may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where events go.
#[derive(Debug, Clone)]
pub struct Target {
    /// Address of the EventBridge API.
    pub endpoint_url: String,
    /// Name or ARN of the bus.
    pub bus: String,
    /// The events' source; real ones say `aws.ivs`, which only AWS may.
    pub source: String,
}

/// Why an event was not taken.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("{0}")]
    Api(String),
    #[error("EventBridge refused it: {0}")]
    Refused(String),
}

/// Sends what comes out of `queue`; once `stop` fires, only what is in it already.
pub async fn send_all(
    target: Target,
    mut queue: mpsc::Receiver<Notice>,
    mut stop: oneshot::Receiver<()>,
) {
    let client = client(&target.endpoint_url);
    let mut stopping = false;
    loop {
        let notice = tokio::select! {
            notice = queue.recv() => notice,
            _ = &mut stop, if !stopping => {
                stopping = true;
                queue.close();
                continue;
            }
        };
        let Some(notice) = notice else { return };
        let (event, stream) = (notice.name.as_str(), notice.stream_id.clone());
        match send(&client, &target, notice).await {
            Ok(()) => tracing::debug!(event, stream.id = stream, "event sent"),
            Err(error) => {
                tracing::warn!(event, stream.id = stream, %error, "an event could not be sent");
            }
        }
    }
}

/// A client with the environment's credentials or, without any, made-up ones: a stand-in for
/// EventBridge takes those. Nothing else of the user's settings for AWS is looked at.
fn client(endpoint_url: &str) -> Client {
    let made_up = Credentials::new("ivs-local", "ivs-local", None, None, "ivs-local");
    let credentials = CredentialsProviderChain::first_try(
        "Environment",
        EnvironmentVariableCredentialsProvider::new(),
    )
    .or_else("MadeUp", made_up);
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint_url)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(PATIENCE).build())
        .build();
    Client::new(&config)
}

async fn send(client: &Client, target: &Target, notice: Notice) -> Result<(), SendError> {
    // IVS sends to the region that the channel is in.
    let region = Region::new(arn::region(&notice.channel_arn).to_owned());
    let entry = PutEventsRequestEntry::builder()
        .event_bus_name(&target.bus)
        .source(&target.source)
        .detail_type(notice.name.detail_type())
        .time(DateTime::from_secs(notice.at.as_second()))
        .detail(notice.detail().to_string())
        .resources(notice.channel_arn)
        .build();
    let sent = client
        .put_events()
        .entries(entry)
        .customize()
        .config_override(Builder::default().region(region))
        .send()
        .await
        .map_err(|error| SendError::Api(DisplayErrorContext(error).to_string()))?;
    match sent.entries().iter().find_map(|entry| entry.error_code()) {
        Some(code) => Err(SendError::Refused(code.to_owned())),
        None => Ok(()),
    }
}
