//! The Lambda function `answer-recorder`; see [`answer_collector::answer_recorder`].

use std::process::ExitCode;

use answer_collector::{
    answer_recorder::AnswerRecorderHandler,
    store::{answers::AnswerStore, windows::WindowStore},
};
use cuepoint_shared::{aws, config, dead_letters::DeadLetters, event_bus::EventBus, telemetry};
use jiff::Timestamp;
use lambda_runtime::{Error, service_fn};

fn main() -> ExitCode {
    telemetry::init();
    telemetry::outcome(serve())
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Error> {
    let sdk = aws::config().await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
    let handler = AnswerRecorderHandler {
        windows: WindowStore::new(dynamodb.clone(), config::required("WINDOWS_TABLE")?),
        answers: AnswerStore::new(dynamodb, config::required("ANSWERS_TABLE")?),
        bus: EventBus::new(
            aws_sdk_eventbridge::Client::new(&sdk),
            config::required("EVENT_BUS_NAME")?,
        ),
        dead_letters: DeadLetters::new(
            aws_sdk_sqs::Client::new(&sdk),
            config::required("DEAD_LETTER_QUEUE_URL")?,
            AnswerRecorderHandler::FUNCTION,
        ),
        give_up_after_receives: config::required_number("GIVE_UP_AFTER_RECEIVES")?,
        clock: Timestamp::now,
    };
    lambda_runtime::run(service_fn(|event| handler.handle(event))).await
}
