//! The shape of the state machines: nothing they call may hang, give up at once, or fail without
//! being undone.

use quiz_orchestrator::{compensation::TASKS_END_WITHIN, quiz::QUESTIONS};
use serde_json::{Value, json};

use super::document::{House, list, name};

/// What a task retries that calls a function: what its own errors say may pass, and what Lambda says
/// of itself or of a function that crashed.
const PASSING: [&str; 11] = [
    "Throttled",
    "Unavailable",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
    "States.Timeout",
];
/// What a task retries that calls a service.
const OF_A_SERVICE: [&str; 2] = ["States.TaskFailed", "States.Timeout"];

/// Every task has its time, longer than its function's own; retries with jitter what may pass, all
/// the same; and leads on when it fails for good. The machines end one day, whatever happens.
pub(crate) fn shape(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    for (machine, definition) in &house.machines {
        if !definition["TimeoutSeconds"].is_u64() || definition["QueryLanguage"] != "JSONata" {
            problems.push(format!("{machine}: never ends, or does not speak JSONata"));
        }
        problems.extend(targets(machine, definition));
    }
    for (machine, state, definition) in house.states() {
        match definition["Type"].as_str() {
            Some("Task") => problems.extend(task(house, machine, state, definition)),
            // Stopping an execution does not stop what a Map or a Parallel has started everywhere.
            Some("Map" | "Parallel") => problems.push(format!("{state}: the questions are a loop")),
            _ => {}
        }
    }
    problems
}

/// Every state is reached, and leads to one that there is.
fn targets(machine: &str, definition: &Value) -> Vec<String> {
    let states = definition["States"].as_object();
    let states = states.expect("a machine has states");
    let mut reached = vec![name(&definition["StartAt"])];
    for state in states.values() {
        reached.extend(["Next", "Default"].iter().filter_map(|key| {
            let target = state.get(key)?;
            Some(name(target))
        }));
        let branches = list(&state["Choices"])
            .into_iter()
            .chain(list(&state["Catch"]));
        reached.extend(branches.map(|branch| name(&branch["Next"])));
    }
    let missing = reached.iter().filter(|name| !states.contains_key(*name));
    let missing = missing.map(|name| format!("{machine}: there is no state {name}"));
    let unreached = states.keys().filter(|name| !reached.contains(name));
    let unreached = unreached.map(|name| format!("{machine}: nothing leads to {name}"));
    missing.chain(unreached).collect()
}

fn task(house: &House, machine: &str, state: &str, definition: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let timeout = definition["TimeoutSeconds"].as_u64().unwrap_or(0);
    let runs_for = function_timeout(house, machine, definition);
    if timeout <= runs_for {
        problems.push(format!("{state}: times out before its function does"));
    }
    if machine == "QuizShow" && u64::from(TASKS_END_WITHIN) <= runs_for {
        problems.push(format!("{state}: may be at work after the compensation"));
    }
    let first = &definition["Retry"][0];
    let calls_function = definition["Resource"] == "arn:aws:states:::lambda:invoke";
    let passing = match calls_function {
        true => json!(PASSING),
        false => json!(OF_A_SERVICE),
    };
    let patient = first["JitterStrategy"] == "FULL" && first["BackoffRate"].as_f64() > Some(1.0);
    if !patient || first["ErrorEquals"] != passing {
        problems.push(format!(
            "{state}: does not retry what can pass, with backoff and jitter"
        ));
    }
    // The audience is told soon or not at all; the rest is tried for more than half an hour.
    let tenacious = first["MaxAttempts"] == 40 && first["MaxDelaySeconds"] == 120;
    if machine == "QuizShowCompensation" && state != "PushCancelled" && !tenacious {
        problems.push(format!("{state}: gives up before the others do"));
    }
    let caught = list(&definition["Catch"])
        .last()
        .copied()
        .unwrap_or(&Value::Null);
    if caught["ErrorEquals"] != json!(["States.ALL"]) || !is_undone(machine, state, caught) {
        problems.push(format!("{state}: its failure is not undone"));
    }
    let known = caught["Assign"]["failedStep"] == *state;
    if caught["Next"] == "RecordFailure" && !known {
        problems.push(format!("{state}: its failure is put down to another step"));
    }
    problems
}

/// The saga's failures lead to the compensation. The compensation goes on with its next step, and
/// remembers that this one was not done, but for what the audience is told.
fn is_undone(machine: &str, state: &str, caught: &Value) -> bool {
    if machine == "QuizShow" {
        return match state {
            "Compensate" => caught["Next"] == "NotCompensated",
            _ => caught["Next"] == "RecordFailure",
        };
    }
    let remembers = name(&caught["Assign"]["undone"]).contains(state);
    caught["Next"] != "NothingToUndo" && (remembers || state == "PushCancelled")
}

/// Seconds that the function behind a task may take; 0 for a task that calls none.
fn function_timeout(house: &House, machine: &str, definition: &Value) -> u64 {
    let substitution = name(&definition["Arguments"]["FunctionName"]);
    let key = substitution.trim_start_matches("${").trim_end_matches('}');
    let arn = name(&house.properties(machine)["DefinitionSubstitutions"][key]);
    let function = house.properties(arn.trim_end_matches(".Arn"));
    function["Timeout"].as_u64().unwrap_or(0)
}

/// The most events that the history of a standard execution may have ("Step Functions service quotas",
/// developer guide). Beyond it the execution fails.
const LONGEST_HISTORY: u64 = 25_000;

/// The states of the show that are entered again and again, by what brings them about.
const AGAIN: [(&str, &[&str]); 3] = [
    (
        "questions",
        &[
            "NextQuestion?",
            "OpenWindow",
            "PushQuestion",
            "OnAirInTime?",
            "PublishOpened",
            "WaitForAnswers",
            "CheckRun",
            "StreamMatters?",
            "CheckStream",
            "StreamHeld?",
            "CloseWindow",
            "Tally",
            "PushResults",
            "PublishTallied",
            "MoreQuestions?",
            "Pause",
        ],
    ),
    (
        "repeatsLeft",
        &[
            "OpenWindow",
            "PushQuestion",
            "OnAirInTime?",
            "TooLate",
            "QuestionLost?",
            "PublishOpened",
            "WaitForAnswers",
            "CheckRun",
            "StreamMatters?",
            "CheckStream",
            "StreamHeld?",
            "VoidAttempt",
            "PublishAttemptVoided",
            "AttemptsLeft?",
            "AwaitStream",
        ],
    ),
    (
        "looksLeft",
        &[
            "WaitForStream",
            "LookForStream",
            "StreamBack?",
            // What is pushed when there is one, which may fail again. A question is a repeat then.
            "PushResults",
            "AwaitToPush?",
            "AwaitStream",
        ],
    ),
];

/// The longest show there can be has room in its history, also if each call fails as often as it is
/// retried.
pub(crate) fn history(house: &House) -> Vec<String> {
    let show = &house.machines["QuizShow"];
    let states = show["States"].as_object().expect("a machine has states");
    let all = |names: &[&str]| names.iter().map(|name| events(&states[*name])).sum::<u64>();
    // Each state once is more than what comes before the first question and after the last one.
    let once = states.values().map(events).sum::<u64>();
    let budgets = &show["States"]["ClaimRun"]["Assign"];
    let again = AGAIN.iter().map(|(budget, names)| {
        let times = match *budget {
            "questions" => Some(*QUESTIONS.end() as u64),
            budget => budgets[budget].as_u64(),
        };
        times.map_or(u64::MAX, |times| times.saturating_mul(all(names)))
    });
    let longest = again.fold(once, u64::saturating_add);
    match longest <= LONGEST_HISTORY {
        true => Vec::new(),
        false => vec![format!("a show may have a history of {longest} events")],
    }
}

/// How many events a state adds to the history at most: it is entered and left, and a task is
/// scheduled, started and done each time that it is tried.
fn events(state: &Value) -> u64 {
    let retries = list(&state["Retry"]).into_iter();
    let retries = retries.filter_map(|retry| retry["MaxAttempts"].as_u64());
    match state["Type"] == "Task" {
        true => 2 + 3 * (1 + retries.sum::<u64>()),
        false => 2,
    }
}
