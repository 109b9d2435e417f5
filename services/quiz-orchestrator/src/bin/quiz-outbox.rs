//! The Lambda function `quiz-outbox`; see [`quiz_orchestrator::quiz_outbox`].

use std::process::ExitCode;

use cuepoint_shared::{
    aws, config, dead_letters::DeadLetters, event_bus::EventBus, streams::Patience, telemetry,
};
use jiff::Timestamp;
use lambda_runtime::{Error, service_fn};
use quiz_orchestrator::quiz_outbox::QuizOutboxHandler;

fn main() -> ExitCode {
    telemetry::init();
    telemetry::outcome(serve())
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Error> {
    let sdk = aws::config().await;
    let handler = QuizOutboxHandler {
        bus: EventBus::new(
            aws_sdk_eventbridge::Client::new(&sdk),
            config::required("EVENT_BUS_NAME")?,
        ),
        dead_letters: DeadLetters::new(
            aws_sdk_sqs::Client::new(&sdk),
            config::required("DEAD_LETTER_QUEUE_URL")?,
            "quiz-outbox",
        ),
        patience: Patience::from_env(Timestamp::now)?,
    };
    lambda_runtime::run(service_fn(|event| handler.handle(event))).await
}
