//! What no emulator checks of `infra/app.yaml`: that its permissions are exactly those needed, and
//! that it agrees with the saga, the contracts and the services. Reads files only.

#[path = "template/document.rs"]
mod document;
#[path = "template/functions.rs"]
mod functions;
#[path = "template/permissions.rs"]
mod permissions;
#[path = "template/permissions_hold.rs"]
mod permissions_hold;
#[path = "template/saga.rs"]
mod saga;

use document::House;
use serde_json::{Value, json};

/// Says what is wrong, one line each; nothing when all is well.
type Check = fn(&House) -> Vec<String>;

fn holds(check: Check) {
    let problems = check(&House::read());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The check must notice when the value at `pointer` of the template or of a machine is replaced.
fn notices(check: Check, pointer: &str, replacement: Value, problem: &str) {
    let mut house = House::read();
    let (machine, pointer) = match pointer.split_once(':') {
        Some(("saga", pointer)) => (Some("QuizShow"), format!("/States/{pointer}")),
        Some(("compensation", pointer)) => {
            (Some("QuizShowCompensation"), format!("/States/{pointer}"))
        }
        _ => (None, format!("/Resources/{pointer}")),
    };
    let document = match machine {
        Some(machine) => house
            .machines
            .get_mut(machine)
            .expect("there is the machine"),
        None => &mut house.template,
    };
    *document
        .pointer_mut(&pointer)
        .unwrap_or_else(|| panic!("nothing at {pointer}")) = replacement;
    let problems = check(&house);
    assert!(
        problems.iter().any(|found| found.contains(problem)),
        "{pointer}: {problems:?}"
    );
}

fn att(name: &str) -> Value {
    json!({ "Fn::GetAtt": name })
}

#[test]
fn every_function_finds_its_environment() {
    holds(functions::environment);
    let check = functions::environment;
    let variables = "QuizSagaFunction/Properties/Environment/Variables";
    notices(
        check,
        &format!("{variables}/QUIZZES_TABLE"),
        json!({ "Ref": "AnswersTable" }),
        "is missing",
    );
    notices(
        check,
        &format!("{variables}/AWS_ENDPOINT_URL_IVS"),
        json!({ "Ref": "IvsEndpoint" }),
        "or nothing",
    );
    notices(check, variables, json!({}), "is missing");
    notices(
        check,
        "QuizSagaFunction/Properties/CodeUri",
        json!("../target/functions/new/"),
        "does not know",
    );
}

#[test]
fn no_failure_is_lost() {
    holds(functions::failures);
    let check = functions::failures;
    let queue = "EntitlementIntakeFunction/Properties/Events/Queue/Properties";
    notices(
        check,
        &format!("{queue}/FunctionResponseTypes"),
        Value::Null,
        "fail its whole batch",
    );
    notices(
        check,
        "EntitlementIntakeQueue/Properties/RedrivePolicy",
        Value::Null,
        "no dead-letter queue",
    );
    notices(
        check,
        "EntitlementIntakeQueue/Properties/VisibilityTimeout",
        json!(179),
        "delivers again what it still works on",
    );
    notices(
        check,
        "AnswerRecordingQueue/Properties/VisibilityTimeout",
        json!(179),
        "delivers again what it still works on",
    );
    let stream = "LiveTallyFunction/Properties/Events/Stream/Properties";
    notices(
        check,
        &format!("{stream}/DestinationConfig"),
        Value::Null,
        "goes nowhere",
    );
    notices(
        check,
        &format!("{stream}/DestinationConfig/OnFailure/Destination"),
        att("QuizOutboxDlq.Arn"),
        "goes nowhere",
    );
    notices(
        check,
        stream,
        json!({"FunctionResponseTypes": ["ReportBatchItemFailures"], "ParallelizationFactor": 2}),
        "must not report partial failures",
    );
    notices(
        check,
        stream,
        json!({"ParallelizationFactor": 2}),
        "in order",
    );
    notices(
        check,
        "QuizSweepFunction/Properties/Events/EveryMinute/Properties/Schedule",
        json!("rate(1 day)"),
        "does not come again soon",
    );
    notices(
        check,
        "TokenApiIntegration/Properties/IntegrationUri",
        att("QuizApiFunction.Arn"),
        "nothing takes its failures",
    );
}

#[test]
fn rules_and_publishers_keep_to_the_contracts() {
    holds(functions::contracts);
    let check = functions::contracts;
    let pattern = "QuizShowStartRule/Properties/EventPattern";
    notices(
        check,
        &format!("{pattern}/detail-type"),
        json!(["quiz-planned"]),
        "has no schema",
    );
    notices(
        check,
        &format!("{pattern}/source"),
        json!(["cuepoint.quiz"]),
        "does not match",
    );
    let upstream = "EntitlementIntakeRule/Properties/EventPattern";
    notices(
        check,
        &format!("{upstream}/source"),
        json!([{"anything-but": {"prefix": "shop"}}]),
        "does not match",
    );
    notices(
        check,
        "compensation:PublishVoided/Arguments/Entries/0/DetailType",
        json!("question-dropped"),
        "no contract says",
    );
    let stopped = "QuizShowStoppedRule/Properties/EventPattern";
    notices(
        check,
        &format!("{stopped}/detail/status"),
        json!(["ABORTED"]),
        "not every execution",
    );
    notices(
        check,
        &format!("{stopped}/detail/stateMachineArn"),
        json!([{"Ref": "QuizShowCompensation"}]),
        "for ever",
    );
    notices(
        check,
        &format!("{stopped}/detail-type"),
        json!(["Status Change"]),
        "says nothing like that",
    );
    notices(
        check,
        "AnswerRecorderFunction/Properties/Tags/service",
        json!("token-issuer"),
        "may publish as",
    );
}

#[test]
fn every_binary_is_deployed_and_every_function_has_one() {
    holds(functions::binaries);
    let check = functions::binaries;
    notices(
        check,
        "TokenApiFunction/Properties/CodeUri",
        json!("../target/functions/nothing/"),
        "is not needed",
    );
    notices(
        check,
        "TokenApiFunction/Properties/FunctionName",
        json!("x"),
        "is not named like",
    );
}

#[test]
fn the_longest_show_has_room_in_its_history() {
    holds(saga::history);
    let check = saga::history;
    for (budget, times) in [("repeatsLeft", 40), ("looksLeft", 200)] {
        notices(
            check,
            &format!("saga:ClaimRun/Assign/{budget}"),
            json!(times),
            "may have a history of",
        );
    }
    notices(
        check,
        "saga:ClaimRun/Assign/looksLeft",
        Value::Null,
        "may have a history of",
    );
    notices(
        check,
        "saga:Tally/Retry/0/MaxAttempts",
        json!(20),
        "may have a history of",
    );
}

#[test]
fn whatever_fails_in_the_saga_is_retried_and_then_undone() {
    holds(saga::shape);
    let check = saga::shape;
    notices(
        check,
        "saga:Tally/TimeoutSeconds",
        json!(90),
        "times out before its function",
    );
    notices(
        check,
        "AnswerSagaFunction/Properties/Timeout",
        json!(105),
        "may be at work after the compensation",
    );
    notices(
        check,
        "saga:Tally/Retry/0/JitterStrategy",
        json!("NONE"),
        "does not retry",
    );
    notices(check, "saga:Tally/Catch", json!([]), "is not undone");
    notices(
        check,
        "saga:Tally/Catch/0/Assign/failedStep",
        json!("Pause"),
        "another step",
    );
    notices(
        check,
        "saga:Tally/Retry/0/ErrorEquals",
        json!(["Throttled", "Unavailable", "States.Timeout"]),
        "does not retry",
    );
    notices(
        check,
        "saga:Compensate/Catch/0/Next",
        json!("HowEnded?"),
        "is not undone",
    );
    notices(
        check,
        "compensation:VoidRun/Catch/0/Assign",
        json!({}),
        "is not undone",
    );
    notices(
        check,
        "compensation:AbortRun/Catch",
        json!([]),
        "is not undone",
    );
    for attempts in ["VoidRun", "PublishVoided", "PublishTallied", "AbortRun"] {
        let attempts = format!("compensation:{attempts}/Retry/0/MaxAttempts");
        notices(check, &attempts, json!(6), "gives up before");
    }
    notices(check, "saga:Pause/Type", json!("Map"), "a loop");
    notices(check, "saga:Pause/Next", json!("Gone"), "no state Gone");
    notices(
        check,
        "saga:PauseBeforeLeaderboard/Next",
        json!("CompleteRun"),
        "nothing leads to Leaderboard",
    );
}
