//! Clocks of functions that are a second off.
//!
//! The function gets a library loaded that adds to what the system says the time is; it is compiled
//! here, by the compiler that links every Rust program.

use std::{panic::AssertUnwindSafe, path::PathBuf, process::Command, time::Duration};

use aws_sdk_lambda::types::Environment;
use cuepoint_e2e::{
    api::receive,
    chaos::{
        crowd::{Part, When},
        question::{SECONDS, until},
    },
};
use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::json;
use stage::{
    Stack, faults,
    faults::{Action, Rule},
};

use super::{CLOCKS, Show, in_time};

/// How far times are taken to be the same, in milliseconds.
const SAME: i64 = 10;

/// How far a clock may be behind, and some time more.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_millis(1_200);

/// Makes the library; it lies beside the test's own program.
fn library() -> PathBuf {
    let library = std::env::current_exe()
        .unwrap()
        .with_file_name("another_clock.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/another_clock.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &PathBuf::from(source)])
        .status();
    assert!(compiled.unwrap().success(), "cc cannot compile {source}");
    library
}

/// Lets a function's clock be ahead by so many milliseconds, or behind; 0 is as before.
async fn set_clock(stack: &Stack, function: &str, ahead: i64) {
    let lambda = aws_sdk_lambda::Client::new(&stack.sdk_config().await);
    let name = format!("{}-{function}", stack.outputs.event_bus_name);
    let now = lambda.get_function_configuration().function_name(&name);
    let environment = now.send().await.unwrap().environment.unwrap();
    let mut variables = environment.variables.unwrap();
    variables.remove("LD_PRELOAD");
    variables.remove("CLOCK_AHEAD_MILLIS");
    if ahead != 0 {
        let library = library().to_str().unwrap().to_owned();
        variables.insert("LD_PRELOAD".to_owned(), library);
        variables.insert("CLOCK_AHEAD_MILLIS".to_owned(), ahead.to_string());
    }
    let environment = Environment::builder().set_variables(Some(variables));
    lambda
        .update_function_configuration()
        .function_name(&name)
        .environment(environment.build())
        .send()
        .await
        .unwrap();
    // What runs has the old clock.
    faults::kill(stack, function).unwrap();
}

/// Between which two values the clock of the deployed `answer-api` is ahead, in milliseconds, from a
/// receipt that it gives: they are as far apart as the request takes.
async fn clock_of_answer_api(show: &Show) -> (i64, i64) {
    let path = format!(
        "{}/questions/{}/answers",
        show.question.run, show.question.id
    );
    // Until then one that is behind takes an answer for one at the opening.
    until(show.question.opened_at + CLOCK_TOLERANCE).await;
    loop {
        let request = show.scene.crowd[0].api().request(Method::POST, &path);
        let before = Timestamp::now();
        let reply = receive(request.json(&json!({ "choice": 0 })))
            .await
            .unwrap();
        let after = Timestamp::now();
        if let Some(at) = reply.body["receivedAt"].as_str() {
            let at: Timestamp = at.parse().unwrap();
            let since = |time| at.duration_since(time).as_millis() as i64;
            return (since(after), since(before));
        }
        // Its clock may say that the question is not open yet.
        assert_eq!(reply.problem(), "window-not-open", "{}", reply.text);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn answers_are_right_with_the_clock_ahead(stack: &Stack, ahead: i64) {
    set_clock(stack, "answer-api", ahead).await;
    let mut show = Show::by_any_clock(SECONDS, 2).await;
    let (least, most) = clock_of_answer_api(&show).await;
    assert!(
        (least - SAME..=most + SAME).contains(&ahead),
        "ahead by {least} to {most} ms"
    );
    // Its last writes are slow too.
    let slow = Rule::new(Action::Stall { millis: 900 })
        .of_function("answer-api")
        .to("dynamodb", "PutItem")
        .by_chance(0.5, 7);
    let _slow = show.fault(slow).await;
    let mut parts = show.parts(|random| {
        let moment = Duration::from_millis(random.u64(0..1_600));
        let when = match random.bool() {
            true => When::Before(moment),
            false => When::After(moment),
        };
        Part {
            when,
            ..in_time(random)
        }
    });
    // The first one has answered already.
    parts[0] = Part::plain(0);
    let verdict = show.play(parts).await;
    assert!(verdict.acknowledged > 1 && verdict.acknowledged < verdict.sent);
}

#[tokio::test]
async fn the_clock_of_answer_api_is_a_second_ahead_or_behind() {
    let _alone = CLOCKS.write().await;
    let stack = Stack::load().unwrap();
    for ahead in [1_000, -1_000] {
        let test = answers_are_right_with_the_clock_ahead(&stack, ahead);
        let ended = AssertUnwindSafe(test).catch_unwind().await;
        set_clock(&stack, "answer-api", 0).await;
        if let Err(panic) = ended {
            std::panic::resume_unwind(panic);
        }
    }
}
