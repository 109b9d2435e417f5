//! Who may do what: the policies equal what is called, and grant nothing beside it. No emulator
//! enforces those of the state machine, the rules and the event sources.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{Grant, House, grants, list, name};

/// Resources with a wildcard in them, and why they cannot be named.
const WILDCARDS: &[(&str, &str, &str)] = &[
    (
        "ivs:",
        "arn:${AWS::Partition}:ivs:${AWS::Region}:${AWS::AccountId}:channel/*",
        "the channels are a parameter, and a list of ARNs cannot be made of it",
    ),
    (
        "states:DescribeExecution",
        ":execution:${QuizShow.Name}:*",
        "executions are made as it goes",
    ),
    (
        "dynamodb:ListStreams",
        "Table.Arn}/stream/*",
        "it asks for the streams of a table, not for one",
    ),
];

/// What differs between what is needed and what is there.
pub(crate) fn difference<T: Ord + std::fmt::Debug>(
    what: &str,
    needed: &BTreeSet<T>,
    there: &BTreeSet<T>,
) -> Vec<String> {
    let missing = needed
        .difference(there)
        .map(|item| format!("{what}: {item:?} is missing"));
    let extra = there
        .difference(needed)
        .map(|item| format!("{what}: {item:?} is not needed"));
    missing.chain(extra).collect()
}

fn grant(action: &str, resource: &str, sources: &[&str]) -> Grant {
    let sources = sources.iter().map(ToString::to_string).collect();
    Grant {
        action: action.to_owned(),
        resource: resource.to_owned(),
        sources,
    }
}

/// A state machine's role allows what its states call, and nothing else.
pub(crate) fn saga(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    for (machine, properties) in house.resources("AWS::Serverless::StateMachine") {
        let substitutions = &properties["DefinitionSubstitutions"];
        let mut used = BTreeSet::new();
        let mut needed = BTreeSet::new();
        let states = house.states().filter(|(of, ..)| *of == machine);
        for (_, state, definition) in states {
            match calls(definition, substitutions, &mut used) {
                Ok(calls) => needed.extend(calls),
                Err(other) => problems.push(format!(
                    "{state} calls {other}: teach this test what it needs"
                )),
            }
        }
        problems.extend(difference(
            machine,
            &needed,
            &house.grants_of(properties, "Role"),
        ));
        let defined = substitutions
            .as_object()
            .map(|map| map.keys().cloned().collect());
        problems.extend(difference(
            "substitutions",
            &used,
            &defined.unwrap_or_default(),
        ));
    }
    problems
}

/// What a state needs to be allowed, and which substitutions of its machine it uses; the resource
/// that it calls, when it is an unknown one.
fn calls(
    definition: &Value,
    substitutions: &Value,
    used: &mut BTreeSet<String>,
) -> Result<Vec<Grant>, String> {
    let arguments = &definition["Arguments"];
    let mut substitute = |text: &Value| {
        let key = name(text)
            .trim_start_matches("${")
            .trim_end_matches('}')
            .to_owned();
        let value = name(&substitutions[&key]);
        used.insert(key);
        value
    };
    match definition["Resource"].as_str() {
        None => Ok(Vec::new()),
        Some("arn:aws:states:::lambda:invoke") => {
            let function = substitute(&arguments["FunctionName"]);
            Ok(vec![grant("lambda:InvokeFunction", &function, &[])])
        }
        Some("arn:aws:states:::states:startExecution") => {
            let machine = substitute(&arguments["StateMachineArn"]);
            Ok(vec![grant("states:StartExecution", &machine, &[])])
        }
        Some("arn:aws:states:::events:putEvents") => {
            let entries = list(&arguments["Entries"]).into_iter();
            let grants = entries.map(|entry| {
                let bus = format!("{}.Arn", substitute(&entry["EventBusName"]));
                grant("events:PutEvents", &bus, &[&name(&entry["Source"])])
            });
            Ok(grants.collect())
        }
        Some(other) => Err(other.to_owned()),
    }
}

/// Every rule may reach its targets and its dead-letter queue, and no other rule may.
pub(crate) fn rules(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    let (mut senders, mut starters) = (BTreeSet::new(), BTreeSet::new());
    for (rule, properties) in house.resources("AWS::Events::Rule") {
        for target in list(&properties["Targets"]) {
            let arn = name(&target["Arn"]);
            let kind = &house.template["Resources"][arn.trim_end_matches(".Arn")]["Type"];
            let dead_letters = name(&target["DeadLetterConfig"]["Arn"]);
            if !dead_letters.ends_with("Dlq.Arn") || target["RetryPolicy"].is_null() {
                problems.push(format!(
                    "{rule}: its target {arn} has no retry policy and dead-letter queue"
                ));
            }
            senders.insert((dead_letters, format!("{rule}.Arn")));
            match kind.as_str() {
                Some("AWS::SQS::Queue") => drop(senders.insert((arn, format!("{rule}.Arn")))),
                Some("AWS::Serverless::StateMachine") => {
                    let needed = BTreeSet::from([grant("states:StartExecution", &arn, &[])]);
                    problems.extend(difference(
                        rule,
                        &needed,
                        &house.grants_of(target, "RoleArn"),
                    ));
                    starters.insert(name(&target["RoleArn"]));
                }
                other => problems.push(format!(
                    "{rule}: {other:?} is reached through a queue, not directly"
                )),
            }
        }
    }
    let there = queue_policies(house, &mut problems);
    problems.extend(difference("queue policies", &senders, &there));
    let trusting = trusting(house, "events.amazonaws.com");
    problems.extend(difference("roles of rules", &starters, &trusting));
    problems
}

/// Who may send to which queue: pairs of queue and rule.
fn queue_policies(house: &House, problems: &mut Vec<String>) -> BTreeSet<(String, String)> {
    let mut senders = BTreeSet::new();
    for (policy, properties) in house.resources("AWS::SQS::QueuePolicy") {
        let queues: Vec<_> = list(&properties["Queues"]).into_iter().map(name).collect();
        for statement in list(&properties["PolicyDocument"]["Statement"]) {
            let queue = name(&statement["Resource"]);
            let narrow = statement["Principal"]["Service"] == "events.amazonaws.com"
                && statement["Action"] == "sqs:SendMessage"
                && queues == [queue.trim_end_matches(".Arn")];
            if !narrow {
                problems.push(format!("{policy}: lets more than a rule send to its queue"));
            }
            senders.insert((
                queue,
                name(&statement["Condition"]["ArnEquals"]["aws:SourceArn"]),
            ));
        }
    }
    senders
}

fn trusting(house: &House, service: &str) -> BTreeSet<String> {
    let trusts = |role: &Value| {
        let statements = list(&role["AssumeRolePolicyDocument"]["Statement"]);
        statements
            .iter()
            .any(|statement| statement["Principal"]["Service"] == service)
    };
    let roles = house
        .resources("AWS::IAM::Role")
        .into_iter()
        .filter(|(_, role)| trusts(role));
    roles.map(|(role, _)| format!("{role}.Arn")).collect()
}

/// Every function may read the source that feeds it and write to that source's dead-letter queue;
/// none may read another one.
pub(crate) fn event_sources(house: &House) -> Vec<String> {
    const READS: &[&str] = &[
        "sqs:",
        "dynamodb:DescribeStream",
        "dynamodb:GetRecords",
        "dynamodb:GetShardIterator",
        "dynamodb:ListStreams",
    ];
    let mut problems = Vec::new();
    for (_, function, properties) in house.functions() {
        let mut needed = BTreeSet::new();
        for source in properties["Events"]
            .as_object()
            .into_iter()
            .flat_map(|events| events.values())
        {
            // A schedule calls; there is nothing to read.
            if source["Type"] == "Schedule" {
                continue;
            }
            let source = &source["Properties"];
            let queue = name(&source["Queue"]);
            let stream = name(&source["Stream"]);
            if let Some(table) = stream.strip_suffix(".StreamArn") {
                for action in ["DescribeStream", "GetRecords", "GetShardIterator"] {
                    needed.insert(grant(&format!("dynamodb:{action}"), &stream, &[]));
                }
                needed.insert(grant(
                    "dynamodb:ListStreams",
                    &format!("${{{table}.Arn}}/stream/*"),
                    &[],
                ));
            } else {
                for action in ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"] {
                    needed.insert(grant(&format!("sqs:{action}"), &queue, &[]));
                }
            }
        }
        let variables = &properties["Environment"]["Variables"];
        // A function sends to the queues that it is told of.
        for (variable, queue) in variables.as_object().into_iter().flatten() {
            if !variable.ends_with("_QUEUE_URL") {
                continue;
            }
            needed.insert(grant(
                "sqs:SendMessage",
                &format!("{}.Arn", name(queue)),
                &[],
            ));
        }
        let there = house.grants_of(properties, "Role");
        let there = there
            .into_iter()
            .filter(|g| READS.iter().any(|read| g.action.starts_with(read)));
        problems.extend(difference(&function, &needed, &there.collect()));
    }
    problems
}

/// Every route asks who is calling; only the API may call the functions behind it.
pub(crate) fn http_api(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    for (route, properties) in house.resources("AWS::ApiGatewayV2::Route") {
        if properties["AuthorizationType"] != "JWT"
            || name(&properties["AuthorizerId"]) != "JwtAuthorizer"
        {
            problems.push(format!("{route}: open to anyone"));
        }
    }
    let integrations = house.resources("AWS::ApiGatewayV2::Integration");
    let behind = integrations
        .iter()
        .map(|(_, properties)| name(&properties["IntegrationUri"]))
        .collect();
    let permissions = house.resources("AWS::Lambda::Permission");
    let allowed = permissions
        .iter()
        .map(|(_, properties)| name(&properties["FunctionName"]))
        .collect();
    problems.extend(difference("permissions to call", &behind, &allowed));
    for (permission, properties) in permissions {
        if !name(&properties["SourceArn"]).contains(":${HttpApi}/") {
            problems.push(format!("{permission}: lets another API call"));
        }
    }
    problems
}

/// No role allows a family of actions, or everything of a kind.
pub(crate) fn least_privilege(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    for (role, properties) in house.resources("AWS::IAM::Role") {
        if list(&properties["ManagedPolicyArns"]).len() + grants(properties).is_empty() as usize > 0
        {
            problems.push(format!("{role}: its policies are not written out"));
        }
        for Grant {
            action, resource, ..
        } in grants(properties)
        {
            let known = |(family, end, _): &&(&str, &str, &str)| {
                action.starts_with(family) && resource.ends_with(end)
            };
            if action.contains('*') || !action.contains(':') {
                problems.push(format!("{role}: {action} is not one action"));
            }
            if resource.contains('*') && WILDCARDS.iter().find(known).is_none() {
                problems.push(format!("{role}: {action} on {resource} names no resource"));
            }
        }
    }
    problems
}
