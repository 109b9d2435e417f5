//! An answer through the handler: an event's JSON in, the response's JSON out, with DynamoDB
//! answered from memory.

use std::{hint::black_box, time::Duration};

use answer_collector::{
    answer_api::AnswerApiHandler,
    keys::Partition,
    leaderboard_cache::LeaderboardCache,
    results_cache::ResultsCache,
    store::{
        answers::{Answer, AnswerStore, Put},
        tallies::TallyStore,
        windows::WindowStore,
    },
    window_cache::WindowCache,
};
use anyhow::ensure;
use aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use bytes::Bytes;
use cuepoint_shared::{aws, http::Request, telemetry};
use jiff::Timestamp;
use lambda_runtime::{Context, LambdaEvent};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::runtime::Runtime;

use super::fixture::{ANSWERS, Fixture, TALLIES, WINDOWS};
use crate::{
    cpus::Cpus,
    memory,
    slices::{self, Contender},
    whole::Events,
};

/// Short, so that all contenders meet the same moments of a busy machine.
pub(super) const SLICE: Duration = Duration::from_millis(25);
/// How often each has its turn.
const ROUNDS: usize = 100;
/// How many requests there are. They come in turn, and are near at hand like one just received.
const REQUESTS: u64 = 64;
/// The longest that a call may take: as long as a window's drain lets it.
const WITHIN: Duration = Duration::from_secs(2);
/// The answer whose call is measured by itself.
const PARTITION: &str = "quiz-0001#00000000-0000-4000-8000-00000000000a#q1#7";
const VIEWER: &str = "00000000-1111-4111-8111-111111111111";
const RECEIVED_AT: &str = "2026-11-22T12:00:00.123Z";
const NAME: &str = "A Viewer";

/// Rates on one core, per second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Rates {
    /// Answers: an event's JSON in, the response's JSON out.
    pub(super) answers: f64,
    /// What the call does of it: the same item through the store.
    pub(super) call: f64,
    /// What JSON does of it: reading the event, writing the response.
    pub(super) json: f64,
    /// What the stand-in for DynamoDB does of it.
    pub(super) memory: f64,
    /// The same item by the operation that the SDK generates.
    pub(super) sdk: f64,
}

/// Measures the parts in turn, in this process.
pub(super) fn measure() -> anyhow::Result<Rates> {
    telemetry::init();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let sdk = runtime.block_on(aws::config());
    let fixture = Fixture::new(Timestamp::now());
    let found: Bytes = json!({ "Item": fixture.window() }).to_string().into();
    let client = memory::client(&sdk, move |operation: &str, _: &[u8]| match operation {
        "GetItem" => found.clone(),
        _ => Bytes::from_static(b"{}"),
    });
    let handler = handler(&client);
    let texts: Vec<Bytes> = (0..REQUESTS).map(|number| fixture.event(number)).collect();
    let answer = |text: &[u8]| answer(&runtime, &handler, text);
    let response = answer(&texts[0])?.0;
    let (partition, one) = one_answer()?;

    let (mut failed, mut failed_json) = (0_u64, 0_u64);
    let (mut failed_calls, mut failed_sdk) = (0_u64, 0_u64);
    let mut contenders = [
        Contender::new(|call| {
            let answered = answer(black_box(&texts[call % texts.len()]));
            failed += u64::from(!answered.is_ok_and(|(_, status)| status == 201));
        }),
        Contender::new(|_| {
            let put = runtime.block_on(handler.answers.put(&partition, &one, WITHIN));
            failed_calls += u64::from(!matches!(put, Ok(Put::New)));
        }),
        Contender::new(|call| {
            let text = black_box(&texts[call % texts.len()]);
            let read = serde_json::from_slice::<Request>(text);
            let written = serde_json::to_vec(black_box(&response));
            failed_json += u64::from(read.is_err() || written.is_err());
        }),
        Contender::new(|_| {
            black_box(memory::respond(Bytes::from_static(b"{}")));
        }),
        Contender::new(|_| {
            failed_sdk += u64::from(runtime.block_on(put(&client)).is_err());
        }),
    ];
    slices::compare(Cpus::choose()?.measured, &mut contenders, SLICE, ROUNDS)?;
    let [answers, call, json, memory, sdk] = contenders.each_ref().map(Contender::per_second);
    drop(contenders);
    ensure!(
        failed + failed_calls + failed_sdk + failed_json == 0,
        "{failed} answers, {failed_calls} calls, {failed_sdk} of the SDK's and {failed_json} readings failed"
    );
    Ok(Rates {
        answers,
        call,
        json,
        memory,
        sdk,
    })
}

/// What the function `answer-api` makes of its environment.
fn handler(client: &Client) -> AnswerApiHandler {
    let windows = WindowStore::new(client.clone(), WINDOWS.to_owned());
    let tallies = TallyStore::new(client.clone(), TALLIES.to_owned());
    AnswerApiHandler {
        recent_windows: WindowCache::new(windows.clone()),
        leaderboards: LeaderboardCache::new(windows.clone()),
        counted: ResultsCache::new(windows.clone(), tallies),
        windows,
        answers: AnswerStore::new(client.clone(), ANSWERS.to_owned()),
        clock: Timestamp::now,
    }
}

/// One invocation: the response as it is sent, and its status.
fn answer(
    runtime: &Runtime,
    handler: &AnswerApiHandler,
    text: &[u8],
) -> anyhow::Result<(ApiGatewayV2httpResponse, i64)> {
    let request = serde_json::from_slice(text)?;
    let event = LambdaEvent::new(request, Context::default());
    let response = runtime
        .block_on(handler.handle(event))
        .map_err(|failed| anyhow::anyhow!("{failed:?}"))?;
    black_box(serde_json::to_vec(&response)?);
    let status = response.status_code;
    Ok((response, status))
}

/// An answer, and where it belongs.
fn one_answer() -> anyhow::Result<(Partition, Answer)> {
    let answer = Answer {
        viewer_id: VIEWER.parse()?,
        choice: 2,
        received_at: RECEIVED_AT.parse()?,
        name: NAME.to_owned(),
    };
    Ok((PARTITION.parse()?, answer))
}

/// The same answer by the operation that the SDK generates.
async fn put(client: &Client) -> anyhow::Result<()> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    client
        .put_item()
        .table_name(ANSWERS)
        .item("partition", text(PARTITION))
        .item("viewerId", text(VIEWER))
        .item("choice", AttributeValue::N("2".to_owned()))
        .item("receivedAt", text(RECEIVED_AT))
        .item("name", text(NAME))
        .condition_expression("attribute_not_exists(viewerId)")
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await?;
    Ok(())
}
