//! Shows on the live channel, from outside: the whole of it, and every way an answer can be wrong.
//!
//! Only one quiz can run on a channel, so these tests take turns.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

use std::time::Duration;

use cuepoint_e2e::{
    api::{Api, RunPath},
    audience::someone,
    backstage, questions,
    show::{self, Plan},
};
use serde_json::{Value, json};
use stage::Stack;
use tokio::sync::{Mutex, MutexGuard};

static CHANNEL: Mutex<()> = Mutex::const_new(());

async fn stack() -> (Stack, MutexGuard<'static, ()>) {
    (Stack::load().unwrap(), CHANNEL.lock().await)
}

async fn scheduled(channel_id: &str, producer: &Api, questions: usize) -> RunPath {
    let run = json!({"channelId": channel_id, "pauseSeconds": 0});
    scheduled_like(&run, producer, questions).await
}

async fn scheduled_like(run: &Value, producer: &Api, questions: usize) -> RunPath {
    let quiz = questions::quiz(questions, 5);
    let quiz = producer
        .create_quiz(&quiz)
        .await
        .unwrap()
        .expect(201)
        .unwrap();
    let quiz_id = quiz["quizId"].as_str().unwrap().to_owned();
    let run = producer
        .schedule(&quiz_id, run)
        .await
        .unwrap()
        .expect(201)
        .unwrap();
    RunPath {
        quiz_id,
        run_id: run["runId"].as_str().unwrap().to_owned(),
    }
}

/// Waits until a question's results have this status.
async fn question_is(api: &Api, run: &RunPath, question_id: &str, status: &str) -> Value {
    for _ in 0..240 {
        let reply = api.results(run, question_id).await.unwrap();
        if reply.status == 200 && reply.body["status"] == status {
            return reply.body;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("{question_id} of {run} did not become {status} within a minute");
}

async fn run_is(producer: &Api, run: &RunPath, status: &str) -> Value {
    for _ in 0..240 {
        let body = producer.run(run).await.unwrap().expect(200).unwrap();
        if body["status"] == status {
            return body;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    panic!("{run} did not become {status} within a minute");
}

#[tokio::test]
async fn a_show_ends_with_every_number_right() {
    let (stack, _turn) = stack().await;
    let plan = Plan {
        viewers: 25,
        questions: 2,
        seconds: 5,
        seed: 42,
    };
    let report = show::run(&stack, &plan, &|line| println!("{line}"))
        .await
        .unwrap();
    // Other tests may have parked letters on purpose; the demo alone must have none.
    let problems: Vec<_> = report
        .problems
        .iter()
        .filter(|problem| !problem.contains("-dlq holds"))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}\n{}", report.table());
    assert_eq!(report.viewers.played, 20);
    assert_eq!(
        (report.viewers.refused_token, report.viewers.refused_video),
        (5, 5)
    );
    assert_eq!(report.questions.len(), 2);
    assert!(
        report
            .questions
            .iter()
            .all(|question| question.sent.iter().sum::<u64>() == 20)
    );
}

#[tokio::test]
async fn an_answer_counts_once_inside_its_window_only() {
    let (stack, _turn) = stack().await;
    let (_, producer) = someone(&stack, true).await.unwrap();
    let (_, viewer) = someone(&stack, false).await.unwrap();
    let run = scheduled(&stack.channel.channel_id, &producer, 2).await;
    question_is(&viewer, &run, "q1", "open").await;

    let early = viewer.answer(&run, "q2", 0).await.unwrap();
    assert_eq!(
        (early.status.as_u16(), early.problem()),
        (404, "not-found"),
        "not asked yet"
    );
    let unknown = viewer.answer(&run, "q1", 4).await.unwrap();
    assert_eq!(
        (unknown.status.as_u16(), unknown.problem()),
        (422, "unknown-option")
    );
    let nameless = Api::new(stack.http_client().unwrap(), &stack.outputs.api_url);
    assert_eq!(nameless.answer(&run, "q1", 1).await.unwrap().status, 401);

    let first = viewer
        .answer(&run, "q1", 1)
        .await
        .unwrap()
        .expect(201)
        .unwrap();
    let again = viewer
        .answer(&run, "q1", 1)
        .await
        .unwrap()
        .expect(200)
        .unwrap();
    assert_eq!(
        first["receivedAt"], again["receivedAt"],
        "a retry is answered like the first"
    );
    let other = viewer.answer(&run, "q1", 2).await.unwrap();
    assert_eq!(
        (other.status.as_u16(), other.problem()),
        (409, "already-answered")
    );
    assert_eq!(other.body["choice"], 1);

    let results = question_is(&viewer, &run, "q1", "tallied").await;
    assert_eq!(results["final"], json!([0, 1, 0, 0]));
    let late = viewer
        .answer(&run, "q1", 1)
        .await
        .unwrap()
        .expect(200)
        .unwrap();
    assert_eq!(
        late["receivedAt"], first["receivedAt"],
        "a late repeat of an accepted answer"
    );
    let (_, latecomer) = someone(&stack, false).await.unwrap();
    let late = latecomer.answer(&run, "q1", 1).await.unwrap();
    assert_eq!(
        (late.status.as_u16(), late.problem()),
        (410, "window-closed")
    );
    assert_eq!(
        viewer.results(&run, "q1").await.unwrap().body["final"],
        json!([0, 1, 0, 0])
    );
    run_is(&producer, &run, "completed").await;
}

#[tokio::test]
async fn a_cancelled_quiz_voids_its_open_question_and_frees_the_channel() {
    let (stack, _turn) = stack().await;
    let (_, producer) = someone(&stack, true).await.unwrap();
    let run = scheduled(&stack.channel.channel_id, &producer, 1).await;
    question_is(&producer, &run, "q1", "open").await;
    producer.cancel(&run).await.unwrap().expect(202).unwrap();
    run_is(&producer, &run, "cancelled").await;
    let results = question_is(&producer, &run, "q1", "voided").await;
    assert_eq!(results["final"], Value::Null);

    let next = scheduled(&stack.channel.channel_id, &producer, 1).await;
    run_is(&producer, &next, "completed").await;
    let saga = backstage::saga(&stack, &next.run_id).await.unwrap();
    assert_eq!(saga.states.last().map(String::as_str), Some("Completed"));
    // The first was undone while its saga waited for answers, which ends at its next step.
    let saga = backstage::saga(&stack, &run.run_id).await.unwrap();
    assert!(saga.states.iter().any(|state| state == "WaitForAnswers"));
    assert!(
        !saga.states.iter().any(|state| state == "CloseWindow"),
        "{:?}",
        saga.states
    );
}

#[tokio::test]
async fn a_quiz_on_a_channel_that_is_off_air_is_aborted_and_undone() {
    let stack = Stack::load().unwrap();
    let (_, producer) = someone(&stack, true).await.unwrap();
    let off_air = &stack.offline_channel.channel_id;
    let run = json!({"channelId": off_air, "streamLossSeconds": 5});
    let run = scheduled_like(&run, &producer, 1).await;

    let aborted = run_is(&producer, &run, "aborted").await;
    assert_eq!(aborted["failedStep"], "PushQuestion");
    assert!(
        aborted["reason"]
            .as_str()
            .unwrap()
            .contains("ChannelNotBroadcasting"),
        "{aborted}"
    );
    question_is(&producer, &run, "q1", "voided").await;
    let saga = backstage::saga(&stack, &run.run_id).await.unwrap();
    for step in [
        "VoidAttempt",
        "PublishAttemptVoided",
        "LookForStream",
        "StreamGone",
        "Compensate",
        "Aborted",
    ] {
        assert!(
            saga.states.iter().any(|state| state == step),
            "{step} in {:?}",
            saga.states
        );
    }
}
