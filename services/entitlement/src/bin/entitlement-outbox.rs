//! The Lambda function `entitlement-outbox`.

use std::process::ExitCode;

use aws_sdk_eventbridge::Client as EventBridge;
use aws_sdk_ivs::Client as Ivs;
use aws_sdk_sqs::Client as Sqs;
use cuepoint_shared::{
    aws, channels::Channels, config::required, dead_letters::DeadLetters, event_bus::EventBus,
    streams::Patience, telemetry,
};
use entitlement::{entitlement_outbox::OutboxHandler, viewer_sessions::ViewerSessions};
use jiff::Timestamp;
use lambda_runtime::{Error, run, service_fn};

fn main() -> ExitCode {
    telemetry::init();
    telemetry::outcome(serve())
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Error> {
    let config = aws::config().await;
    let handler = OutboxHandler::new(
        ViewerSessions::new(Ivs::new(&config), Channels::from_env()?),
        EventBus::new(EventBridge::new(&config), required("EVENT_BUS_NAME")?),
        DeadLetters::new(
            Sqs::new(&config),
            required("DEAD_LETTER_QUEUE_URL")?,
            OutboxHandler::FUNCTION,
        ),
        Patience::from_env(Timestamp::now)?,
    );
    run(service_fn(|event| handler.handle(event))).await
}
