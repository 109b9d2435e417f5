//! Single states, with Step Functions' TestState: what is decided at the bounds, and what is made of
//! odd errors. The emulator has it for Choice and Pass.

use serde_json::{Value, json};
use stage::{JsonService, Stack};

use crate::machine::Machine;

/// Lets one state of a machine do its work with these variables; returns the state that follows and
/// its output.
async fn one(
    machine: &Machine,
    definition: &Value,
    state: &str,
    variables: &Value,
) -> (String, Value) {
    let stack = Stack::load().unwrap();
    let service = JsonService::new(&stack, "states", "AWSStepFunctions").unwrap();
    let body = json!({
        "definition": definition.to_string(),
        "stateName": state,
        "roleArn": format!("arn:aws:iam::000000000000:role/{state}"),
        "input": "{}",
        // The emulator takes the variables from the context.
        "variables": variables.to_string(),
        "context": json!({ "variables": variables }).to_string(),
    });
    machine.state(state);
    let answer = service.signed("TestState", body).await.unwrap();
    assert_eq!(answer["status"], "SUCCEEDED", "{state}: {answer}");
    let output = serde_json::from_str(answer["output"].as_str().unwrap()).unwrap();
    let next = answer["nextState"].as_str().unwrap_or_default().to_owned();
    (next, output)
}

/// The state that follows.
async fn next(machine: &Machine, state: &str, variables: Value) -> String {
    one(machine, &machine.definition, state, &variables).await.0
}

#[tokio::test]
async fn a_failure_has_a_reason_whatever_its_cause_looks_like() {
    let show = Machine::show(&Stack::load().unwrap()).await;
    // What a state assigns is not in the answer: it is made its output.
    let mut definition = show.definition.clone();
    let record = &mut definition["States"]["RecordFailure"];
    record["Output"] = record["Assign"].clone();
    let long = "x".repeat(2_000);
    let quoted = json!({ "errorMessage": long }).to_string();
    for (failure, reason) in [
        (
            json!({"Error": "E", "Cause": r#"{"errorMessage":"said"}"#}),
            "E: said",
        ),
        (
            json!({"Error": "E", "Cause": r#"{"errorType":"E","errorMessage" : "said"}"#}),
            "E: said",
        ),
        (
            json!({"Error": "E", "Cause": r#"{"errorMessage":""}"#}),
            "E: ",
        ),
        (
            json!({"Error": "E", "Cause": r#"{"errorMessage":null}"#}),
            "E",
        ),
        (json!({"Error": "E", "Cause": "plain words"}), "E"),
        (json!({"Error": "E", "Cause": ""}), "E"),
        (json!({"Error": "E", "Cause": null}), "E"),
        (
            json!({"Error": "E", "Cause": {"errorMessage": "inside"}}),
            "E: inside",
        ),
        (json!({"Error": "E"}), "E"),
        (
            json!({"Error": "E", "Cause": "{\"errorMessage\":\"日本 🎉\"}"}),
            "E: 日本 🎉",
        ),
        (
            json!({"Error": "E", "Cause": quoted}),
            &format!("E: {}", &long[..509]),
        ),
    ] {
        let variables = json!({ "failure": failure, "failedStep": "Tally" });
        let (next, output) = one(&show, &definition, "RecordFailure", &variables).await;
        assert_eq!(next, "Compensate", "{failure}");
        let said = output["reason"].as_str().unwrap();
        assert_eq!(said, reason, "{failure}");
    }
}

#[tokio::test]
async fn decisions_hold_at_their_bounds() {
    let show = Machine::show(&Stack::load().unwrap()).await;
    let one = json!([{ "questionId": "q1" }]);
    let two = json!([{ "questionId": "q1" }, { "questionId": "q2" }]);
    let (past, future) = (1, 9_999_999_999_999_u64);
    let spacing = json!({ "pauseSeconds": 0, "everySeconds": 0, "askedAt": 0 });
    let at = |index: u32, questions: &Value| {
        let mut variables = spacing.clone();
        variables["index"] = json!(index);
        variables["questions"] = questions.clone();
        variables
    };
    let lost = |on_loss: &str| json!({ "onStreamLoss": on_loss });
    let held = |held: bool, on_loss: &str| json!({ "held": held, "onStreamLoss": on_loss });
    let attempts = |attempt: u32, shown: u32, left: u32| json!({ "attempt": attempt, "shown": shown, "repeatsLeft": left, "question": { "questionId": "q1" } });
    let attempt = |attempt: u32, shown: u32| attempts(attempt, shown, 1);
    let looks = |live: bool, resume: &str, until: u64, left: u32| json!({ "live": live, "resume": resume, "awaitedUntil": until, "lookAgainSeconds": 3, "looksLeft": left });
    let back = |live: bool, resume: &str, until: u64| looks(live, resume, until, 1);
    let pushed = |at: u32| json!({ "pushedAt": at, "latestPush": 1_000 });
    let failed = |error: &str| json!({ "failure": { "Error": error, "Cause": "" } });
    for (state, variables, expected) in [
        ("Claimed?", json!({ "claimed": true }), "WaitForStart"),
        ("Claimed?", json!({ "claimed": false }), "NotOurs"),
        ("NextQuestion?", at(0, &json!([])), "AnyPoints?"),
        ("NextQuestion?", at(0, &one), "OpenWindow"),
        ("NextQuestion?", at(1, &one), "AnyPoints?"),
        ("NextQuestion?", at(1, &two), "OpenWindow"),
        ("NextQuestion?", at(2, &two), "AnyPoints?"),
        ("MoreQuestions?", at(0, &one), "AnyPoints?"),
        ("MoreQuestions?", at(0, &two), "Pause"),
        ("MoreQuestions?", at(1, &two), "AnyPoints?"),
        ("OnAirInTime?", pushed(1_000), "PublishOpened"),
        ("OnAirInTime?", pushed(1_001), "TooLate"),
        ("StreamMatters?", lost("wait"), "CloseWindow"),
        ("StreamMatters?", lost("repeat"), "CheckStream"),
        ("StreamMatters?", lost("abort"), "CheckStream"),
        ("StreamHeld?", held(true, "repeat"), "CloseWindow"),
        ("StreamHeld?", held(true, "abort"), "CloseWindow"),
        ("StreamHeld?", held(false, "repeat"), "VoidAttempt"),
        ("StreamHeld?", held(false, "abort"), "StreamLost"),
        ("QuestionLost?", lost("wait"), "VoidAttempt"),
        ("QuestionLost?", lost("repeat"), "VoidAttempt"),
        ("QuestionLost?", lost("abort"), "RecordFailure"),
        ("AttemptsLeft?", attempt(1, 0), "AwaitStream"),
        ("AttemptsLeft?", attempt(2, 2), "AwaitStream"),
        ("AttemptsLeft?", attempt(8, 0), "AwaitStream"),
        ("AttemptsLeft?", attempt(3, 3), "TooManyAttempts"),
        ("AttemptsLeft?", attempt(9, 0), "TooManyAttempts"),
        ("AttemptsLeft?", attempts(1, 0, 0), "TooManyAttempts"),
        ("AwaitToPush?", lost("wait"), "AwaitStream"),
        ("AwaitToPush?", lost("repeat"), "AwaitStream"),
        ("AwaitToPush?", lost("abort"), "RecordFailure"),
        (
            "StreamBack?",
            back(true, "OpenWindow", future),
            "OpenWindow",
        ),
        (
            "StreamBack?",
            back(true, "PushResults", future),
            "PushResults",
        ),
        (
            "StreamBack?",
            back(true, "PushLeaderboard", future),
            "PushLeaderboard",
        ),
        (
            "StreamBack?",
            back(false, "OpenWindow", future),
            "WaitForStream",
        ),
        ("StreamBack?", back(false, "OpenWindow", past), "StreamGone"),
        ("StreamBack?", back(true, "OpenWindow", past), "StreamGone"),
        (
            "StreamBack?",
            looks(false, "OpenWindow", future, 0),
            "StreamGone",
        ),
        (
            "StreamBack?",
            looks(true, "PushResults", future, 0),
            "StreamGone",
        ),
        (
            "AnyPoints?",
            json!({ "ranked": true }),
            "PauseBeforeLeaderboard",
        ),
        ("AnyPoints?", json!({ "ranked": false }), "CompleteRun"),
        ("HowEnded?", failed("RunCancelled"), "Cancelled"),
        ("HowEnded?", failed("WindowVoided"), "EndedByOthers"),
        ("HowEnded?", failed("Throttled"), "Aborted"),
        ("HowEnded?", failed(""), "Aborted"),
    ] {
        let followed = next(&show, state, variables.clone()).await;
        assert_eq!(followed, expected, "{state} {variables}");
    }
}

#[tokio::test]
async fn decisions_of_the_compensation_hold_at_their_bounds() {
    let machine = Machine::compensation(&Stack::load().unwrap()).await;
    let eleven: Vec<_> = (1..=11).map(|n| format!("q{n}")).collect();
    for (state, variables, expected) in [
        (
            "Compensate?",
            json!({ "compensate": true }),
            "ToldAudience?",
        ),
        ("Compensate?", json!({ "compensate": false }), "MadeLate?"),
        ("MadeLate?", json!({ "settleSeconds": 0 }), "NothingToUndo"),
        ("MadeLate?", json!({ "settleSeconds": 1 }), "WaitForClaim"),
        ("AnyVoided?", json!({ "toPublish": [] }), "AbortRun"),
        ("AnyTallied?", json!({ "lastTallied": null }), "AnyVoided?"),
        (
            "AnyTallied?",
            json!({ "lastTallied": { "questionId": "q1" } }),
            "PublishTallied",
        ),
        (
            "AnyVoided?",
            json!({ "toPublish": ["q1"] }),
            "PublishVoided",
        ),
        (
            "AnyVoided?",
            json!({ "toPublish": eleven }),
            "PublishVoided",
        ),
        ("ToldAudience?", json!({ "onAir": true }), "PushCancelled"),
        ("ToldAudience?", json!({ "onAir": false }), "VoidRun"),
        (
            "TasksInFlight?",
            json!({ "settleSeconds": 0 }),
            "AllUndone?",
        ),
        (
            "TasksInFlight?",
            json!({ "settleSeconds": 1 }),
            "WaitForTasksInFlight",
        ),
        ("AllUndone?", json!({ "undone": [] }), "Compensated"),
        (
            "AllUndone?",
            json!({ "undone": ["VoidRun"] }),
            "NotCompensated",
        ),
    ] {
        let followed = next(&machine, state, variables.clone()).await;
        assert_eq!(followed, expected, "{state} {variables}");
    }
}
