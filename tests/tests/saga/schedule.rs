//! When a run starts: at once, later, moved, never twice on a channel at the same time; and by an
//! operator's own hand.

use aws_sdk_sfn::types::ExecutionStatus;
use cuepoint_e2e::api::{Reply, RunPath};
use futures::future;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};

use crate::rehearsal::{Rehearsal, run_in};

/// So many seconds from now.
fn from_now(seconds: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(seconds)
}

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

async fn move_to(rehearsal: &Rehearsal, run: &RunPath, starts_at: Timestamp) -> Reply {
    let to = json!({ "startsAt": starts_at.to_string() });
    let path = run.to_string();
    let moved = rehearsal.producer.call(Method::PATCH, &path, Some(&to));
    moved.await.unwrap()
}

fn problem(reply: &Reply) -> (u16, &str) {
    (reply.status.as_u16(), reply.problem())
}

/// How long after `startsAt` the run went on air.
fn lateness(run: &Value) -> SignedDuration {
    time(&run["startedAt"]).duration_since(time(&run["startsAt"]))
}

#[tokio::test]
async fn a_run_starts_at_once_or_at_its_time_and_not_in_the_past() {
    let rehearsal = Rehearsal::on_air().await;
    let run = rehearsal.schedule(1, &json!({})).await;
    let at_once = rehearsal.run_is(&run, "running").await;
    assert!(
        lateness(&at_once) < SignedDuration::from_secs(20),
        "{at_once}"
    );
    rehearsal.cancel(&run).await;
    rehearsal.run_is(&run, "cancelled").await;

    let quiz_id = rehearsal.quiz(1).await;
    let past = json!({ "startsAt": from_now(-10).to_string() });
    let refused = rehearsal.ask_for(&quiz_id, &past).await;
    assert_eq!(problem(&refused), (422, "invalid-run"), "{}", refused.body);
    let said = refused.body["detail"].as_str().unwrap();
    assert!(said.contains("in the past"), "{said}");

    // A producer's clock may be a little behind.
    let just_now = json!({ "startsAt": from_now(-3).to_string() });
    let taken = rehearsal
        .ask_for(&quiz_id, &just_now)
        .await
        .expect(201)
        .unwrap();
    let run = run_in(&taken);
    rehearsal.run_is(&run, "running").await;
    rehearsal.cancel(&run).await;
    rehearsal.run_is(&run, "cancelled").await;

    let ahead = json!({ "startsAt": from_now(6).to_string() });
    let run = rehearsal.schedule(1, &ahead).await;
    let started = rehearsal.run_is(&run, "running").await;
    let late = lateness(&started);
    assert!(!late.is_negative(), "{started}");
    assert!(late < SignedDuration::from_secs(20), "{started}");
    rehearsal.cancel(&run).await;
    let (_, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert!(
        windows.values().all(|status| status == "voided"),
        "{windows:?}"
    );
}

#[tokio::test]
async fn a_run_is_moved_earlier() {
    let rehearsal = Rehearsal::on_air().await;
    let first = json!({ "startsAt": from_now(600).to_string() });
    let run = rehearsal.schedule(1, &first).await;
    let replaced = rehearsal.execution_of(&run).await;
    let to = from_now(4);
    let moved = move_to(&rehearsal, &run, to).await.expect(200).unwrap();
    assert!(time(&moved["startsAt"]).duration_since(to).abs() < SignedDuration::from_secs(1));
    let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(
        (&body["status"], windows["q1"].as_str()),
        (&json!("completed"), "tallied")
    );
    assert!(!lateness(&body).is_negative(), "{body}");

    // The execution that waits for the first start has nothing to undo when it ends.
    rehearsal.show.stop(&replaced).await;
    rehearsal.another_quiz_runs().await;
    assert_eq!(rehearsal.nothing_is_open(&run, 1).await, (body, windows));
}

#[tokio::test]
async fn a_run_is_moved_later() {
    let rehearsal = Rehearsal::on_air().await;
    let first = json!({ "startsAt": from_now(10).to_string() });
    let run = rehearsal.schedule(1, &first).await;
    let replaced = rehearsal.execution_of(&run).await;
    let to = from_now(20);
    move_to(&rehearsal, &run, to).await.expect(200).unwrap();
    // At its own start it finds that it was replaced.
    let (status, said) = rehearsal.show.ended(&replaced).await;
    assert_eq!(status, ExecutionStatus::Succeeded, "{said}");
    let entered = rehearsal.show.entered(&replaced).await;
    assert_eq!(entered.last().unwrap(), "NotOurs", "{entered:?}");
    let body = rehearsal.producer.run(&run).await.unwrap().body;
    assert_eq!(body["status"], "scheduled", "{body}");

    let started = rehearsal.run_is(&run, "running").await;
    assert!(time(&started["startedAt"]) >= to, "{started}");
    let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(
        (&body["status"], windows["q1"].as_str()),
        (&json!("completed"), "tallied")
    );
    // What has started or ended is not moved any more.
    let refused = move_to(&rehearsal, &run, from_now(600)).await;
    assert_eq!(problem(&refused), (409, "run-ended"), "{}", refused.body);
}

#[tokio::test]
async fn two_runs_at_the_same_time_on_a_channel_are_refused_when_they_are_scheduled() {
    let rehearsal = Rehearsal::off_air().await;
    let quiz_id = rehearsal.quiz(1).await;
    let at = |seconds: i64| json!({ "startsAt": from_now(seconds).to_string() });
    let (one, other) = (at(3_600), at(3_610));
    let both = future::join(
        rehearsal.ask_for(&quiz_id, &one),
        rehearsal.ask_for(&quiz_id, &other),
    );
    let (one, other) = both.await;
    let (taken, refused) = if one.status == 201 {
        (one, other)
    } else {
        (other, one)
    };
    let taken = taken.expect(201).unwrap();
    assert_eq!(
        problem(&refused),
        (409, "channel-booked"),
        "{}",
        refused.body
    );
    for field in ["runId", "startsAt", "endsAt"] {
        assert_eq!(
            refused.body[field], taken[field],
            "{field}: {}",
            refused.body
        );
    }

    // Before it and after it is room; in it is none, for a run that is moved either.
    let after = json!({ "startsAt": taken["endsAt"] });
    let later = rehearsal
        .ask_for(&quiz_id, &after)
        .await
        .expect(201)
        .unwrap();
    let (first, second) = (run_in(&taken), run_in(&later));
    let refused = move_to(&rehearsal, &second, time(&taken["startsAt"])).await;
    assert_eq!(
        problem(&refused),
        (409, "channel-booked"),
        "{}",
        refused.body
    );
    assert_eq!(refused.body["runId"], taken["runId"]);
    let unmoved = rehearsal.producer.run(&second).await.unwrap().body;
    assert_eq!(unmoved["startsAt"], later["startsAt"], "it is where it was");

    // What is cancelled, or moved away, leaves its place to others.
    rehearsal.cancel(&first).await;
    rehearsal.run_is(&first, "cancelled").await;
    move_to(&rehearsal, &second, time(&taken["startsAt"]))
        .await
        .expect(200)
        .unwrap();
    let in_place = rehearsal
        .ask_for(&quiz_id, &after)
        .await
        .expect(201)
        .unwrap();
    for run in [second, run_in(&in_place)] {
        rehearsal.cancel(&run).await;
        rehearsal.run_is(&run, "cancelled").await;
    }
}

#[tokio::test]
async fn a_run_waits_for_one_that_overruns() {
    let mut rehearsal = Rehearsal::off_air().await;
    let (first, second) = rehearsal.one_that_overruns().await;
    let execution = rehearsal.execution_of(&second).await;
    rehearsal.show.reaches(&execution, "StartRun").await;
    let body = rehearsal.producer.run(&first).await.unwrap().body;
    assert_eq!(body["status"], "running", "{body}");
    let body = rehearsal.producer.run(&second).await.unwrap().body;
    assert_eq!(body["status"], "scheduled", "{body}");

    rehearsal.go_on_air().await;
    rehearsal.cancel(&first).await;
    rehearsal.run_is(&first, "cancelled").await;
    let (body, windows) = rehearsal.nothing_is_open(&second, 1).await;
    assert_eq!(
        (&body["status"], windows["q1"].as_str()),
        (&json!("completed"), "tallied")
    );
}

#[tokio::test]
async fn questions_are_spaced_by_time() {
    let rehearsal = Rehearsal::on_air().await;
    let run = rehearsal.schedule(2, &json!({ "everySeconds": 17 })).await;
    let (body, _) = rehearsal.nothing_is_open(&run, 2).await;
    assert_eq!(body["status"], "completed", "{body}");
    let told = rehearsal.events.now(&run.run_id).await;
    let opened = told.iter().filter(|told| told.name == "question-opened");
    let opened: Vec<_> = opened.map(|told| time(&told.data["openedAt"])).collect();
    let apart = opened[1].duration_since(opened[0]);
    let seconds = apart.as_secs_f64();
    assert!((16.9..20.0).contains(&seconds), "{seconds} s apart");
}

#[tokio::test]
async fn an_operator_starts_the_saga_directly() {
    let rehearsal = Rehearsal::on_air().await;
    let quiz_id = rehearsal.quiz(1).await;
    let show = &rehearsal.show;
    let order = json!({ "quizId": quiz_id, "channelId": rehearsal.channel.channel_id });
    let execution = show.start(&order).await;
    let run = rehearsal.run_of(&execution, &quiz_id).await;
    rehearsal.question_is(&run, "q1", "open").await;

    // On a channel that is in use it is not the start of a second show.
    let second = show.start(&order).await;
    let (status, said) = show.ended(&second).await;
    assert_eq!(status, ExecutionStatus::Failed, "{said}");
    assert!(said.contains("ClaimRun"), "{said}");

    let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(
        (&body["status"], windows["q1"].as_str()),
        (&json!("completed"), "tallied")
    );
    let (status, said) = show.ended(&execution).await;
    assert_eq!(status, ExecutionStatus::Succeeded, "{said}");

    for wrong in [
        json!({ "quizId": "no-such-quiz", "channelId": rehearsal.channel.channel_id }),
        json!({ "quizId": quiz_id, "channelId": "no-such-channel" }),
        json!({ "quizId": quiz_id, "channelId": rehearsal.channel.channel_id, "pauseSeconds": -1 }),
        json!({ "quizId": quiz_id }),
        json!({}),
    ] {
        let (status, said) = show.ended(&show.start(&wrong).await).await;
        assert_eq!(status, ExecutionStatus::Failed, "{wrong}: {said}");
    }
    rehearsal.another_quiz_runs().await;
}
