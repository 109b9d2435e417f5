//! The functions: what each finds in its environment, what feeds it and where its failures go,
//! that it is there at all, and that the events around it are those of the contracts.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{
    document::{House, list, name},
    permissions::difference,
};

/// What each function finds in its environment, as `VARIABLE=what it refers to`.
const ENVIRONMENT: &[(&str, &[&str])] = &[
    (
        "entitlement-intake",
        &[
            "ENTITLEMENTS_TABLE=EntitlementsTable",
            "DEAD_LETTER_QUEUE_URL=EntitlementIntakeDlq",
            "GIVE_UP_AFTER_RECEIVES=95",
        ],
    ),
    (
        "entitlement-outbox",
        &[
            "EVENT_BUS_NAME=EventBus",
            "DEAD_LETTER_QUEUE_URL=EntitlementOutboxDlq",
            GIVE_UP,
            "CHANNELS=Channels",
            IVS,
        ],
    ),
    (
        "token-api",
        &[
            "ENTITLEMENTS_TABLE=EntitlementsTable",
            "PLAYBACK_KEY_SECRET_ARN=PlaybackKeySecretArn",
            "EVENT_BUS_NAME=EventBus",
            "CHANNELS=Channels",
            "TOKEN_REQUESTS_PER_MINUTE=TokenRequestsPerMinute",
            "TOKEN_REQUEST_BURST=TokenRequestBurst",
        ],
    ),
    (
        "quiz-api",
        &[
            "QUIZZES_TABLE=QuizzesTable",
            "CHANNELS=Channels",
            "LATENCY_ALLOWANCE_SECONDS=LatencyAllowanceSeconds",
            "DRAIN_SECONDS=DrainSeconds",
        ],
    ),
    (
        "quiz-outbox",
        &[
            "EVENT_BUS_NAME=EventBus",
            "DEAD_LETTER_QUEUE_URL=QuizOutboxDlq",
            GIVE_UP,
        ],
    ),
    (
        "quiz-saga",
        &[
            "QUIZZES_TABLE=QuizzesTable",
            "CHANNELS=Channels",
            "LATENCY_ALLOWANCE_SECONDS=LatencyAllowanceSeconds",
            "DRAIN_SECONDS=DrainSeconds",
            IVS,
        ],
    ),
    (
        "quiz-sweep",
        &[
            "QUIZZES_TABLE=QuizzesTable",
            "CHANNELS=Channels",
            "QUIZ_SHOW_COMPENSATION_ARN=QuizShowCompensation",
        ],
    ),
    (
        "answer-api",
        &[
            "ANSWERS_TABLE=AnswersTable",
            "WINDOWS_TABLE=WindowsTable",
            "TALLIES_TABLE=TalliesTable",
        ],
    ),
    (
        "live-tally",
        &[
            "TALLIES_TABLE=TalliesTable",
            "DEAD_LETTER_QUEUE_URL=LiveTallyDlq",
        ],
    ),
    (
        "answer-recorder",
        &[
            "ANSWERS_TABLE=AnswersTable",
            "WINDOWS_TABLE=WindowsTable",
            "EVENT_BUS_NAME=EventBus",
            "DEAD_LETTER_QUEUE_URL=AnswerRecordingDlq",
            "GIVE_UP_AFTER_RECEIVES=95",
        ],
    ),
    (
        "answer-saga",
        &[
            "ANSWERS_TABLE=AnswersTable",
            "WINDOWS_TABLE=WindowsTable",
            "TALLIES_TABLE=TalliesTable",
            "ANSWER_RECORDING_QUEUE_URL=AnswerRecordingQueue",
            "LATENCY_ALLOWANCE_SECONDS=LatencyAllowanceSeconds",
            "DRAIN_SECONDS=DrainSeconds",
        ],
    ),
];

/// When a function parks a record itself, with the reason.
const GIVE_UP: &str = "GIVE_UP_AFTER_SECONDS=19800";

/// Set only when IVS is elsewhere: an empty endpoint would be used as one.
const IVS: &str = "AWS_ENDPOINT_URL_IVS=IvsEndpoint, or nothing";

/// Whether a function gives up, by a setting of it, clearly before its source would: one that does
/// not give up itself leaves it to the source.
fn gives_up_in_time(setting: &Value, margin: u64, source: &Value) -> bool {
    let setting = setting.as_str().map(str::parse::<u64>);
    setting.is_none_or(|own| match (own, source.as_u64()) {
        (Ok(own), Some(source)) => own + margin <= source,
        _ => false,
    })
}

/// How long a queue must hide a message that a function works on, by the function's timeout, both
/// in seconds: six times as long, as Lambda advises, since it may hold messages back while a
/// function is throttled. What `answer-recorder` does may be done twice at once, and what a killed
/// one held should come again soon.
fn hidden_for(function: &str, timeout: u64) -> u64 {
    match function {
        "answer-recorder" => timeout * 3 / 2,
        _ => timeout * 6,
    }
}

fn variables(variables: &Value) -> BTreeSet<String> {
    let optional =
        json!({"Fn::If": ["IvsElsewhere", {"Ref": "IvsEndpoint"}, {"Ref": "AWS::NoValue"}]});
    let variables = variables.as_object().into_iter().flatten();
    variables
        .map(|(variable, value)| {
            let value = if *value == optional {
                "IvsEndpoint, or nothing".to_owned()
            } else {
                name(value)
            };
            format!("{variable}={value}")
        })
        .collect()
}

/// Every function finds what it reads when it starts.
pub(crate) fn environment(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    let everyone = variables(&house.template["Globals"]["Function"]["Environment"]["Variables"]);
    problems.extend(difference(
        "all functions",
        &BTreeSet::from(["LOG_LEVEL=LogLevel".to_owned()]),
        &everyone,
    ));
    for (_, function, properties) in house.functions() {
        let Some((_, needed)) = ENVIRONMENT.iter().find(|(known, _)| *known == function) else {
            problems.push(format!("{function}: this test does not know what it needs"));
            continue;
        };
        let needed = needed.iter().map(ToString::to_string).collect();
        problems.extend(difference(
            &function,
            &needed,
            &variables(&properties["Environment"]["Variables"]),
        ));
    }
    problems
}

/// Nothing that fails is lost: a queue redrives, a stream has a destination for what it gives up,
/// and whoever is called and waits has a caller that takes the failure.
pub(crate) fn failures(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    let awaited: BTreeSet<_> = house
        .resources("AWS::ApiGatewayV2::Integration")
        .iter()
        .map(|(_, properties)| name(&properties["IntegrationUri"]))
        .chain(
            house
                .resources("AWS::Serverless::StateMachine")
                .into_iter()
                .flat_map(|(_, machine)| house.grants_of(machine, "Role"))
                .map(|grant| grant.resource),
        )
        .collect();
    for (resource, function, properties) in house.functions() {
        let events: Vec<_> = properties["Events"]
            .as_object()
            .into_iter()
            .flat_map(|e| e.values())
            .collect();
        if events.is_empty() && !awaited.contains(&format!("{resource}.Arn")) {
            problems.push(format!("{function}: nothing takes its failures"));
        }
        for event in events {
            let source = &event["Properties"];
            let partial =
                list(&source["FunctionResponseTypes"]).contains(&&json!("ReportBatchItemFailures"));
            match event["Type"].as_str() {
                Some("SQS") => {
                    let queue = name(&source["Queue"]);
                    let queue = house.properties(queue.trim_end_matches(".Arn"));
                    let redrive = &queue["RedrivePolicy"];
                    let timeout = properties["Timeout"].as_u64();
                    let hidden = timeout.map(|timeout| hidden_for(&function, timeout));
                    if queue["VisibilityTimeout"].as_u64() < hidden {
                        problems.push(format!(
                            "{function}: its queue delivers again what it still works on"
                        ));
                    }
                    let own = &properties["Environment"]["Variables"]["GIVE_UP_AFTER_RECEIVES"];
                    // The count is approximate.
                    if !gives_up_in_time(own, 5, &redrive["maxReceiveCount"]) {
                        problems.push(format!("{function}: its queue gives up before it does"));
                    }
                    if !name(&redrive["deadLetterTargetArn"]).ends_with("Dlq.Arn") {
                        problems.push(format!("{function}: its queue has no dead-letter queue"));
                    }
                    if !partial {
                        problems.push(format!(
                            "{function}: one bad message would fail its whole batch"
                        ));
                    }
                }
                Some("DynamoDB") => {
                    let own =
                        name(&properties["Environment"]["Variables"]["DEAD_LETTER_QUEUE_URL"]);
                    let patience = &properties["Environment"]["Variables"]["GIVE_UP_AFTER_SECONDS"];
                    // A batch is tried about once a minute after hours of failing.
                    if !gives_up_in_time(patience, 600, &source["MaximumRecordAgeInSeconds"]) {
                        problems.push(format!("{function}: its stream gives up before it does"));
                    }
                    let destination =
                        name(&source["DestinationConfig"]["OnFailure"]["Destination"]);
                    if destination != format!("{own}.Arn")
                        || source["MaximumRecordAgeInSeconds"].is_null()
                    {
                        problems.push(format!("{function}: what its stream gives up goes nowhere"));
                    }
                    if partial {
                        problems.push(format!(
                            "{function}: a stream must not report partial failures"
                        ));
                    }
                    // Counting by the highest sequence number seen needs a shard in order.
                    if source
                        .get("ParallelizationFactor")
                        .is_some_and(|factor| *factor != 1)
                    {
                        problems.push(format!("{function}: a shard must be read in order"));
                    }
                }
                // What it did not get done, it does the next time.
                Some("Schedule") => {
                    if source["Schedule"] != "rate(1 minute)" {
                        problems.push(format!("{function}: what fails does not come again soon"));
                    }
                }
                other => problems.push(format!("{function}: {other:?} is no known source")),
            }
        }
    }
    problems
}

/// Rules match and the saga and the functions publish what the contracts say, under their sources.
pub(crate) fn contracts(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    let ours: BTreeSet<_> = house
        .contracts
        .values()
        .filter(|s| s.starts_with("cuepoint."))
        .cloned()
        .collect();
    for (rule, properties) in house.resources("AWS::Events::Rule") {
        let pattern = &properties["EventPattern"];
        if pattern["source"] == json!(["aws.states"]) {
            problems.extend(of_step_functions(house, rule, properties));
            continue;
        }
        for detail_type in list(&pattern["detail-type"]).into_iter().map(name) {
            let Some(source) = house.contracts.get(&detail_type) else {
                problems.push(format!("{rule}: {detail_type} has no schema"));
                continue;
            };
            let matches = list(&pattern["source"]).into_iter().any(|wanted| {
                let refused = wanted["anything-but"]["prefix"].as_str();
                refused.map_or(wanted == source, |prefix| !source.starts_with(prefix))
            });
            if !matches {
                problems.push(format!(
                    "{rule}: {detail_type} comes from {source}, which it does not match"
                ));
            }
        }
    }
    for (_, state, definition) in house.states() {
        for entry in list(&definition["Arguments"]["Entries"]) {
            let (detail_type, source) = (name(&entry["DetailType"]), name(&entry["Source"]));
            if house.contracts.get(&detail_type) != Some(&source) {
                problems.push(format!(
                    "{state}: no contract says that {source} sends {detail_type}"
                ));
            }
        }
    }
    for (_, function, properties) in house.functions() {
        let own = format!("cuepoint.{}", name(&properties["Tags"]["service"]));
        for grant in house.grants_of(properties, "Role") {
            if grant.action == "events:PutEvents"
                && (grant.sources != [own.clone()] || !ours.contains(&own))
            {
                problems.push(format!(
                    "{function}: may publish as {:?}, but is {own}",
                    grant.sources
                ));
            }
        }
    }
    problems
}

/// What AWS says itself, it says on the default bus, under its own names.
fn of_step_functions(house: &House, rule: &str, properties: &Value) -> Vec<String> {
    let pattern = &properties["EventPattern"];
    let mut problems = Vec::new();
    if !properties["EventBusName"].is_null()
        || pattern["detail-type"] != json!(["Step Functions Execution Status Change"])
    {
        problems.push(format!(
            "{rule}: Step Functions says nothing like that there"
        ));
    }
    if pattern["detail"]["status"] != json!(["ABORTED", "TIMED_OUT", "FAILED"]) {
        problems.push(format!(
            "{rule}: not every execution that ends early is undone"
        ));
    }
    for machine in list(&pattern["detail"]["stateMachineArn"])
        .into_iter()
        .map(name)
    {
        let targets = list(&properties["Targets"]);
        let itself = targets.iter().any(|target| name(&target["Arn"]) == machine);
        if itself || !house.machines.contains_key(&machine) {
            problems.push(format!(
                "{rule}: would start {machine} for ever, or for nothing"
            ));
        }
    }
    problems
}

/// A function in the template for every binary, and the other way round.
pub(crate) fn binaries(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    let mut deployed = BTreeSet::new();
    for (resource, function, properties) in house.functions() {
        if name(&properties["FunctionName"]) != format!("${{AWS::StackName}}-{function}") {
            problems.push(format!(
                "{resource}: is not named like its binary {function}"
            ));
        }
        deployed.insert(function);
    }
    problems.extend(difference("functions", &house.binaries, &deployed));
    problems
}
