//! The Lambda function `quiz-sweep`; see [`quiz_orchestrator::quiz_sweep`].

use std::process::ExitCode;

use cuepoint_shared::{aws, channels::Channels, config, telemetry};
use jiff::Timestamp;
use lambda_runtime::{Error, service_fn};
use quiz_orchestrator::{executions::Executions, quiz_sweep::QuizSweepHandler, store::QuizStore};

fn main() -> ExitCode {
    telemetry::init();
    telemetry::outcome(serve())
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Error> {
    let sdk = aws::config().await;
    let handler = QuizSweepHandler {
        store: QuizStore::new(
            aws_sdk_dynamodb::Client::new(&sdk),
            config::required("QUIZZES_TABLE")?,
        ),
        channels: Channels::from_env()?,
        executions: Executions::new(
            aws_sdk_sfn::Client::new(&sdk),
            config::required("QUIZ_SHOW_COMPENSATION_ARN")?,
        ),
        clock: Timestamp::now,
    };
    lambda_runtime::run(service_fn(|event| handler.handle(event))).await
}
