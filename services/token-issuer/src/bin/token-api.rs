//! The Lambda function `token-api`.

use std::process::ExitCode;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_eventbridge::Client as EventBridge;
use aws_sdk_secretsmanager::Client as SecretsManager;
use cuepoint_shared::{
    aws,
    channels::Channels,
    config::{optional, required},
    event_bus::EventBus,
    telemetry,
};
use jiff::Timestamp;
use lambda_runtime::{Error, Runtime, service_fn};
use token_issuer::{
    desk::TokenDesk,
    secrets,
    store::Entitlements,
    token_api::TokenHandler,
    viewer_limit::{Allowance, ViewerLimit},
};
use uuid::Uuid;

fn main() -> ExitCode {
    telemetry::init();
    telemetry::outcome(serve())
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Error> {
    let config = aws::config().await;
    let key = secrets::playback_key(
        &SecretsManager::new(&config),
        &required("PLAYBACK_KEY_SECRET_ARN")?,
        optional("PLAYBACK_KEY_VERSION").as_deref(),
    )
    .await?;
    let desk = TokenDesk::new(
        key,
        Channels::from_env()?,
        ViewerLimit::new(Allowance::from_env()?),
        Uuid::new_v4,
    );
    let handler = TokenHandler::new(
        desk,
        Entitlements::new(DynamoDb::new(&config), required("ENTITLEMENTS_TABLE")?),
        EventBus::new(EventBridge::new(&config), required("EVENT_BUS_NAME")?),
        Timestamp::now,
    );
    // Without the span that `run` adds: it takes time in every request, and the line of an invocation says
    // its id itself.
    Runtime::new(service_fn(|event| handler.handle(event)))
        .run()
        .await
}
