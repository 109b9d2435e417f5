//! Functions that are killed at each of their calls to AWS, before and after it was made.

use std::time::Duration;

use cuepoint_e2e::chaos::{
    Round,
    crowd::{self, Part},
    question, stream,
};
use stage::faults::{Action, Rule};

use super::{MOST, Show, in_time, shards::Mirror};

const KILLS: [Action; 2] = [Action::KillBefore, Action::KillAfter];

/// So many calls are killed at least, each in turn, before one is not reached any more.
const MOST_CALLS: u64 = 40;

#[tokio::test]
async fn answer_api_is_killed_at_each_call() {
    let mut show = Show::open_for(15, 2).await;
    let parts = show.parts(in_time);
    let mut viewers = show.scene.crowd.iter().zip(&parts);
    // It reads the window, unless it has done so within the last second, and writes the answer.
    for call in 0..2 {
        for kill in KILLS {
            let (viewer, part) = viewers.next().unwrap();
            tokio::time::sleep(Duration::from_millis(1_100)).await;
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
    assert!(verdict.acknowledged >= MOST);
    assert!(fault.hits().await.unwrap() >= 1);
}

#[tokio::test]
async fn live_tally_is_killed_at_each_call() {
    let mut show = Show::open(3).await;
    let parts = show.parts(in_time);
    let scene = &show.scene;
    let round = scene.play(&show.question, parts).await.unwrap();
    let run_id = &show.question.run.run_id;
    let records = stream::of_run(&scene.stack, run_id).await.unwrap();
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
                assert!(call >= 4, "it read and wrote the marks of three shards");
                break;
            }
        }
    }
    let verdict = scene.judge(round).await.unwrap();
    assert_eq!(verdict.problems, Vec::<String>::new());
}

#[tokio::test]
async fn answer_saga_is_killed_at_each_call_of_its_tally() {
    let mut show = Show::open(3).await;
    let parts = show.parts(in_time);
    let scene = &show.scene;
    let ledger = crowd::answer(&scene.crowd, &parts, &show.question).await;
    let expected = ledger.expected(question::OPTIONS);
    for kill in KILLS {
        for call in 0..=MOST_CALLS {
            assert!(call < MOST_CALLS, "it makes more calls than that");
            let rule = Rule::new(kill.clone()).of_function("answer-saga");
            let fault = show.fault(rule.skip(call).times(1)).await;
            // Closed and tallied once, it answers the same from what it has written.
            let counts = scene.functions.tally(&show.question).await.unwrap();
            assert_eq!(counts, expected, "{kill:?} at call {call}");
            if fault.hits().await.unwrap() == 0 {
                break;
            }
        }
    }
    let round = Round {
        question: show.question.clone(),
        parts,
        ledger,
        counts: expected,
    };
    let verdict = scene.judge(round).await.unwrap();
    assert_eq!(verdict.problems, Vec::<String>::new());
}
