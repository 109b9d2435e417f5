//! What things cost in the units that AWS counts: the calls that the deployed functions make, seen by
//! the proxy that they make them through, and the sizes of what they write.
//!
//! The figures are in `local/simulator/src/units.json`, which the simulator's bill is made from. They
//! are held to what is measured here; a run that measures something else says what to write there.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

#[path = "units/calls.rs"]
mod calls;
#[path = "units/sizes.rs"]
mod sizes;

use std::time::Duration;

use cuepoint_e2e::{
    api::Api,
    audience,
    chaos::{
        Scene,
        question::{OPTIONS, Question, until},
    },
};
use fastrand::Rng;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value, json};
use stage::{Faults, Logs, Stack};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use calls::{Calls, Ledger};

/// Those that answer, and some more who are too late.
const ANSWERS: usize = 60;
const LATE: usize = 5;
const SHARDS: u32 = 2;
/// How many requests are under way at once.
const AT_ONCE: usize = 6;
/// How long viewers have, in seconds; the latency allowance comes on top.
const SECONDS: u32 = 15;
/// How long a question's recording may take to be done when it is due.
const RECORDED_WITHIN: Duration = Duration::from_secs(60);
/// How far sizes may be from what is written, of a hundred: ids and times differ from run to run.
const PERCENT: f64 = 3.0;

/// The figures as they are written.
const WRITTEN: &str = include_str!("../../local/simulator/src/units.json");

/// A question of a run of its own, and what is called about it.
struct Measured {
    scene: Scene,
    question: Question,
    calls: Calls,
    ledger: Ledger,
}

impl Measured {
    async fn open() -> Self {
        let stack = Stack::load().unwrap();
        let people = ANSWERS + LATE;
        let scene = Scene::set(stack, people, &mut Rng::new()).await.unwrap();
        let run = Scene::new_run();
        let calls = Calls::about(&scene.faults, &scene.stack.outputs, &run.run_id).await;
        let rules = (SECONDS, SHARDS);
        let question = scene.functions.open(&run, "q1", rules).await.unwrap();
        let mut ledger = Ledger::default();
        ledger.note("opening a window", calls.now().await, 1);
        Self {
            scene,
            question,
            calls,
            ledger,
        }
    }

    /// Ends a part: what was called in it, for each of so many.
    async fn note(&mut self, what: &str, times: usize) {
        self.ledger.note(what, self.calls.now().await, times as u64);
    }

    /// Lets these viewers answer; each must be answered like this. Returns the bytes of an answer.
    async fn answers(&self, viewers: std::ops::Range<usize>, turn: u32, status: u16) -> f64 {
        let count = viewers.len() as f64;
        let bytes: Vec<_> = stream::iter(viewers)
            .map(|index| async move {
                let api = self.scene.crowd[index].api();
                let choice = (index as u32 + turn) % OPTIONS;
                let answer = api.answer(&self.question.run, &self.question.id, choice);
                let reply = answer.await.unwrap();
                let bytes = reply.text.len();
                reply.expect(status).unwrap();
                bytes
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        bytes.iter().sum::<usize>() as f64 / count
    }

    async fn task(&self, op: &str) -> Value {
        let run = &self.question.run;
        let mut task = json!({"op": op, "quizId": run.quiz_id, "runId": run.run_id});
        if op != "leaderboard" {
            task["questionId"] = json!(self.question.id);
        }
        self.scene
            .functions
            .persist("answer-saga", &task)
            .await
            .unwrap()
    }

    /// Waits until the answers are published.
    async fn recorded(&self) {
        let give_up = Instant::now() + RECORDED_WITHIN;
        while !self
            .calls
            .now()
            .await
            .contains_key("answer-recorder PutEvents")
        {
            assert!(Instant::now() < give_up, "the answers are not recorded");
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// The mean length of what `answer-api` has logged of an answer.
    async fn log_bytes(&self, since: Timestamp) -> f64 {
        let stack = &self.scene.stack;
        let group = format!("/aws/lambda/{}-answer-api", stack.outputs.event_bus_name);
        let lines = Logs::new(stack)
            .unwrap()
            .lines(&group, since)
            .await
            .unwrap();
        let run_id = &self.question.run.run_id;
        let about = |line: &&String| line.contains(run_id) && line.contains("\"status\":201");
        let lengths: Vec<_> = lines.iter().filter(about).map(String::len).collect();
        assert!(!lengths.is_empty(), "nothing is logged of an answer");
        lengths.iter().sum::<usize>() as f64 / lengths.len() as f64
    }
}

#[tokio::test]
async fn a_question_calls_and_weighs_what_is_written() {
    let since = Timestamp::now();
    let mut show = Measured::open().await;
    let reply_bytes = show.answers(0..ANSWERS, 0, 201).await;
    show.note("an accepted answer", ANSWERS).await;
    show.answers(0..10, 0, 200).await;
    show.note("the same answer again", 10).await;
    show.answers(10..20, 1, 409).await;
    show.note("another answer", 10).await;
    until(show.question.tally_at).await;
    show.task("close-window").await;
    show.note("closing a window", 1).await;
    show.answers(ANSWERS..ANSWERS + LATE, 0, 410).await;
    show.note("an answer that is too late", LATE).await;
    let tallied = show.task("tally").await;
    assert_eq!(tallied["accepted"], ANSWERS);
    show.note("a tally of two shards", 1).await;
    show.task("leaderboard").await;
    show.note("a leaderboard of one question in two shards", 1)
        .await;
    let (run, question) = (&show.question.run, &show.question.id);
    let api = show.scene.crowd[0].api();
    api.results(run, question)
        .await
        .unwrap()
        .expect(200)
        .unwrap();
    show.note("asking for results", 1).await;
    let run = &show.question.run;
    let api = show.scene.crowd[0].api();
    api.leaderboard(run).await.unwrap().expect(200).unwrap();
    show.note("asking for a place", 1).await;
    show.recorded().await;
    show.scene.drain().await.unwrap();
    let all = show.calls.now().await;
    let of = |function: &str| calls::of(&all, function);
    show.ledger
        .add("recording two shards", of("answer-recorder"));
    let live = of("live-tally");
    let (reads, writes) = (
        live["live-tally GetItem tallies"],
        live["live-tally UpdateItem tallies"],
    );
    assert_eq!(live.len(), 2, "{live:?}");
    assert_eq!(
        reads, writes,
        "a batch reads and writes each of its partitions once"
    );
    assert!(
        writes <= ANSWERS as u64,
        "at most as often as there are answers"
    );
    let window_reads = all["answer-api GetItem windows"];
    let requests = (ANSWERS + 10 + 10 + LATE + 2) as u64;
    assert!(
        window_reads <= requests,
        "each request reads the window at most once"
    );
    let sizes = json!({
        "answerItem": sizes::of_items(&show.scene.stack, &show.question, SHARDS).await,
        "answerReply": reply_bytes,
        "answerLogLine": show.log_bytes(since).await,
    });
    let written: Value = serde_json::from_str(WRITTEN).unwrap();
    let measured = json!(show.ledger.parts);
    for (part, calls) in show.ledger.parts {
        let calls = json!(calls);
        assert_eq!(
            written["calls"][&part], calls,
            "{part}; all of them: {measured:#}"
        );
    }
    for (what, bytes) in sizes.as_object().unwrap() {
        let bytes = bytes.as_f64().unwrap();
        let is = written["bytes"][what].as_f64().unwrap_or_default();
        let off = (bytes - is).abs() * 100.0 / bytes;
        assert!(
            off <= PERCENT,
            "{what}: {is} is written; measured: {sizes:#}"
        );
    }
}

#[tokio::test]
async fn a_playback_token_calls_what_is_written() {
    let stack = Stack::load().unwrap();
    let api = Api::new(stack.http_client().unwrap(), &stack.outputs.api_url);
    let username = format!("{}@example.com", Uuid::new_v4().simple());
    let (person, api) = audience::person(&stack, &api, &username, "Ada", false)
        .await
        .unwrap();
    let channel = &stack.channel.channel_id;
    audience::admit(&stack, &person.user_id, channel)
        .await
        .unwrap();
    let faults = Faults::new(&stack).unwrap();
    let calls = Calls::about(&faults, &stack.outputs, &person.user_id).await;
    for _ in 0..3 {
        api.playback_token(channel)
            .await
            .unwrap()
            .expect(200)
            .unwrap();
    }
    let mut ledger = Ledger::default();
    ledger.note(
        "a playback token",
        calls::of(&calls.now().await, "token-api"),
        3,
    );
    let written: Value = serde_json::from_str(WRITTEN).unwrap();
    let measured = json!(ledger.parts["a playback token"]);
    assert_eq!(written["calls"]["a playback token"], measured);
}
