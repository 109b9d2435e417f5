//! The Lambda function `quiz-saga`; see [`quiz_orchestrator::quiz_saga`].

use std::process::ExitCode;

use cuepoint_shared::{aws, channels::Channels, config, telemetry};
use jiff::Timestamp;
use lambda_runtime::{Error, service_fn};
use quiz_orchestrator::{
    quiz_saga::QuizSagaHandler, store::QuizStore, timing::AnswerTiming, video::Video,
};

fn main() -> ExitCode {
    telemetry::init();
    telemetry::outcome(serve())
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Error> {
    let sdk = aws::config().await;
    let handler = QuizSagaHandler {
        store: QuizStore::new(
            aws_sdk_dynamodb::Client::new(&sdk),
            config::required("QUIZZES_TABLE")?,
        ),
        video: Video::new(aws_sdk_ivs::Client::new(&sdk)),
        channels: Channels::from_env()?,
        timing: AnswerTiming::from_env()?,
        clock: Timestamp::now,
    };
    lambda_runtime::run(service_fn(|event| handler.handle(event))).await
}
