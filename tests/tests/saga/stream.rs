//! The stream is lost: before a question, in the middle of one, before its results, for good.

use serde_json::{Value, json};

use crate::{rehearsal::Rehearsal, watcher::Watcher};

/// Schedules one question, and lets the stream drop and come back while it is open.
async fn dropped_in_the_middle(
    on_loss: &str,
) -> (Rehearsal, Watcher, Value, Vec<(String, String)>) {
    let mut rehearsal = Rehearsal::on_air().await;
    let watcher = Watcher::of(&rehearsal).await;
    let settings = json!({ "onStreamLoss": on_loss, "streamLossSeconds": 60 });
    let quiz_id = rehearsal.quiz(1).await;
    let order = rehearsal.order(&quiz_id, &settings);
    let execution = rehearsal.show.start(&order).await;
    rehearsal.show.reaches(&execution, "WaitForAnswers").await;
    rehearsal.go_off_air().await;
    rehearsal.go_on_air().await;
    let run = rehearsal.run_of(&execution, &quiz_id).await;
    let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
    (rehearsal, watcher, body, windows.into_iter().collect())
}

fn window(id: &str, status: &str) -> (String, String) {
    (id.to_owned(), status.to_owned())
}

#[tokio::test]
async fn a_drop_in_the_middle_of_a_question_is_waited_out() {
    let (_rehearsal, watcher, body, windows) = dropped_in_the_middle("wait").await;
    assert_eq!(body["status"], "completed");
    assert_eq!(windows, [window("q1", "tallied")]);
    watcher.sees_a("results").await;
}

#[tokio::test]
async fn a_drop_in_the_middle_of_a_question_ends_the_quiz() {
    let (rehearsal, watcher, body, windows) = dropped_in_the_middle("abort").await;
    assert_eq!(
        (&body["status"], &body["failedStep"]),
        (&json!("aborted"), &json!("CheckStream"))
    );
    assert!(
        body["reason"].as_str().unwrap().contains("StreamLost"),
        "{body}"
    );
    assert_eq!(windows, [window("q1", "voided")]);
    watcher.sees_a("cancelled").await;
    rehearsal.another_quiz_runs().await;
}

#[tokio::test]
async fn a_question_waits_for_the_stream() {
    let mut rehearsal = Rehearsal::off_air().await;
    let run = rehearsal
        .schedule(1, &json!({ "onStreamLoss": "wait" }))
        .await;
    let execution = rehearsal.execution_of(&run).await;
    rehearsal.show.reaches(&execution, "WaitForStream").await;
    rehearsal.question_is(&run, "q1", "voided").await;
    rehearsal.go_on_air().await;
    let watcher = Watcher::of(&rehearsal).await;
    let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(body["status"], "completed", "{body}");
    let windows: Vec<_> = windows.into_iter().collect();
    assert_eq!(windows, [window("q1", "voided"), window("q1-2", "tallied")]);
    let results = watcher.sees_a("results").await.cue;
    assert_eq!(results["questionId"], "q1-2");
}

#[tokio::test]
async fn results_wait_for_the_stream() {
    let mut rehearsal = Rehearsal::on_air().await;
    let run = rehearsal
        .schedule(1, &json!({ "onStreamLoss": "wait" }))
        .await;
    let execution = rehearsal.execution_of(&run).await;
    rehearsal.show.reaches(&execution, "WaitForAnswers").await;
    rehearsal.go_off_air().await;
    rehearsal.show.reaches(&execution, "WaitForStream").await;
    rehearsal.question_is(&run, "q1", "tallied").await;
    rehearsal.go_on_air().await;
    let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(
        (&body["status"], windows["q1"].as_str()),
        (&json!("completed"), "tallied")
    );
    let entered = rehearsal.show.entered(&execution).await;
    let pushed = entered.iter().filter(|state| *state == "PushResults");
    assert!(pushed.count() > 1, "{entered:?}");
}

#[tokio::test]
async fn a_stream_that_stays_away_ends_the_quiz() {
    let mut rehearsal = Rehearsal::off_air().await;
    for (on_loss, windows) in [("abort", 1), ("wait", 1), ("repeat", 1)] {
        let settings = json!({ "onStreamLoss": on_loss, "streamLossSeconds": 5 });
        let run = rehearsal.schedule(1, &settings).await;
        let (body, voided) = rehearsal.nothing_is_open(&run, 1).await;
        assert_eq!(
            (&body["status"], &body["failedStep"]),
            (&json!("aborted"), &json!("PushQuestion"))
        );
        let reason = body["reason"].as_str().unwrap();
        assert!(
            reason.contains("ChannelNotBroadcasting"),
            "{on_loss}: {reason}"
        );
        assert_eq!(voided.len(), windows, "{on_loss}: {voided:?}");
        assert_eq!(voided["q1"], "voided");
    }
    rehearsal.go_on_air().await;
    rehearsal.another_quiz_runs().await;
}
