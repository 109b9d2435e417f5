//! The Lambda function `quiz-api`; see [`quiz_orchestrator::quiz_api`].

use std::process::ExitCode;

use cuepoint_shared::{aws, channels::Channels, config, telemetry};
use jiff::Timestamp;
use lambda_runtime::{Error, service_fn};
use quiz_orchestrator::{quiz_api::QuizApiHandler, store::QuizStore, timing::AnswerTiming};
use uuid::Uuid;

fn main() -> ExitCode {
    telemetry::init();
    telemetry::outcome(serve())
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Error> {
    let sdk = aws::config().await;
    let handler = QuizApiHandler {
        store: QuizStore::new(
            aws_sdk_dynamodb::Client::new(&sdk),
            config::required("QUIZZES_TABLE")?,
        ),
        channels: Channels::from_env()?,
        timing: AnswerTiming::from_env()?,
        clock: Timestamp::now,
        new_id: Uuid::new_v4,
    };
    lambda_runtime::run(service_fn(|event| handler.handle(event))).await
}
