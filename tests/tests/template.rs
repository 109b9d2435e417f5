//! What no emulator checks of `infra/app.yaml`: that its permissions are exactly those needed, and
//! that it agrees with the saga, the contracts and the services. Reads files only.

#[path = "template/document.rs"]
mod document;
#[path = "template/functions.rs"]
mod functions;
#[path = "template/permissions.rs"]
mod permissions;

use document::House;
use serde_json::{Value, json};

/// Says what is wrong, one line each; nothing when all is well.
type Check = fn(&House) -> Vec<String>;

fn holds(check: Check) {
    let problems = check(&House::read());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The check must notice when the value at `pointer` of the template or the saga is replaced.
fn notices(check: Check, pointer: &str, replacement: Value, problem: &str) {
    let mut house = House::read();
    let (saga, pointer) = match pointer.strip_prefix("saga:") {
        Some(pointer) => (true, format!("/States/{pointer}")),
        None => (false, format!("/Resources/{pointer}")),
    };
    let document = if saga {
        &mut house.saga
    } else {
        &mut house.template
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

const SAGA_POLICY: &str = "QuizShowRole/Properties/Policies/0/PolicyDocument/Statement";

#[test]
fn the_saga_may_do_what_its_states_call_and_nothing_else() {
    holds(permissions::saga);
}

#[test]
fn a_saga_that_may_do_too_much_or_too_little_is_noticed() {
    let check = permissions::saga;
    notices(
        check,
        &format!("{SAGA_POLICY}/0/Resource/0"),
        att("TokenApiFunction.Arn"),
        "is missing",
    );
    notices(
        check,
        &format!("{SAGA_POLICY}/0/Action"),
        json!(["lambda:InvokeFunction", "lambda:GetFunction"]),
        "is not needed",
    );
    notices(
        check,
        &format!("{SAGA_POLICY}/1/Condition"),
        Value::Null,
        "is missing",
    );
    notices(
        check,
        "saga:Tally/Resource",
        json!("arn:aws:states:::dynamodb:getItem"),
        "teach this test",
    );
    notices(
        check,
        "saga:Tally/Arguments/FunctionName",
        json!("${Other}"),
        "is missing",
    );
    notices(
        check,
        "saga:PublishOpened/Arguments/Entries/0/Source",
        json!("cuepoint.other"),
        "is missing",
    );
}

#[test]
fn the_rules_may_reach_their_targets_and_nothing_else() {
    holds(permissions::rules);
}

#[test]
fn a_rule_that_may_reach_too_much_or_too_little_is_noticed() {
    let check = permissions::rules;
    let target = "EntitlementIntakeRule/Properties/Targets/0";
    notices(
        check,
        &format!("{target}/DeadLetterConfig"),
        Value::Null,
        "no retry policy and dead-letter queue",
    );
    notices(
        check,
        &format!("{target}/Arn"),
        att("EntitlementIntakeFunction.Arn"),
        "through a queue, not directly",
    );
    notices(
        check,
        &format!("{target}/Arn"),
        att("EntitlementOutboxDlq.Arn"),
        "is missing",
    );
    let statement = "EntitlementIntakeQueuePolicy/Properties/PolicyDocument/Statement/0";
    notices(
        check,
        &format!("{statement}/Condition"),
        Value::Null,
        "is missing",
    );
    notices(
        check,
        &format!("{statement}/Principal"),
        json!("*"),
        "lets more than a rule send",
    );
    let start = "QuizShowStartRole/Properties/Policies/0/PolicyDocument/Statement/0";
    notices(
        check,
        &format!("{start}/Action"),
        json!(["states:StartExecution", "states:StopExecution"]),
        "is not needed",
    );
    notices(
        check,
        &format!("{start}/Resource"),
        json!({ "Ref": "Other" }),
        "is missing",
    );
}

#[test]
fn the_functions_may_read_what_feeds_them() {
    holds(permissions::event_sources);
    let check = permissions::event_sources;
    notices(
        check,
        "QuizOutboxFunction/Properties/Events/Stream/Properties/Stream",
        att("AnswersTable.StreamArn"),
        "is missing",
    );
    let policy = "EntitlementIntakeRole/Properties/Policies/0/PolicyDocument/Statement";
    notices(
        check,
        &format!("{policy}/1/Action"),
        json!(["sqs:ReceiveMessage", "sqs:DeleteMessage"]),
        "GetQueueAttributes",
    );
    notices(
        check,
        &format!("{policy}/3/Resource"),
        att("QuizOutboxDlq.Arn"),
        "is not needed",
    );
}

#[test]
fn every_route_asks_who_is_calling() {
    holds(permissions::http_api);
    let check = permissions::http_api;
    notices(
        check,
        "LeaderboardRoute/Properties/AuthorizationType",
        json!("NONE"),
        "open to anyone",
    );
    notices(
        check,
        "QuizApiPermission/Properties/FunctionName",
        att("QuizSagaFunction.Arn"),
        "is missing",
    );
    notices(
        check,
        "QuizApiPermission/Properties/SourceArn",
        json!("*"),
        "lets another API call",
    );
}

#[test]
fn no_role_allows_more_than_single_actions_on_named_resources() {
    holds(permissions::least_privilege);
    let check = permissions::least_privilege;
    let statement = "TokenApiRole/Properties/Policies/0/PolicyDocument/Statement/1";
    notices(
        check,
        &format!("{statement}/Action"),
        json!("dynamodb:*"),
        "is not one action",
    );
    notices(
        check,
        &format!("{statement}/Resource"),
        json!("*"),
        "names no resource",
    );
    notices(
        check,
        "TokenApiRole/Properties/Policies",
        json!([]),
        "not written out",
    );
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
    let stream = "AnswerOutboxFunction/Properties/Events/Stream/Properties";
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
        "saga:PublishVoided/Arguments/Entries/0/DetailType",
        json!("question-dropped"),
        "no contract says",
    );
    notices(
        check,
        "AnswerOutboxFunction/Properties/Tags/service",
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
