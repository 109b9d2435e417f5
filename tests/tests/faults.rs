//! Nothing is lost and nothing counts twice, fault by fault, on the deployed functions.
//!
//! After each: every answer that was acknowledged is in the final tally, none that was refused, none
//! twice, and the live tally equals the final one. Windows are opened and tallied by calling the
//! saga's function, so no video is needed and the tests run side by side, each with a run of its own.
//! Only clocks are everyone's, and how long an order to record is hidden: who changes those puts them
//! back.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

#[path = "faults/clocks.rs"]
mod clocks;
#[path = "faults/killed.rs"]
mod killed;
#[path = "faults/shards.rs"]
mod shards;

use std::time::Duration;

use cuepoint_e2e::chaos::{
    Scene,
    crowd::{Habit, Part, When},
    question::{OPTIONS, Question, SECONDS},
    report::Verdict,
    stream::{self, Tail},
};
use fastrand::Rng;
use futures::future;
use stage::{
    Fault, Stack,
    faults::{Action, Rule},
};
use tokio::sync::{RwLock, RwLockReadGuard};

/// How many viewers answer.
const VIEWERS: usize = 24;

/// How many of them are in time at least, however slow the machine is.
const FEWEST: u64 = 12;

/// Held for reading while the clocks are right, and for writing while one is not.
static CLOCKS: RwLock<()> = RwLock::const_new(());

/// Viewers, a question that is open, and right clocks.
struct Show {
    scene: Scene,
    question: Question,
    /// The stream of answers since before the question was opened.
    stream: Tail,
    random: Rng,
    _clocks: Option<RwLockReadGuard<'static, ()>>,
}

impl Show {
    async fn open(shards: u32) -> Self {
        Self::open_for(SECONDS, shards).await
    }

    async fn open_for(seconds: u32, shards: u32) -> Self {
        let clocks = CLOCKS.read().await;
        let mut show = Self::by_any_clock(seconds, shards).await;
        show._clocks = Some(clocks);
        show
    }

    async fn by_any_clock(seconds: u32, shards: u32) -> Self {
        // What viewers do is the same each time; who they are is not.
        let mut viewers = Rng::new();
        let stack = Stack::load().unwrap();
        let scene = Scene::set(stack, VIEWERS, &mut viewers).await.unwrap();
        let stream = Tail::of(&scene.stack).await.unwrap();
        let run = Scene::new_run();
        let rules = (seconds, shards);
        let question = scene.functions.open(&run, "q1", rules).await.unwrap();
        Self {
            scene,
            question,
            stream,
            random: Rng::with_seed(7),
            _clocks: None,
        }
    }

    /// Makes calls about this run fail.
    async fn fault(&self, rule: Rule) -> Fault {
        let rule = rule.about(&self.question.run.run_id);
        self.scene.faults.add(rule).await.unwrap()
    }

    /// One part for each viewer.
    fn parts(&mut self, mut part: impl FnMut(&mut Rng) -> Part) -> Vec<Part> {
        (0..VIEWERS).map(|_| part(&mut self.random)).collect()
    }

    /// Plays the parts, and checks everything.
    async fn play(&self, parts: Vec<Part>) -> Verdict {
        let round = self.scene.play(&self.question, parts).await.unwrap();
        let verdict = self.scene.judge(round).await.unwrap();
        assert_eq!(verdict.problems, Vec::<String>::new());
        assert_eq!(verdict.sent, VIEWERS as u64);
        verdict
    }
}

/// An answer at any time in the first two thirds.
fn in_time(random: &mut Rng) -> Part {
    Part {
        choice: random.u32(0..OPTIONS),
        when: When::Within(random.u32(0..650)),
        habit: Habit::Plain,
    }
}

#[tokio::test]
async fn clients_that_lose_their_connection_and_retry() {
    let mut show = Show::open(2).await;
    let parts = show.parts(|random| Part {
        habit: Habit::HangsUp(Duration::from_millis(random.u64(2..60))),
        ..in_time(random)
    });
    let verdict = show.play(parts).await;
    assert!(verdict.acknowledged >= FEWEST);
}

#[tokio::test]
async fn repeats_other_choices_and_options_that_there_are_not() {
    let mut show = Show::open(1).await;
    let habits = [Habit::Repeats, Habit::ChangesMind, Habit::Misses];
    let parts = show.parts(|random| Part {
        habit: habits[random.usize(0..habits.len())],
        ..in_time(random)
    });
    let verdict = show.play(parts).await;
    assert!(verdict.acknowledged >= FEWEST);
}

/// Some of the writes of answers suffer this; viewers retry.
async fn writes_that(action: Action) {
    let mut show = Show::open(2).await;
    let rule = Rule::new(action)
        .of_function("answer-api")
        .to("dynamodb", "PutItem")
        .by_chance(0.6, 7);
    let fault = show.fault(rule).await;
    let parts = show.parts(in_time);
    let verdict = show.play(parts).await;
    assert!(fault.hits().await.unwrap() >= 8);
    assert!(verdict.acknowledged >= FEWEST);
}

#[tokio::test]
async fn writes_that_are_throttled() {
    writes_that(Action::Throttle).await;
}

#[tokio::test]
async fn writes_that_fail() {
    writes_that(Action::Fail).await;
}

#[tokio::test]
async fn writes_that_are_done_and_not_answered() {
    writes_that(Action::LoseAnswer).await;
}

#[tokio::test]
async fn counting_that_is_throttled_fails_or_is_not_answered() {
    let mut show = Show::open(3).await;
    let mut faults = Vec::new();
    // The client tries three times: some of these fail the whole batch.
    for (action, operation, times) in [
        (Action::Fail, "GetItem", 4),
        (Action::Throttle, "UpdateItem", 4),
        (Action::LoseAnswer, "UpdateItem", 3),
    ] {
        let rule = Rule::new(action)
            .of_function("live-tally")
            .to("dynamodb", operation)
            .times(times);
        faults.push(show.fault(rule).await);
    }
    let parts = show.parts(in_time);
    show.play(parts).await;
    let hits = future::try_join_all(faults.iter().map(Fault::hits));
    assert_eq!(hits.await.unwrap(), [4, 4, 3]);
}

#[tokio::test]
async fn answers_in_the_last_milliseconds_with_slow_writes() {
    let mut show = Show::open(2).await;
    let slow = Rule::new(Action::Stall { millis: 700 })
        .of_function("answer-api")
        .to("dynamodb", "PutItem")
        .by_chance(0.5, 7);
    let fault = show.fault(slow).await;
    let parts = show.parts(|random| {
        let moment = Duration::from_millis(random.u64(0..500));
        let part = in_time(random);
        let when = match random.u32(0..6) {
            0 => part.when,
            1 => When::After(moment / 10),
            _ => When::Before(moment),
        };
        Part { when, ..part }
    });
    let verdict = show.play(parts).await;
    assert!(fault.hits().await.unwrap() >= 1, "no write was slow");
    assert!(verdict.acknowledged >= 1, "all were too late");
    assert!(verdict.acknowledged < VIEWERS as u64, "none was too late");
}

/// A try is still under way when its viewer, who has lost the connection, tries again and is told that
/// it is too late: it must not count after all.
#[tokio::test]
async fn a_try_that_arrives_after_its_viewer_was_refused() {
    let mut show = Show::open_for(8, 2).await;
    let slow = Rule::new(Action::Stall { millis: 1_000 })
        .of_function("answer-api")
        .to("dynamodb", "PutItem")
        .times(VIEWERS as u64);
    let fault = show.fault(slow).await;
    // All of them send in time, and once more as soon as the question has closed.
    let mut before = Duration::from_millis(150);
    let parts = show.parts(|random| {
        before += Duration::from_millis(25);
        Part {
            when: When::Before(before),
            habit: Habit::HangsUp(before + Duration::from_millis(40)),
            ..in_time(random)
        }
    });
    let verdict = show.play(parts).await;
    assert_eq!(fault.hits().await.unwrap(), VIEWERS as u64);
    let refused = VIEWERS as u64 - verdict.acknowledged;
    assert!(refused >= 1, "every try has arrived first");
}

/// Longer than a write's attempt may take, and than all of them together at the end.
#[tokio::test]
async fn writes_that_take_longer_than_they_may() {
    let mut show = Show::open(2).await;
    let mut faults = Vec::new();
    for (millis, probability) in [(1_200, 0.3), (2_400, 0.5)] {
        let rule = Rule::new(Action::Stall { millis })
            .of_function("answer-api")
            .to("dynamodb", "PutItem")
            .by_chance(probability, 7);
        faults.push(show.fault(rule).await);
    }
    let parts = show.parts(|random| {
        let moment = Duration::from_millis(random.u64(0..500));
        let hang_up = Duration::from_millis(random.u64(5..60));
        let part = in_time(random);
        Part {
            when: if random.bool() {
                When::Before(moment)
            } else {
                part.when
            },
            habit: if random.bool() {
                Habit::HangsUp(hang_up)
            } else {
                Habit::Plain
            },
            ..part
        }
    });
    let verdict = show.play(parts).await;
    let hits = future::try_join_all(faults.iter().map(Fault::hits));
    let hits = hits.await.unwrap();
    assert!(hits.iter().all(|hits| *hits >= 2), "{hits:?}");
    assert!(verdict.acknowledged >= 1, "none was taken");
}

#[tokio::test]
async fn batches_that_come_again_in_other_pieces() {
    let mut show = Show::open(3).await;
    let parts = show.parts(in_time);
    let scene = &show.scene;
    let round = scene.play(&show.question, parts).await.unwrap();
    let run_id = &show.question.run.run_id;
    let records = show.stream.of_run(run_id).await.unwrap();
    assert!(records.len() as u64 >= FEWEST);
    for _ in 0..3 {
        for batch in stream::resplit(records.len(), &mut show.random) {
            let batch = &records[batch];
            stream::deliver(&scene.functions, batch, None)
                .await
                .unwrap();
        }
    }
    let verdict = scene.judge(round).await.unwrap();
    assert_eq!(verdict.problems, Vec::<String>::new());
    assert_eq!(verdict.tallied, records.len() as u64);
}
