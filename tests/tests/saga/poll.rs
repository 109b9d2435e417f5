//! A poll: no option is correct, there may be ten, in any script, as long as its cue fits.

use serde_json::{Value, json};

use crate::{
    rehearsal::{Rehearsal, someone},
    watcher::Watcher,
};

/// The most bytes of UTF-8 that IVS takes as one piece of metadata.
const MOST: usize = 1_024;

const QUESTION: &str = "Wie geht's? 今日は? كيف حالك؟ 🎉";
const OPTIONS: [&str; 10] = [
    "gut",
    "très bien",
    "хорошо",
    "とても元気",
    "ممتاز جدًا",
    "מצוין",
    "👩‍👩‍👧‍👦 & 🏳️‍🌈",
    "ठीक है",
    "так себе",
    "좋아요",
];

fn poll(question: &str) -> Value {
    json!({
        "title": "A poll",
        "questions": [{ "question": question, "answers": OPTIONS, "seconds": 10 }],
    })
}

#[tokio::test]
async fn a_poll_of_ten_options_is_shown_as_it_was_written() {
    let rehearsal = Rehearsal::on_air().await;
    let watcher = Watcher::of(&rehearsal).await;
    // As large as a cue may be: in the video its text is cut into several packets.
    let full = largest(&rehearsal).await;
    let mut viewers = Vec::new();
    for _ in 0..3 {
        viewers.push(someone(&rehearsal.stack, false).await.1);
    }
    let run = rehearsal.schedule_quiz(&poll(&full), &json!({})).await;

    let seen = watcher.sees_a("question").await;
    assert_eq!(seen.cue["question"], full.as_str());
    assert_eq!(seen.cue["answers"], json!(OPTIONS));
    assert!(seen.text.len() <= MOST, "{} bytes", seen.text.len());
    // The longest id that a run may have was left room for.
    assert!(
        seen.text.len() > MOST - 64,
        "{} bytes are not nearly full",
        seen.text.len()
    );

    for (viewer, choice) in viewers.iter().zip([9, 4, 4]) {
        viewer
            .answer(&run, "q1", choice)
            .await
            .unwrap()
            .expect(201)
            .unwrap();
    }
    let (body, _) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(body["status"], "completed", "{body}");
    let results = watcher.sees_a("results").await.cue;
    assert_eq!(results["counts"], json!([0, 0, 0, 0, 2, 0, 0, 0, 0, 1]));
    assert_eq!(
        results["correct"],
        Value::Null,
        "no option of a poll is correct"
    );
    let told = rehearsal
        .events
        .first(&run.run_id, "question-tallied")
        .await;
    assert_eq!(told.data["counts"], results["counts"]);
    let board = rehearsal.producer.leaderboard(&run).await.unwrap().body;
    assert_eq!(board["top"], json!([]), "a poll gives no points");
    let cues = watcher.all();
    assert!(
        cues.iter().all(|seen| seen.cue["type"] != "leaderboard"),
        "{cues:#?}"
    );
}

/// The longest question that the options above leave room for; one byte more is refused with the
/// size, whatever script the byte is of.
async fn largest(rehearsal: &Rehearsal) -> String {
    let padded = |bytes: usize| {
        let (pairs, single) = ("é".repeat(bytes / 2), "x".repeat(bytes % 2));
        format!("{QUESTION} {pairs}{single}")
    };
    let refused = |reply: cuepoint_e2e::api::Reply| {
        assert_eq!(
            (reply.status.as_u16(), reply.problem()),
            (422, "cue-too-large"),
            "{}",
            reply.body
        );
        size(&reply.body)
    };
    let large = rehearsal
        .producer
        .create_quiz(&poll(&padded(700)))
        .await
        .unwrap();
    let over = refused(large) - MOST;
    let fits = padded(700 - over);
    let one_more = rehearsal
        .producer
        .create_quiz(&poll(&format!("{fits}y")))
        .await
        .unwrap();
    assert_eq!(refused(one_more), MOST + 1);
    let shorter = padded(700 - over - 4);
    for (text, size) in [("ééé", MOST + 2), ("بب", MOST), ("🎉🎉", MOST + 4)] {
        let text = format!("{shorter}{text}");
        let reply = rehearsal.producer.create_quiz(&poll(&text)).await.unwrap();
        if size > MOST {
            assert_eq!(refused(reply), size, "{text}");
        } else {
            reply.expect(201).unwrap();
        }
    }
    fits
}

/// The size that a refusal names.
fn size(problem: &Value) -> usize {
    let named = problem["bytes"].as_u64().unwrap();
    usize::try_from(named).unwrap()
}
