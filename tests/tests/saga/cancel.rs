//! A producer cancels, at any moment: the audience sees it in the video, at once.

use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use cuepoint_e2e::{api::RunPath, questions};
use serde_json::json;
use tokio::time::Instant;

use crate::{rehearsal::Rehearsal, watcher::Watcher};

/// From the producer's call to the cue in the viewer's hands: seconds of video, and a slow machine.
const AT_MOST: Duration = Duration::from_secs(15);

/// Cancels a run whose execution is in a state that lasts; the audience sees it while it lasts.
async fn cancelled_in(rehearsal: &Rehearsal, watcher: &Watcher, run: &RunPath, state: &str) {
    let execution = rehearsal.execution_of(run).await;
    rehearsal.show.reaches(&execution, state).await;
    let called = Instant::now();
    rehearsal.cancel(run).await;
    let seen = watcher.sees("the end", |cue| {
        cue["type"] == "cancelled" && cue["runId"] == run.run_id.as_str()
    });
    let seen = seen.await;
    let took = Instant::from_std(seen.at).duration_since(called);
    println!("{state}: the audience saw it after {took:?}");
    assert!(took < AT_MOST, "{took:?}");
    let entered = rehearsal.show.entered(&execution).await;
    assert_eq!(
        entered.last().unwrap(),
        state,
        "the show still waits: {entered:?}"
    );
    let (body, windows) = rehearsal.nothing_is_open(run, 2).await;
    assert_eq!(body["status"], "cancelled");
    println!("{state}: {windows:?}");
    let of_this_run = |cue: &serde_json::Value| cue["runId"] == run.run_id.as_str();
    let cues = watcher.all();
    let ends = cues
        .iter()
        .filter(|seen| seen.cue["type"] == "cancelled" && of_this_run(&seen.cue));
    assert_eq!(ends.count(), 1, "it is told once: {cues:#?}");
}

#[tokio::test]
async fn a_run_is_cancelled_before_it_starts() {
    let rehearsal = Rehearsal::off_air().await;
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(8);
    let run = rehearsal
        .schedule(1, &json!({ "startsAt": soon.to_string() }))
        .await;
    let execution = rehearsal.execution_of(&run).await;
    rehearsal.cancel(&run).await;
    let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(body["status"], "cancelled");
    assert!(windows.is_empty());
    let (status, said) = rehearsal.show.ended(&execution).await;
    assert_eq!(status, ExecutionStatus::Succeeded, "{said}");
    let (after, _) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(after, body);
}

#[tokio::test]
async fn a_run_is_cancelled_while_a_question_is_open_and_between_two() {
    let rehearsal = Rehearsal::on_air().await;
    let watcher = Watcher::of(&rehearsal).await;
    // So long that the show is still in it when the audience has seen the end.
    let quiz = questions::quiz(2, 30);
    let run = rehearsal.schedule_quiz(&quiz, &json!({})).await;
    cancelled_in(&rehearsal, &watcher, &run, "WaitForAnswers").await;

    let run = rehearsal.schedule(2, &json!({ "pauseSeconds": 30 })).await;
    cancelled_in(&rehearsal, &watcher, &run, "Pause").await;

    let run = rehearsal.schedule(1, &json!({ "pauseSeconds": 10 })).await;
    cancelled_in(&rehearsal, &watcher, &run, "PauseBeforeLeaderboard").await;
    rehearsal.another_quiz_runs().await;
}

/// The run on air overruns: the next one waits for its channel, and is cancelled meanwhile.
#[tokio::test]
async fn a_run_is_cancelled_while_it_waits_for_its_channel() {
    let rehearsal = Rehearsal::off_air().await;
    let (first, second) = rehearsal.one_that_overruns().await;
    let execution = rehearsal.execution_of(&second).await;
    let show = &rehearsal.show;
    show.fails_with(&execution, "StartRun", "ChannelTaken")
        .await;
    rehearsal.cancel(&second).await;
    let (body, windows) = rehearsal.nothing_is_open(&second, 1).await;
    assert_eq!(body["status"], "cancelled");
    assert!(windows.is_empty(), "{windows:?}");
    // It finds that at its next try.
    let (status, said) = show.ended(&execution).await;
    assert_eq!(status, ExecutionStatus::Succeeded, "{said}");
    let entered = show.entered(&execution).await;
    assert_eq!(entered.last().unwrap(), "Cancelled", "{entered:?}");

    let body = rehearsal.producer.run(&first).await.unwrap().body;
    assert_eq!(body["status"], "running", "the other goes on: {body}");
    rehearsal.cancel(&first).await;
    rehearsal.run_is(&first, "cancelled").await;
}

/// Between the look at the run and the tally there is no time in which a test could cancel it: here
/// the show waits there.
#[tokio::test]
async fn a_run_is_cancelled_just_before_its_question_is_tallied() {
    let rehearsal = Rehearsal::on_air().await;
    let quiz_id = rehearsal.quiz(1).await;
    let show = rehearsal.show.copy(|definition| {
        let states = &mut definition["States"];
        states["Meanwhile"] = json!({ "Type": "Wait", "Seconds": 8, "Next": "CloseWindow" });
        states["StreamMatters?"]["Choices"][0]["Next"] = json!("Meanwhile");
    });
    let show = show.await;
    let execution = show.start(&rehearsal.order(&quiz_id, &json!({}))).await;
    show.reaches(&execution, "Meanwhile").await;
    let run_id = show.claimed(&execution).await.unwrap();
    let run = RunPath { quiz_id, run_id };
    rehearsal.cancel(&run).await;
    let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(body["status"], "cancelled");
    assert_eq!(windows["q1"], "voided");
    let (status, said) = show.ended(&execution).await;
    assert_eq!(status, ExecutionStatus::Succeeded, "{said}");
    let entered = show.entered(&execution).await;
    assert_eq!(entered.last().unwrap(), "EndedByOthers", "{entered:?}");
    rehearsal.another_quiz_runs().await;
}

#[tokio::test]
async fn a_run_is_cancelled_while_it_waits_for_the_stream() {
    let mut rehearsal = Rehearsal::off_air().await;
    let run = rehearsal
        .schedule(2, &json!({ "streamLossSeconds": 120 }))
        .await;
    let execution = rehearsal.execution_of(&run).await;
    rehearsal.show.reaches(&execution, "WaitForStream").await;
    rehearsal.cancel(&run).await;
    let (body, windows) = rehearsal.nothing_is_open(&run, 2).await;
    assert_eq!(body["status"], "cancelled");
    assert_eq!(windows["q1"], "voided");
    let (status, said) = rehearsal.show.ended(&execution).await;
    assert_eq!(status, ExecutionStatus::Succeeded, "{said}");
    rehearsal.go_on_air().await;
    rehearsal.another_quiz_runs().await;
}
