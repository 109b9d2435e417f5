//! A question as its state machine runs it, task by task, without a video.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use aws_sdk_lambda::primitives::Blob;
use jiff::Timestamp;
use serde_json::{Value, json};
use stage::Stack;
use tokio::time::sleep;

use crate::api::RunPath;

/// How many options a question has.
pub const OPTIONS: u32 = 4;
/// The shortest time that its viewers may have, in seconds; the latency allowance comes on top.
pub const SECONDS: u32 = 5;
/// How often a task is tried, as by the state machine.
const ATTEMPTS: u32 = 40;
/// How long until it is tried again.
const PAUSE: Duration = Duration::from_millis(250);

/// Calls the deployed functions by their names.
#[derive(Debug, Clone)]
pub struct Functions {
    lambda: aws_sdk_lambda::Client,
    /// What their names begin with.
    prefix: String,
}

/// A question whose window was opened.
#[derive(Debug, Clone)]
pub struct Question {
    /// The run it is of.
    pub run: RunPath,
    /// Its id.
    pub id: String,
    /// Since when answers are taken.
    pub opened_at: Timestamp,
    /// Until when they are.
    pub closes_at: Timestamp,
    /// When it may be tallied.
    pub tally_at: Timestamp,
}

/// What a function answered, or the type of its error.
pub type Answered = Result<Value, String>;

impl Functions {
    /// Those of this stack.
    pub async fn of(stack: &Stack) -> Self {
        Self {
            lambda: aws_sdk_lambda::Client::new(&stack.sdk_config().await),
            prefix: format!("{}-", stack.outputs.event_bus_name),
        }
    }

    /// Calls a function once, e.g. `live-tally`.
    ///
    /// # Errors
    /// When Lambda itself does not answer.
    pub async fn call(&self, function: &str, input: &Value) -> anyhow::Result<Answered> {
        let answer = self
            .lambda
            .invoke()
            .function_name(format!("{}{function}", self.prefix))
            .payload(Blob::new(input.to_string()))
            .send()
            .await
            .with_context(|| format!("calling {function}"))?;
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        let payload: Value = serde_json::from_slice(&payload).unwrap_or_default();
        Ok(match answer.function_error {
            None => Ok(payload),
            Some(_) => Err(payload["errorType"]
                .as_str()
                .unwrap_or("unknown")
                .to_owned()),
        })
    }

    /// Calls a function until it succeeds, as a state machine that retries.
    ///
    /// # Errors
    /// The error that does not pass.
    pub async fn persist(&self, function: &str, input: &Value) -> anyhow::Result<Value> {
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            match self.call(function, input).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) if is_final(&error) => bail!("{function} failed: {error}"),
                Ok(Err(error)) => said = error,
                Err(error) => said = format!("{error:#}"),
            }
            sleep(PAUSE).await;
        }
        bail!("{function} failed {ATTEMPTS} times, last: {said}")
    }

    /// Opens a question for so many seconds, whose answers are spread over so many shards.
    ///
    /// # Errors
    /// When the task fails for good.
    pub async fn open(
        &self,
        run: &RunPath,
        id: &str,
        (seconds, shards): (u32, u32),
    ) -> anyhow::Result<Question> {
        let mut task = task("open-window", run, id);
        task["options"] = json!(OPTIONS);
        task["correct"] = json!(0);
        task["seconds"] = json!(seconds);
        task["shards"] = json!(shards);
        let opened = self.persist("answer-saga", &task).await?;
        let time = |name: &str| -> anyhow::Result<Timestamp> {
            let text = opened[name].as_str();
            Ok(text.with_context(|| format!("no {name}"))?.parse()?)
        };
        Ok(Question {
            run: run.clone(),
            id: id.to_owned(),
            opened_at: time("openedAt")?,
            closes_at: time("closesAt")?,
            tally_at: time("tallyAt")?,
        })
    }

    /// Waits until it may be tallied, closes and tallies it. Returns the final counts.
    ///
    /// # Errors
    /// When a task fails for good, or says something else when it comes again.
    pub async fn tally(&self, question: &Question) -> anyhow::Result<Vec<u64>> {
        until(question.tally_at).await;
        let task = |op| task(op, &question.run, &question.id);
        self.persist("answer-saga", &task("close-window")).await?;
        let tallied = self.persist("answer-saga", &task("tally")).await?;
        let again = self.persist("answer-saga", &task("tally")).await?;
        ensure!(
            tallied["counts"] == again["counts"],
            "tallied again it says something else: {tallied} and {again}"
        );
        Ok(serde_json::from_value(tallied["counts"].clone())?)
    }
}

fn task(op: &str, run: &RunPath, question_id: &str) -> Value {
    json!({
        "op": op, "quizId": run.quiz_id, "runId": run.run_id, "questionId": question_id,
    })
}

/// Errors that the state machine does not try again.
fn is_final(error: &str) -> bool {
    matches!(error, "NotFound" | "Conflict" | "InvalidInput")
}

/// Waits until this time has come.
pub async fn until(time: Timestamp) {
    let left = Duration::try_from(time.duration_since(Timestamp::now()));
    sleep(left.unwrap_or_default()).await;
}
