//! Functions that are killed at each of their calls to AWS, before and after it was made.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use cuepoint_e2e::{
    api::RunPath,
    chaos::{
        Scene,
        crowd::{self, Part},
        question,
        recordings::Recordings,
        stream,
    },
};
use futures::{FutureExt, future};
use serde_json::json;
use stage::faults::{self, Action, Rule};

use super::{FEWEST, Show, in_time, shards::Mirror};

const KILLS: [Action; 2] = [Action::KillBefore, Action::KillAfter];

/// More calls than any function makes here: each is killed in turn until one is not reached any more.
const MOST_CALLS: u64 = 40;
/// As many as the tasks make together that close a question and tally it, and some more.
const MOST_SAGA_CALLS: u64 = 14;

#[tokio::test]
async fn answer_api_is_killed_at_each_call() {
    let mut show = Show::open_for(15, 2).await;
    let parts = show.parts(in_time);
    let mut viewers = show.scene.crowd.iter().zip(&parts);
    // One that is started anew reads the window, and writes the answer.
    for call in 0..2 {
        for kill in KILLS {
            let (viewer, part) = viewers.next().unwrap();
            faults::kill(&show.scene.stack, "answer-api").unwrap();
            let rule = Rule::new(kill.clone()).of_function("answer-api");
            let fault = show.fault(rule.skip(call).times(1)).await;
            let at_once = [Part::plain(part.choice)];
            let one = std::slice::from_ref(viewer);
            let told = crowd::answer(one, &at_once, &show.question).await;
            let killed = fault.hits().await.unwrap();
            assert_eq!((told.acknowledged(), killed), (1, 1), "{kill:?} at {call}");
        }
    }
    let rule = Rule::new(Action::KillAfter).of_function("answer-api");
    let fault = show.fault(rule.by_chance(0.3, 7)).await;
    // The four send the same again, and everyone else for the first time.
    let at_once = parts.iter().map(|part| Part::plain(part.choice));
    let verdict = show.play(at_once.collect()).await;
    assert!(verdict.acknowledged >= FEWEST);
    assert!(fault.hits().await.unwrap() >= 1);
}

#[tokio::test]
async fn live_tally_is_killed_at_each_call() {
    let mut show = Show::open(3).await;
    let parts = show.parts(in_time);
    let scene = &show.scene;
    let round = scene.play(&show.question, parts).await.unwrap();
    let run_id = &show.question.run.run_id;
    let records = show.stream.of_run(run_id).await.unwrap();
    for kill in KILLS {
        for call in 0..=MOST_CALLS {
            assert!(call < MOST_CALLS, "it makes more calls than that");
            // The whole stream as one batch, for a question that has not been counted yet.
            let mirror = Mirror::of(scene, &show.question).await;
            let rule = Rule::new(kill.clone())
                .of_function("live-tally")
                .about(&mirror.question.run.run_id);
            let fault = scene.faults.add(rule.skip(call).times(1)).await.unwrap();
            let batch = mirror.records(&records);
            let tries = stream::deliver(&scene.functions, &batch, None)
                .await
                .unwrap();
            let hits = fault.hits().await.unwrap();
            assert_eq!(u64::from(tries), hits + 1, "{kill:?} at call {call}");
            assert_eq!(
                mirror.live(scene).await,
                round.counts,
                "{kill:?} at call {call}"
            );
            if hits == 0 {
                assert!(call >= 6, "it read and wrote the marks of three shards");
                break;
            }
        }
    }
    let verdict = scene.judge(round).await.unwrap();
    assert_eq!(verdict.problems, Vec::<String>::new());
}

#[tokio::test]
async fn answer_saga_is_killed_at_each_call_of_its_tally() {
    let show = Show::open(3).await;
    let scene = &show.scene;
    // A question for each call, since a tally that is there is only read. Few answer each.
    let open = KILLS.iter().flat_map(|kill| {
        (0..MOST_SAGA_CALLS).map(async move |call| {
            let rules = (question::SECONDS, 3);
            let question = scene.functions.open(&Scene::new_run(), "q1", rules).await;
            let question = question.unwrap();
            let first = call as usize * 3 % (scene.crowd.len() - 2);
            let parts: Vec<_> = (0..3).map(|viewer| Part::plain(viewer % 2)).collect();
            let some = &scene.crowd[first..first + 3];
            let told = crowd::answer(some, &parts, &question).await;
            (kill.clone(), call, question, (some, parts, told))
        })
    });
    let mut reached = [false; 2];
    for (kill, call, question, (some, parts, mut told)) in future::join_all(open).await {
        let rule = Rule::new(kill.clone())
            .of_function("answer-saga")
            .about(&question.run.run_id)
            .skip(call)
            .times(1);
        let fault = scene.faults.add(rule).await.unwrap();
        let counts = scene.functions.tally(&question).await.unwrap();
        crowd::settle(some, &parts, &question, &mut told)
            .await
            .unwrap();
        let expected = told.expected();
        assert_eq!(counts, expected, "{kill:?} at call {call}");
        let hits = fault.hits().await.unwrap();
        // It closes, counts three shards, and tallies; and once more.
        assert!(hits == 1 || call >= 8, "{kill:?} at call {call}");
        reached[usize::from(kill == Action::KillAfter)] |= hits == 0;
    }
    assert_eq!(reached, [true; 2], "it makes more calls than that");
}

/// Orders that a question is recorded until that is done. Returns how often it took.
async fn record(scene: &Scene, run: &RunPath, question_id: &str) -> u64 {
    let order = json!({"quizId": run.quiz_id, "runId": run.run_id, "questionId": question_id});
    let message = json!({"messageId": "by-hand", "body": order.to_string(), "attributes": {}});
    let batch = json!({ "Records": [message] });
    for tries in 1..=10 {
        let said = scene.functions.call("answer-recorder", &batch).await;
        if let Ok(said) = said.unwrap() {
            assert_eq!(said["batchItemFailures"], json!([]));
            return tries;
        }
    }
    panic!("it never succeeds");
}

#[tokio::test]
async fn answer_recorder_is_killed_at_each_call() {
    let show = Show::open(3).await;
    let mut recordings = Recordings::listen(&show.scene.stack).await.unwrap();
    let test = kill_answer_recorder_at_each_call(show, &mut recordings);
    let ended = AssertUnwindSafe(test).catch_unwind().await;
    recordings.end().await.unwrap();
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

async fn kill_answer_recorder_at_each_call(mut show: Show, recordings: &mut Recordings) {
    let parts = show.parts(in_time);
    let scene = &show.scene;
    let publish = Rule::new(Action::KillAfter)
        .of_function("answer-recorder")
        .to("events", "PutEvents")
        .times(1);
    let publish = show.fault(publish).await;
    let mut round = scene.play(&show.question, parts).await.unwrap();
    scene.settle(&mut round).await.unwrap();
    assert!(round.ledger.acknowledged() >= FEWEST);
    // The order is in the queue since the question was opened, and comes again.
    let give_up = Instant::now() + Duration::from_secs(60);
    while publish.count().await.unwrap().matched < 2 {
        assert!(Instant::now() < give_up, "it is not recorded again");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    recordings.take().await.unwrap();
    let run = &show.question.run;
    let differences = recordings.compare(&run.run_id, &round.ledger).unwrap();
    assert_eq!(differences, Vec::<String>::new());

    // At each other call too, and each time once more from the beginning.
    for kill in KILLS {
        for call in 0..=MOST_CALLS {
            assert!(call < MOST_CALLS, "it makes more calls than that");
            let rule = Rule::new(kill.clone()).of_function("answer-recorder");
            let fault = show.fault(rule.skip(call).times(1)).await;
            let tries = record(scene, run, &show.question.id).await;
            let hits = fault.hits().await.unwrap();
            assert_eq!(tries, hits + 1, "{kill:?} at call {call}");
            if hits == 0 {
                assert!(call >= 5, "a window, three shards and an event");
                break;
            }
        }
    }
    recordings.take().await.unwrap();
    let differences = recordings.compare(&run.run_id, &round.ledger).unwrap();
    assert_eq!(differences, Vec::<String>::new());
}
