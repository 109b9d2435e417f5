//! The Lambda function `answer-api`; see [`answer_collector::answer_api`].

use std::process::ExitCode;

use answer_collector::{
    answer_api::AnswerApiHandler,
    leaderboard_cache::LeaderboardCache,
    results_cache::ResultsCache,
    store::{answers::AnswerStore, tallies::TallyStore, windows::WindowStore},
    window_cache::WindowCache,
};
use cuepoint_shared::{aws, config, telemetry};
use jiff::Timestamp;
use lambda_runtime::{Error, Runtime, service_fn};
use uuid::Uuid;

fn main() -> ExitCode {
    telemetry::init();
    telemetry::outcome(serve())
}

#[tokio::main(flavor = "current_thread")]
async fn serve() -> Result<(), Error> {
    let dynamodb = aws_sdk_dynamodb::Client::new(&aws::config().await);
    let windows = WindowStore::new(dynamodb.clone(), config::required("WINDOWS_TABLE")?);
    let tallies = TallyStore::new(dynamodb.clone(), config::required("TALLIES_TABLE")?);
    let handler = AnswerApiHandler {
        recent_windows: WindowCache::new(windows.clone()).drawn(Uuid::new_v4().as_u64_pair().1),
        leaderboards: LeaderboardCache::new(windows.clone()),
        counted: ResultsCache::new(windows.clone(), tallies),
        windows,
        answers: AnswerStore::new(dynamodb, config::required("ANSWERS_TABLE")?),
        clock: Timestamp::now,
    };
    // Without the span that `run` adds: it takes time in every request, and the line of an invocation says
    // its id itself.
    Runtime::new(service_fn(|event| handler.handle(event)))
        .run()
        .await
}
