//! Everything that the system says, gathered.

use std::time::{Duration, Instant};

use cuepoint_e2e::api::Reply;
use jiff::Timestamp;
use serde_json::Value;
use stage::{Logs, Probe, Stack, probe::delivered};

/// How long what was said may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);

/// A text that someone may read who is not its subject.
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) text: String,
    /// Whether viewers may be named in it.
    pub(crate) names_viewers: bool,
}

impl Place {
    pub(crate) fn new(name: impl Into<String>, text: String, names_viewers: bool) -> Self {
        Self {
            name: name.into(),
            text,
            names_viewers,
        }
    }
}

/// What the HTTP API answered where it gave no token.
pub(crate) fn answers(said: &[Reply]) -> Place {
    let text = |reply: &Reply| format!("{} {:?}\n", reply.text, reply.headers);
    Place::new(
        "an answer of the API",
        said.iter().map(text).collect(),
        false,
    )
}

/// Everything on the bus. Waits for the announcement of every token and of the revocation.
pub(crate) async fn events(probe: &Probe, queue: &str, viewer: &str, tokens: usize) -> Place {
    let about = |event: &(String, Value), detail_type: &str| {
        event.0 == detail_type && event.1["data"]["userId"] == viewer
    };
    let all = probe
        .receive_until(queue, |messages| {
            let events: Vec<_> = messages.iter().map(delivered).collect();
            let count = |detail_type| events.iter().filter(|e| about(e, detail_type)).count();
            count("playback-token-issued") >= tokens && count("entitlement-revoked") >= 1
        })
        .await;
    let text = all.iter().filter_map(|message| message.body()).collect();
    Place::new("an event on the bus", text, true)
}

/// What a function says at each of its invocations, and how often it must have by then.
fn awaited(group: &str, tokens: usize, said: &[Reply]) -> Vec<(&'static str, usize)> {
    let ours = |reply: &&Reply| {
        let kind = reply.body["type"].as_str();
        kind.is_some_and(|kind| kind.starts_with("urn:cuepoint:problem:"))
    };
    if group.ends_with("-token-api") {
        let refused = said.iter().filter(ours).count();
        vec![
            ("\"message\":\"token issued\"", tokens),
            ("\"message\":\"no token issued\"", refused),
        ]
    } else if group.ends_with("-entitlement-intake") {
        vec![("\"message\":\"events taken in\"", 1)]
    } else if group.ends_with("-entitlement-outbox") {
        vec![("\"message\":\"changes published\"", 1)]
    } else {
        vec![]
    }
}

/// The log of every function. Waits until every token and every refusal has been told of.
pub(crate) async fn function_logs(
    stack: &Stack,
    since: Timestamp,
    tokens: usize,
    said: &[Reply],
) -> Vec<Place> {
    let logs = Logs::new(stack).unwrap();
    let groups = logs.groups("/aws/lambda/").await.unwrap();
    assert!(groups.len() >= 9, "{groups:?}");
    let mut places = Vec::new();
    for group in groups {
        let awaited = awaited(&group, tokens, said);
        let end = Instant::now() + PATIENCE;
        let lines = loop {
            let lines = logs.lines(&group, since).await.unwrap();
            let missing = awaited.iter().find(|(what, times)| {
                lines.iter().filter(|line| line.contains(what)).count() < *times
            });
            let Some((what, times)) = missing else {
                break lines;
            };
            assert!(
                Instant::now() < end,
                "{group} does not say {what} {times} times"
            );
            tokio::time::sleep(Duration::from_millis(500)).await;
        };
        places.push(Place::new(group, lines.join("\n"), false));
    }
    places
}

/// What the programs of the local cloud write beside the description of the stack.
pub(crate) fn log_files() -> Vec<Place> {
    let folder = stage::stack::Stack::path().with_file_name("logs");
    let files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    assert!(files.len() >= 2, "{files:?}");
    let place = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        // The emulator of Cognito says itself whom it makes.
        let names_viewers = name == "ministack.log";
        Place::new(name, text, names_viewers)
    };
    files.iter().map(place).collect()
}

/// What waits in the dead-letter queues.
pub(crate) async fn dead_letters(stack: &Stack, probe: &Probe) -> Place {
    let mut text = String::new();
    for (_, url) in stack.outputs.dead_letter_queues() {
        for message in probe.all_waiting(url).await {
            let attributes = message.message_attributes();
            text += &format!("{:?} {attributes:?}\n", message.body());
        }
    }
    Place::new("a dead letter", text, true)
}
