//! The Lambda function `answer-saga`; see [`answer_collector::answer_saga`].

use std::process::ExitCode;

use answer_collector::{
    answer_saga::AnswerSagaHandler,
    recording::RecordingQueue,
    store::{answers::AnswerStore, tallies::TallyStore, windows::WindowStore},
    window::LEAST_DRAIN,
};
use cuepoint_shared::{
    aws,
    config::{self, ConfigError},
    telemetry,
};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Error, service_fn};

/// What viewers get on top of a question's seconds where nothing else is set.
const LATENCY_ALLOWANCE_SECONDS: u32 = 5;
/// How long the writes of answers may take where nothing else is set.
const DRAIN_SECONDS: u32 = 3;

fn main() -> ExitCode {
    telemetry::init();
    telemetry::outcome(serve())
}

/// On both processors that the function has: counting a million answers is work for them. Between
/// tasks that takes nothing.
#[tokio::main(flavor = "multi_thread")]
async fn serve() -> Result<(), Error> {
    let sdk = aws::config().await;
    let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
    let allowance = config::seconds_or("LATENCY_ALLOWANCE_SECONDS", LATENCY_ALLOWANCE_SECONDS)?;
    let drain = config::seconds_or("DRAIN_SECONDS", DRAIN_SECONDS)?;
    let drain = SignedDuration::from_secs(i64::from(drain));
    if drain < LEAST_DRAIN {
        let reason = format!("at least {LEAST_DRAIN:#}, or no answer could be written in time");
        return Err(ConfigError::Invalid {
            name: "DRAIN_SECONDS",
            reason,
        }
        .into());
    }
    let handler = AnswerSagaHandler {
        windows: WindowStore::new(dynamodb.clone(), config::required("WINDOWS_TABLE")?),
        answers: AnswerStore::new(dynamodb.clone(), config::required("ANSWERS_TABLE")?),
        tallies: TallyStore::new(dynamodb, config::required("TALLIES_TABLE")?),
        recordings: RecordingQueue::new(
            aws_sdk_sqs::Client::new(&sdk),
            config::required("ANSWER_RECORDING_QUEUE_URL")?,
        ),
        latency_allowance: SignedDuration::from_secs(i64::from(allowance)),
        drain,
        clock: Timestamp::now,
    };
    lambda_runtime::run(service_fn(|event| handler.handle(event))).await
}
