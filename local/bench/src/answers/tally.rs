//! The final tally and the leaderboard over an audience's answers, as the saga asks for them, on two
//! cores, in a process that does nothing else.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use answer_collector::{
    answer_saga::AnswerSagaHandler,
    recording::RecordingQueue,
    store::{answers::AnswerStore, tallies::TallyStore, windows::WindowStore},
    task::Answer,
};
use anyhow::{Context as _, ensure};
use cuepoint_shared::{aws, telemetry};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, LambdaEvent};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    audience::Audience,
    fixture::{ANSWERS, QUESTION, QUIZ, RUN, TALLIES, WINDOWS},
};
use crate::{
    function::Memory,
    memory,
    statistics::{median, rounded},
};

/// How many answers there are.
pub(super) const ANSWERS_OF: [u64; 3] = [10_000, 100_000, 1_000_000];
/// In how many shards.
pub(super) const SHARDS_OF: [u64; 3] = [1, 10, 100];
/// How often each is measured.
pub(super) const TIMES: usize = 3;

/// One audience.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Case {
    pub(super) answers: u64,
    pub(super) shards: u64,
    /// Milliseconds until the final tally was there: the median.
    pub(super) tally_ms: f64,
    /// The same of the leaderboard.
    pub(super) leaderboard_ms: f64,
    /// CPU time of both, in milliseconds.
    pub(super) cpu_ms: f64,
    /// What of it the stand-in for DynamoDB takes to render the pages.
    pub(super) stub_ms: f64,
    /// The most memory that was resident, in MB of 1,048,576 bytes.
    pub(super) memory_mb: f64,
    /// What of it was there before the first answer was read.
    pub(super) idle_mb: f64,
}

impl Case {
    /// As it is reported.
    pub(super) fn rounded(self) -> Self {
        let one = |value| rounded(value, 1);
        Self {
            tally_ms: one(self.tally_ms),
            leaderboard_ms: one(self.leaderboard_ms),
            cpu_ms: one(self.cpu_ms),
            stub_ms: one(self.stub_ms),
            memory_mb: one(self.memory_mb),
            idle_mb: one(self.idle_mb),
            ..self
        }
    }
}

/// Measures one audience, in this process.
pub(super) fn measure(answers: u64, shards: u64) -> anyhow::Result<Case> {
    telemetry::init();
    // As `answer-saga` has it.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let audience = Arc::new(Audience::new(answers, shards));
    runtime.block_on(run(audience))
}

async fn run(audience: Arc<Audience>) -> anyhow::Result<Case> {
    let expected = audience.counts();
    let sdk = aws::config().await;
    let client = memory::client(&sdk, Arc::clone(&audience));
    let handler = AnswerSagaHandler {
        windows: WindowStore::new(client.clone(), WINDOWS.to_owned()),
        answers: AnswerStore::new(client.clone(), ANSWERS.to_owned()),
        tallies: TallyStore::new(client, TALLIES.to_owned()),
        recordings: RecordingQueue::new(
            aws_sdk_sqs::Client::new(&sdk),
            "https://sqs.example.com/recordings".to_owned(),
        ),
        latency_allowance: SignedDuration::from_secs(5),
        drain: SignedDuration::from_secs(3),
        clock: Timestamp::now,
    };
    let idle_mb = Memory::own()?.peak_mb;
    let (mut tally, mut leaderboard) = (Vec::new(), Vec::new());
    let cpu_before = cpu_time();
    for _ in 0..TIMES {
        let (answer, took) = perform(&handler, tally_task()).await?;
        let right = matches!(&answer, Answer::Tallied { counts, .. } if *counts == expected);
        ensure!(right, "the tally is {answer:?} instead of {expected:?}");
        tally.push(took);
        let (answer, took) = perform(&handler, leaderboard_task()).await?;
        let right = matches!(&answer, Answer::Leaderboard { top } if top.len() == 10);
        ensure!(right, "the leaderboard is {answer:?}");
        let players = audience.players().context("no leaderboard was written")?;
        ensure!(players == audience.answers(), "there are {players} players");
        leaderboard.push(took);
    }
    let cpu = (cpu_time() - cpu_before) / u32::try_from(TIMES)?;
    Ok(Case {
        answers: audience.answers(),
        shards: audience.shards(),
        tally_ms: median(&tally),
        leaderboard_ms: median(&leaderboard),
        cpu_ms: millis(cpu),
        memory_mb: Memory::own()?.peak_mb,
        idle_mb,
        stub_ms: millis(audience.render()),
    })
}

/// Does a task, which takes so many milliseconds.
async fn perform(handler: &AnswerSagaHandler, task: Value) -> anyhow::Result<(Answer, f64)> {
    let handler = handler.clone();
    let started = Instant::now();
    let event = LambdaEvent::new(task, Context::default());
    // As the function is called: in a task of its own.
    let done = tokio::spawn(async move { handler.handle(event).await });
    let answer = done
        .await?
        .map_err(|failed| anyhow::anyhow!("{failed:?}"))?;
    Ok((answer, millis(started.elapsed())))
}

fn tally_task() -> Value {
    json!({ "op": "tally", "quizId": QUIZ, "runId": RUN, "questionId": QUESTION })
}

fn leaderboard_task() -> Value {
    json!({ "op": "leaderboard", "quizId": QUIZ, "runId": RUN })
}

/// The time that all threads of this process have had a CPU.
pub(super) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let part = |part| u64::try_from(part).unwrap_or_default();
    Duration::from_secs(part(time.tv_sec)) + Duration::from_nanos(part(time.tv_nsec))
}

/// In milliseconds.
pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
