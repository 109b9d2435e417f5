//! What an operator can look at: the saga's history and the dead-letter queues.

use std::collections::BTreeMap;

use anyhow::Context;
use aws_sdk_sfn::types::HistoryEvent;
use aws_sdk_sqs::types::QueueAttributeName;
use jiff::Timestamp;
use serde_json::Value;
use stage::Stack;

use crate::points::Window;

/// The history of one execution of the saga.
#[derive(Debug, Clone, Default)]
pub struct Saga {
    /// Every state it entered, in order.
    pub states: Vec<String>,
    /// What each task returned, with the name of its state, in order.
    pub results: Vec<(String, Value)>,
    /// What each try of a task failed with, with the name of its state, in order.
    pub failures: Vec<(String, String)>,
}

impl Saga {
    /// When each cue was pushed, in order, in milliseconds since 1970.
    pub fn pushed_at(&self) -> Vec<i64> {
        self.results
            .iter()
            .filter_map(|(_, result)| result["pushedAt"].as_i64())
            .collect()
    }

    /// The answer windows, in order.
    pub fn windows(&self) -> Vec<Window> {
        let time = |value: &Value| {
            value
                .as_str()
                .and_then(|text| text.parse::<Timestamp>().ok())
        };
        let window = |result: &Value| {
            Some(Window {
                opened_at: time(&result["openedAt"])?,
                closes_at: time(&result["closesAt"])?,
            })
        };
        self.results
            .iter()
            .filter_map(|(_, result)| window(result))
            .collect()
    }
}

/// The history of the execution that runs this run.
///
/// # Errors
/// When Step Functions cannot be asked.
pub async fn saga(stack: &Stack, run_id: &str) -> anyhow::Result<Saga> {
    let client = aws_sdk_sfn::Client::new(&stack.sdk_config().await);
    let executions = client
        .list_executions()
        .state_machine_arn(&stack.outputs.quiz_show_arn)
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await?;
    for execution in executions {
        let arn = execution.execution_arn();
        let described = client
            .describe_execution()
            .execution_arn(arn)
            .send()
            .await?;
        if described
            .input()
            .is_some_and(|input| input.contains(run_id))
        {
            let saga = history(&client, arn).await?;
            // The run may have been offered to more than one execution; one has taken it.
            if !saga.states.iter().any(|state| state == "NotOurs") {
                return Ok(saga);
            }
        }
    }
    anyhow::bail!("no execution of the saga has the run {run_id}")
}

/// The history of one execution.
///
/// # Errors
/// When Step Functions cannot be asked.
pub async fn history(client: &aws_sdk_sfn::Client, execution_arn: &str) -> anyhow::Result<Saga> {
    let events = client
        .get_execution_history()
        .execution_arn(execution_arn)
        .into_paginator()
        .items()
        .send()
        .collect::<Result<Vec<_>, _>>()
        .await?;
    Ok(read(&events))
}

fn read(events: &[HistoryEvent]) -> Saga {
    let mut saga = Saga::default();
    for event in events {
        if let Some(entered) = event.state_entered_event_details() {
            saga.states.push(entered.name().to_owned());
        }
        let output = event
            .task_succeeded_event_details()
            .and_then(|details| details.output());
        if let Some(output) = output.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
            let state = saga.states.last().cloned().unwrap_or_default();
            saga.results.push((state, output["Payload"].clone()));
        }
        let failed = event.task_failed_event_details();
        if let Some(error) = failed.and_then(|details| details.error()) {
            let state = saga.states.last().cloned().unwrap_or_default();
            saga.failures.push((state, error.to_owned()));
        }
    }
    saga
}

/// How many messages each dead-letter queue holds.
///
/// # Errors
/// When SQS cannot be asked.
pub async fn dead_letters(stack: &Stack) -> anyhow::Result<BTreeMap<String, u64>> {
    let client = aws_sdk_sqs::Client::new(&stack.sdk_config().await);
    let mut counts = BTreeMap::new();
    for (name, url) in stack.outputs.dead_letter_queues() {
        let answer = client
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            .send()
            .await
            .with_context(|| format!("cannot look into {name}"))?;
        let count = |attribute: QueueAttributeName| {
            let value = answer.attributes()?.get(&attribute)?;
            value.parse::<u64>().ok()
        };
        let count = count(QueueAttributeName::ApproximateNumberOfMessages)
            .zip(count(
                QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            ))
            .map(|(visible, taken)| visible + taken)
            .with_context(|| format!("{name} does not say how many messages it holds"))?;
        counts.insert(name.to_owned(), count);
    }
    Ok(counts)
}
