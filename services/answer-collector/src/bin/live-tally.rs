//! The Lambda function `live-tally`; see [`answer_collector::live_tally`].

use std::process::ExitCode;

use answer_collector::{live_tally::LiveTallyHandler, store::tallies::TallyStore};
use cuepoint_shared::{aws, config, dead_letters::DeadLetters, telemetry};
use lambda_runtime::{Error, service_fn};

fn main() -> ExitCode {
    telemetry::init();
    telemetry::outcome(serve())
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Error> {
    let sdk = aws::config().await;
    let handler = LiveTallyHandler {
        tallies: TallyStore::new(
            aws_sdk_dynamodb::Client::new(&sdk),
            config::required("TALLIES_TABLE")?,
        ),
        dead_letters: DeadLetters::new(
            aws_sdk_sqs::Client::new(&sdk),
            config::required("DEAD_LETTER_QUEUE_URL")?,
            LiveTallyHandler::FUNCTION,
        ),
    };
    lambda_runtime::run(service_fn(|event| handler.handle(event))).await
}
