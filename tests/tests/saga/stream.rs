//! The stream is lost: before a question, in the middle of one, before its results, for good.

use cuepoint_e2e::questions;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stage::{
    Faults,
    faults::{Action, Rule},
};

use crate::{cases::side_by_side, rehearsal::Rehearsal, watcher::Watcher};

/// A question that is long enough for a stream to drop and come back while it is answered.
fn long_question() -> Value {
    questions::quiz(1, 10)
}

/// Starts a show of one question, and lets the stream drop and come back while it is open.
async fn dropped_in_the_middle(
    on_loss: &str,
) -> (Rehearsal, Watcher, Value, Vec<(String, String)>) {
    let mut rehearsal = Rehearsal::on_air().await;
    let watcher = Watcher::of(&rehearsal).await;
    let settings = json!({ "onStreamLoss": on_loss, "streamLossSeconds": 60 });
    let quiz_id = rehearsal.quiz_of(&long_question()).await;
    let order = rehearsal.order(&quiz_id, &settings);
    let show = &rehearsal.show;
    let execution = show.start(&order).await;
    let run = rehearsal.run_of(&execution, &quiz_id).await;
    rehearsal.drops_in(&execution, "WaitForAnswers", 1).await;
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
async fn a_question_that_was_dropped_is_asked_again() {
    let (rehearsal, watcher, body, windows) = dropped_in_the_middle("repeat").await;
    assert_eq!(body["status"], "completed", "{body}");
    assert_eq!(windows, [window("q1", "voided"), window("q1-2", "tallied")]);
    let again = watcher.sees("the second attempt", |cue| cue["questionId"] == "q1-2");
    let again = again.await.cue;
    let question = &long_question()["questions"][0];
    for same in ["question", "answers", "seconds"] {
        assert_eq!(again[same], question[same]);
    }
    assert_eq!((&again["n"], &again["of"]), (&json!(1), &json!(1)));
    rehearsal.another_quiz_runs().await;
}

#[tokio::test]
async fn a_question_that_is_lost_three_times_ends_the_quiz() {
    let mut rehearsal = Rehearsal::on_air().await;
    let settings = json!({ "onStreamLoss": "repeat", "streamLossSeconds": 60 });
    let quiz_id = rehearsal.quiz_of(&long_question()).await;
    let order = rehearsal.order(&quiz_id, &settings);
    let execution = rehearsal.show.start(&order).await;
    let run = rehearsal.run_of(&execution, &quiz_id).await;
    for attempt in 1..=3 {
        rehearsal
            .drops_in(&execution, "WaitForAnswers", attempt)
            .await;
    }
    let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(
        (&body["status"], &body["failedStep"]),
        (&json!("aborted"), &json!("CheckStream"))
    );
    let reason = body["reason"].as_str().unwrap();
    assert!(reason.contains("QuestionLost"), "{reason}");
    let windows: Vec<_> = windows.into_iter().collect();
    assert_eq!(
        windows,
        ["q1", "q1-2", "q1-3"].map(|id| window(id, "voided"))
    );
    rehearsal.another_quiz_runs().await;
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
async fn the_leaderboard_waits_for_the_stream() {
    let mut rehearsal = Rehearsal::on_air().await;
    let watcher = Watcher::of(&rehearsal).await;
    let run = rehearsal.schedule(1, &json!({ "pauseSeconds": 10 })).await;
    let execution = rehearsal.execution_of(&run).await;
    let show = &rehearsal.show;
    show.reaches(&execution, "PauseBeforeLeaderboard").await;
    rehearsal.go_off_air().await;
    rehearsal.show.reaches(&execution, "WaitForStream").await;
    rehearsal.go_on_air().await;
    let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(
        (&body["status"], windows["q1"].as_str()),
        (&json!("completed"), "tallied")
    );
    let entered = rehearsal.show.entered(&execution).await;
    let pushed = entered.iter().filter(|state| *state == "PushLeaderboard");
    assert!(pushed.count() > 1, "{entered:?}");
    watcher.sees_a("leaderboard").await;
}

/// IVS says that there is a stream, and takes no cue for it: as good as none, once or for long.
#[tokio::test]
async fn a_stream_that_takes_no_cue_is_waited_for() {
    side_by_side([1, 100], async |times| {
        let rehearsal = Rehearsal::on_air().await;
        let soon = Timestamp::now() + SignedDuration::from_secs(3);
        let settings = json!({
            "onStreamLoss": "wait", "streamLossSeconds": 15, "startsAt": soon.to_string(),
        });
        let run = rehearsal.schedule(1, &settings).await;
        let refused = Action::Refuse {
            status: 404,
            code: "ChannelNotBroadcasting".to_owned(),
        };
        let rule = Rule::new(refused).of_function("quiz-saga");
        let rule = rule.to("ivs", "PutMetadata").about(&run.run_id);
        let faults = Faults::new(&rehearsal.stack).unwrap();
        let fault = faults.add(rule.times(*times)).await.unwrap();
        let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
        let hits = fault.hits().await.unwrap();
        if *times == 1 {
            assert_eq!(hits, 1);
            assert_eq!(body["status"], "completed", "{body}");
            let windows: Vec<_> = windows.into_iter().collect();
            assert_eq!(windows, [window("q1", "voided"), window("q1-2", "tallied")]);
        } else {
            assert_eq!(body["status"], "aborted", "{body}");
            let reason = body["reason"].as_str().unwrap();
            assert!(reason.contains("off air for more than 15 s"), "{reason}");
            // Each attempt has a window of its own, which nobody could answer in.
            assert!(windows.len() > 1, "{windows:?}");
            assert!(hits as usize >= windows.len(), "{hits}: {windows:?}");
        }
        rehearsal.another_quiz_runs().await;
    })
    .await;
}

/// IVS is busy until less than half of the time to answer is left: the question is not shown so late,
/// but asked again, or the run is aborted.
#[tokio::test]
async fn a_question_that_comes_too_late_is_asked_again() {
    side_by_side(["wait", "abort"], async |on_loss| {
        let rehearsal = Rehearsal::on_air().await;
        let soon = Timestamp::now() + SignedDuration::from_secs(3);
        let settings = json!({ "onStreamLoss": on_loss, "startsAt": soon.to_string() });
        let run = rehearsal.schedule(1, &settings).await;
        // The client asks three times by itself; four tasks fail, and fifteen seconds are over.
        let rule = Rule::new(Action::Throttle).of_function("quiz-saga");
        let rule = rule.to("ivs", "PutMetadata").about(&run.run_id).times(12);
        let faults = Faults::new(&rehearsal.stack).unwrap();
        let fault = faults.add(rule).await.unwrap();
        let (body, windows) = rehearsal.nothing_is_open(&run, 1).await;
        assert_eq!(fault.hits().await.unwrap(), 12);
        let windows: Vec<_> = windows.into_iter().collect();
        if *on_loss == "abort" {
            assert_eq!(
                (&body["status"], &body["failedStep"]),
                (&json!("aborted"), &json!("PushQuestion"))
            );
            let reason = body["reason"].as_str().unwrap();
            assert!(reason.contains("QuestionTooLate"), "{reason}");
            assert_eq!(windows, [window("q1", "voided")]);
        } else {
            assert_eq!(body["status"], "completed", "{body}");
            assert_eq!(windows, [window("q1", "voided"), window("q1-2", "tallied")]);
        }
        rehearsal.another_quiz_runs().await;
    })
    .await;
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
