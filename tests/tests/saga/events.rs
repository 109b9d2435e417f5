//! What the bus said about a channel.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::Value;
use stage::{Probe, Stack, probe::delivered};
use tokio::sync::Mutex;

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// An event, as its consumers see it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) data: Value,
    pub(crate) id: String,
}

/// The services' events about one channel since this was made. Repeats, by event id, are dropped.
pub(crate) struct Events {
    sqs: aws_sdk_sqs::Client,
    queue: String,
    told: Mutex<Vec<Told>>,
}

impl Events {
    pub(crate) async fn of(stack: &Stack, channel_id: &str) -> Self {
        let config = stack.sdk_config().await;
        let probe = Probe::new(stack, &config);
        Self {
            sqs: aws_sdk_sqs::Client::new(&config),
            queue: probe.listen_to_channel(channel_id).await,
            told: Mutex::default(),
        }
    }

    /// Waits until what was told about a run is enough.
    pub(crate) async fn until(&self, run_id: &str, enough: impl Fn(&[Told]) -> bool) -> Vec<Told> {
        let end = Instant::now() + PATIENCE;
        loop {
            let told = self.now(run_id).await;
            if enough(&told) {
                return told;
            }
            let names: Vec<_> = told.iter().map(|told| &told.name).collect();
            assert!(Instant::now() < end, "of {run_id} only {names:?} was told");
        }
    }

    /// Waits for the first event of this name about a run.
    pub(crate) async fn first(&self, run_id: &str, name: &str) -> Told {
        let told = self.until(run_id, |told| told.iter().any(|told| told.name == name));
        let found = told.await.into_iter().find(|told| told.name == name);
        found.expect("it was waited for")
    }

    /// What was told about a run by now, or is within a second.
    pub(crate) async fn now(&self, run_id: &str) -> Vec<Told> {
        self.receive().await;
        let told = self.told.lock().await;
        let about = |told: &&Told| told.data["runId"] == run_id;
        told.iter().filter(about).cloned().collect()
    }

    async fn receive(&self) {
        let mut told = self.told.lock().await;
        loop {
            let receive = self.sqs.receive_message().queue_url(&self.queue);
            let receive = receive.max_number_of_messages(10).wait_time_seconds(1);
            let messages = receive.send().await.unwrap().messages.unwrap_or_default();
            for message in &messages {
                let (name, detail) = delivered(message);
                let id = detail["metadata"]["eventId"].as_str().unwrap().to_owned();
                if !told.iter().any(|before| before.id == id) {
                    let data = detail["data"].clone();
                    told.push(Told { name, data, id });
                }
                let delete = self.sqs.delete_message().queue_url(&self.queue);
                let receipt = message.receipt_handle().unwrap();
                delete.receipt_handle(receipt).send().await.unwrap();
            }
            if messages.len() < 10 {
                return;
            }
        }
    }
}

/// How often an event of this name is among them.
pub(crate) fn count(told: &[Told], name: &str) -> usize {
    told.iter().filter(|told| told.name == name).count()
}

/// The questions that events of this name are about.
pub(crate) fn questions(told: &[Told], name: &str) -> BTreeSet<String> {
    let of_name = told.iter().filter(|told| told.name == name);
    of_name
        .map(|told| told.data["questionId"].as_str().unwrap().to_owned())
        .collect()
}
