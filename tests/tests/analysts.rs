//! What analysts take from their queue: everything that happened, each event once, also by an export
//! that is killed.
//!
//! The queue holds what every test has done, so each test judges its own run. It is emptied here
//! alone: these tests take turns.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use cuepoint_e2e::{
    api::{Api, RunPath},
    audience::someone,
    operator::Operator,
    questions,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use stage::Stack;
use tokio::sync::Mutex;
use uuid::Uuid;

static QUEUE: Mutex<()> = Mutex::const_new(());

/// The events of one kind in a folder, about one run.
fn events(folder: &Path, kind: &str, run_id: &str) -> Vec<Value> {
    let file = folder.join(format!("{kind}.jsonl"));
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
    events
        .filter(|event: &Value| event["detail"]["data"]["runId"] == run_id)
        .collect()
}

fn event_id(event: &Value) -> &str {
    event["detail"]["metadata"]["eventId"].as_str().unwrap()
}

fn export(folder: &Path) -> Operator {
    let out = format!("--out={}", folder.display());
    Operator::start(&["export-events", &out]).unwrap()
}

/// An export to its end. Returns its last line.
async fn export_all(folder: &Path) -> String {
    let (status, said) = export(folder).end().await.unwrap();
    assert!(status.success(), "{said:#?}");
    said.last().unwrap().clone()
}

/// Puts `answers-recorded` events of a run that never was on the bus, ten a call.
async fn publish(stack: &Stack, run_id: &str, event_ids: &[String]) {
    let bus = aws_sdk_eventbridge::Client::new(&stack.sdk_config().await);
    let (quiz_id, now) = (Uuid::new_v4().simple().to_string(), Timestamp::now());
    for some in event_ids.chunks(10) {
        let entries = some.iter().map(|event_id| {
            let detail = json!({
                "metadata": {
                    "eventId": event_id, "occurredAt": now, "correlationId": run_id,
                    "schemaVersion": 1,
                },
                "data": {
                    "quizId": quiz_id, "runId": run_id, "questionId": "q1",
                    "answers": [{"viewerId": event_id, "choice": 0, "receivedAt": now}],
                },
            });
            PutEventsRequestEntry::builder()
                .event_bus_name(&stack.outputs.event_bus_name)
                .source("cuepoint.answer-collector")
                .detail_type("answers-recorded")
                .detail(detail.to_string())
                .build()
        });
        let put = bus.put_events().set_entries(Some(entries.collect()));
        assert_eq!(put.send().await.unwrap().failed_entry_count(), 0);
    }
}

#[tokio::test]
async fn an_export_that_is_killed_loses_nothing_and_keeps_nothing_twice() {
    let _turn = QUEUE.lock().await;
    let stack = Stack::load().unwrap();
    let run_id = Uuid::new_v4().simple().to_string();
    let ids: Vec<_> = (0..300).map(|n| format!("answers/{run_id}/{n}")).collect();
    // Every event twice, as EventBridge may deliver it; the second time in another order.
    publish(&stack, &run_id, &ids).await;
    let again: Vec<_> = ids.iter().rev().cloned().collect();
    publish(&stack, &run_id, &again).await;

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let kept = || events(folder, "answers-recorded", &run_id).len();
    for times in 1..=3 {
        let mut killed = export(folder);
        let said = killed.line().await.unwrap();
        assert!(said.unwrap().contains("so far"), "it says how far it is");
        // Wherever it is by now, another time somewhere else.
        tokio::time::sleep(Duration::from_millis(7 * times)).await;
        killed.kill().await.unwrap();
    }
    // What is written of a line when the power goes.
    let file = folder.join("answers-recorded.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(kept() < 300, "it was killed before the end");
    std::fs::write(&file, format!("{text}{{\"detail-type\":\"answ")).unwrap();

    let summary = export_all(folder).await;
    assert!(summary.contains("repeats were dropped"), "{summary}");
    let kept_ids: Vec<_> = events(folder, "answers-recorded", &run_id);
    let kept_ids: BTreeSet<_> = kept_ids.iter().map(event_id).map(str::to_owned).collect();
    assert_eq!(kept_ids, ids.into_iter().collect());
    assert_eq!(kept(), 300, "each once");

    // And once more: there is nothing left to do.
    publish(&stack, &run_id, &again[..20]).await;
    let summary = export_all(folder).await;
    assert!(summary.contains("20 repeats were dropped"), "{summary}");
    assert_eq!(kept(), 300);
}

#[tokio::test]
async fn an_export_that_follows_takes_what_comes_and_does_not_end() {
    let _turn = QUEUE.lock().await;
    let stack = Stack::load().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let out = format!("--out={}", folder.display());
    let follows = Operator::start(&["export-events", "--follow", &out]).unwrap();
    for _ in 0..2 {
        // The second time it waits already.
        let run_id = Uuid::new_v4().simple().to_string();
        publish(&stack, &run_id, &[Uuid::new_v4().to_string()]).await;
        until(async || events(folder, "answers-recorded", &run_id).len() == 1).await;
    }
    follows.kill().await.unwrap();
}

#[tokio::test]
async fn an_event_that_did_not_reach_the_queue_is_moved_there() {
    let _turn = QUEUE.lock().await;
    let stack = Stack::load().unwrap();
    let run_id = Uuid::new_v4().simple().to_string();
    let event = json!({
        "version": "0", "id": Uuid::new_v4(), "detail-type": "quiz-started",
        "source": "cuepoint.quiz-orchestrator", "resources": [],
        "detail": {"metadata": {"eventId": run_id}, "data": {"runId": run_id}},
    });
    let sqs = aws_sdk_sqs::Client::new(&stack.sdk_config().await);
    let dead_letters = stack.outputs.analysts_dlq_url.as_deref().unwrap();
    let letter = sqs.send_message().queue_url(dead_letters);
    letter.message_body(event.to_string()).send().await.unwrap();

    let redrive = Operator::start(&["redrive", "--queue=analysts-dlq"]).unwrap();
    let (status, said) = redrive.end().await.unwrap();
    assert!(status.success(), "{said:#?}");
    let folder = tempfile::tempdir().unwrap();
    export_all(folder.path()).await;
    assert_eq!(events(folder.path(), "quiz-started", &run_id), [event]);
}

async fn scheduled(stack: &Stack, producer: &Api) -> RunPath {
    let quiz = producer.create_quiz(&questions::quiz(1, 5)).await.unwrap();
    let quiz = quiz.expect(201).unwrap();
    let quiz_id = quiz["quizId"].as_str().unwrap().to_owned();
    let run = json!({"channelId": stack.channel.channel_id, "pauseSeconds": 0});
    let run = producer.schedule(&quiz_id, &run).await.unwrap();
    let run = run.expect(201).unwrap();
    let run_id = run["runId"].as_str().unwrap().to_owned();
    RunPath { quiz_id, run_id }
}

/// Waits for what a whole run takes.
async fn until(done: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(90);
    while !done().await {
        assert!(Instant::now() < end, "it did not happen");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Who chose what, and how often it is in the events.
fn recorded(events: &[Value]) -> BTreeMap<(String, u64), usize> {
    let mut recorded = BTreeMap::new();
    for event in events {
        for answer in event["detail"]["data"]["answers"].as_array().unwrap() {
            let viewer = answer["viewerId"].as_str().unwrap().to_owned();
            let choice = answer["choice"].as_u64().unwrap();
            *recorded.entry((viewer, choice)).or_default() += 1;
        }
    }
    recorded
}

#[tokio::test]
async fn every_accepted_answer_of_a_run_is_in_the_files_once() {
    let _turn = QUEUE.lock().await;
    let stack = Stack::load().unwrap();
    let (_, producer) = someone(&stack, true).await.unwrap();
    let mut viewers = Vec::new();
    for _ in 0..8 {
        viewers.push(someone(&stack, false).await.unwrap());
    }
    let run = scheduled(&stack, &producer).await;
    until(async || producer.results(&run, "q1").await.unwrap().body["status"] == "open").await;
    let mut accepted = BTreeMap::new();
    for (index, (person, api)) in viewers.iter().enumerate() {
        let choice = index as u32 % questions::OPTIONS;
        // Sent twice, and then changed: neither makes another answer.
        for (choice, status) in [(choice, 201), (choice, 200), ((choice + 1) % 4, 409)] {
            let reply = api.answer(&run, "q1", choice).await.unwrap();
            assert_eq!(reply.status, status, "{}", reply.body);
        }
        accepted.insert((person.user_id.clone(), u64::from(choice)), 1);
    }

    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let about = |kind: &str| events(folder, kind, &run.run_id);
    // It comes when the question's time is over, so an export is run until it has come.
    until(async || {
        export_all(folder).await;
        recorded(&about("answers-recorded")).len() >= accepted.len()
            && !about("quiz-completed").is_empty()
    })
    .await;
    assert_eq!(recorded(&about("answers-recorded")), accepted);
    for kind in [
        "quiz-scheduled",
        "quiz-started",
        "question-opened",
        "question-tallied",
    ] {
        assert_eq!(about(kind).len(), 1, "{kind}");
    }
    let tallied = &about("question-tallied")[0]["detail"]["data"];
    assert_eq!(tallied["accepted"], accepted.len());
    assert_eq!(tallied["counts"], json!([2, 2, 2, 2]));
    assert!(about("quiz-aborted").is_empty() && about("question-voided").is_empty());
}
