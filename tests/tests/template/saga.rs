//! The saga's shape: nothing it calls may hang, give up at once, or fail without being undone.

use serde_json::{Value, json};

use super::document::{House, list, name};

/// Every task has its time, longer than its function's own; retries with jitter; and leads to the
/// compensation when it fails for good. The machine ends one day, whatever happens.
pub(crate) fn shape(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    if !house.saga["TimeoutSeconds"].is_u64() || house.saga["QueryLanguage"] != "JSONata" {
        problems.push("the machine never ends, or does not speak JSONata".to_owned());
    }
    for (state, definition) in house.saga["States"]
        .as_object()
        .expect("a machine has states")
    {
        match definition["Type"].as_str() {
            Some("Task") => problems.extend(task(house, state, definition)),
            // Stopping an execution does not stop what a Map or a Parallel has started everywhere.
            Some("Map" | "Parallel") => problems.push(format!("{state}: the questions are a loop")),
            _ => {}
        }
    }
    problems
}

fn task(house: &House, state: &str, definition: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let timeout = definition["TimeoutSeconds"].as_u64().unwrap_or(0);
    if timeout <= function_timeout(house, definition) {
        problems.push(format!("{state}: times out before its function does"));
    }
    let first = &definition["Retry"][0];
    let patient = first["JitterStrategy"] == "FULL" && first["BackoffRate"].as_f64() > Some(1.0);
    if !patient || !list(&first["ErrorEquals"]).contains(&&json!("States.Timeout")) {
        problems.push(format!(
            "{state}: does not retry what can pass, with backoff and jitter"
        ));
    }
    let caught = list(&definition["Catch"])
        .last()
        .copied()
        .unwrap_or(&Value::Null);
    let undone = ["RecordFailure", "PushCancelled", "AbortRun", "NotReleased"];
    if caught["ErrorEquals"] != json!(["States.ALL"])
        || !undone.iter().any(|s| caught["Next"] == *s)
    {
        problems.push(format!("{state}: its failure is not undone"));
    }
    let known = caught["Assign"]["failedStep"] == *state;
    if caught["Next"] == "RecordFailure" && !known {
        problems.push(format!("{state}: its failure is put down to another step"));
    }
    problems
}

/// Seconds that the function behind a task may take; 0 for a task that calls none.
fn function_timeout(house: &House, definition: &Value) -> u64 {
    let substitution = name(&definition["Arguments"]["FunctionName"]);
    let key = substitution.trim_start_matches("${").trim_end_matches('}');
    let arn = name(&house.properties("QuizShow")["DefinitionSubstitutions"][key]);
    let function = house.properties(arn.trim_end_matches(".Arn"));
    function["Timeout"].as_u64().unwrap_or(0)
}
