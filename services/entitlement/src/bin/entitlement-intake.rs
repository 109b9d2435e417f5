//! The Lambda function `entitlement-intake`.

use std::process::ExitCode;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_sqs::Client as Sqs;
use cuepoint_shared::{
    aws,
    config::{required, required_number},
    dead_letters::DeadLetters,
    telemetry,
};
use entitlement::{entitlement_intake::IntakeHandler, store::EntitlementStore};
use jiff::Timestamp;
use lambda_runtime::{Error, run, service_fn};

fn main() -> ExitCode {
    telemetry::init();
    telemetry::outcome(serve())
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Error> {
    let config = aws::config().await;
    let handler = IntakeHandler::new(
        EntitlementStore::new(DynamoDb::new(&config), required("ENTITLEMENTS_TABLE")?),
        DeadLetters::new(
            Sqs::new(&config),
            required("DEAD_LETTER_QUEUE_URL")?,
            IntakeHandler::FUNCTION,
        ),
        required_number("GIVE_UP_AFTER_RECEIVES")?,
        Timestamp::now,
    );
    run(service_fn(|event| handler.handle(event))).await
}
