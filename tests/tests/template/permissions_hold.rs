//! The permissions are exactly those needed, and each check of them notices when they are not.

use serde_json::{Value, json};

use super::{att, holds, notices, permissions};

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
        "saga:Compensate/Arguments/StateMachineArn",
        json!("${EventBusName}"),
        "is missing",
    );
    notices(
        check,
        "QuizShowCompensationRole/Properties/Policies/0/PolicyDocument/Statement/0/Resource/1",
        att("TokenApiFunction.Arn"),
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
