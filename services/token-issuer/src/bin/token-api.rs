//! The Lambda function `token-api`.

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_eventbridge::Client as EventBridge;
use aws_sdk_secretsmanager::Client as SecretsManager;
use cuepoint_shared::{aws, channels::Channels, config::required, event_bus::EventBus, telemetry};
use jiff::Timestamp;
use lambda_runtime::{Error, run, service_fn};
use token_issuer::{secrets, store::Entitlements, token_api::TokenHandler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = aws::config().await;
    let key = secrets::playback_key(
        &SecretsManager::new(&config),
        &required("PLAYBACK_KEY_SECRET_ARN")?,
    )
    .await
    .inspect_err(|error| tracing::error!(%error, "no key to sign with"))?;
    let handler = TokenHandler::new(
        Entitlements::new(DynamoDb::new(&config), required("ENTITLEMENTS_TABLE")?),
        key,
        EventBus::new(EventBridge::new(&config), required("EVENT_BUS_NAME")?),
        Channels::from_env()?,
        Timestamp::now,
    );
    run(service_fn(|event| handler.handle(event))).await
}
