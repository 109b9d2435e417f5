//! Measures whole functions side by side: their cold starts, and then how fast they answer.
//!
//! One event at a time, as in an execution environment of Lambda. The functions take turns in
//! short slices, so that what disturbs the machine disturbs all of them alike; who has no turn
//! waits for an event and takes no time.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::{
    function::{Function, Launch},
    runtime_api::Outcome,
    statistics::{median, percentile, rounded},
    steps::Step,
};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How many fresh processes of each function are started.
    pub cold_starts: u32,
    /// How long each answers before anything counts.
    pub warm_up: Duration,
    /// How long a turn is.
    pub slice: Duration,
    /// How many turns each has.
    pub rounds: u32,
    /// Whether the driver has a CPU to itself, and so may look for requests all the time instead of
    /// sleeping until one comes: waking up would take as long as answering.
    pub sleepless: bool,
}

impl Plan {
    /// What a benchmark measures: about half a minute, of which cold starts take the most.
    /// `sleepless`: see there.
    pub fn full(sleepless: bool) -> Self {
        Self {
            cold_starts: 9,
            warm_up: Duration::from_secs(2),
            slice: Duration::from_millis(100),
            rounds: 50,
            sleepless,
        }
    }
}

/// The events that are sent, one after the other.
pub trait Events {
    /// The event of this number.
    fn event(&self, number: u64) -> Bytes;

    /// The HTTP status that every one of them is answered with.
    fn status(&self) -> u16 {
        200
    }
}

/// The figures of one function.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Which.
    pub name: String,
    /// From the start of the process to its first poll: the median.
    pub cold_start_ms: f64,
    /// From the answer to a poll until the response was in: the median.
    pub warm_p50_ms: f64,
    /// The same, which 99 of 100 do not exceed.
    pub warm_p99_ms: f64,
    /// Invocations per second and core, in the time that it had a core: the mean.
    pub per_second: f64,
    /// The time that it had a core for one invocation: the mean.
    #[serde(skip)]
    pub cpu_ms: f64,
    /// Invocations per second one after the other, with what it waits for the driver and for what
    /// plays AWS: the median over the turns.
    #[serde(skip)]
    pub one_by_one: f64,
    /// The most memory that was resident, in MB of 1,048,576 bytes.
    pub memory_mb: f64,
}

/// A function while it is measured.
struct Contender {
    function: Function,
    cold_start_ms: f64,
    sent: u64,
    took_ms: Vec<f64>,
    rates: Vec<f64>,
    /// What it had had of a CPU before anything counted.
    cpu_before: Duration,
}

/// Keeps this thread's runtime looking for what has come, until it is dropped.
struct Awake(JoinHandle<()>);

impl Awake {
    fn keep() -> Self {
        Self(tokio::spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        }))
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Measures the functions, which all have to answer every event with the same status.
///
/// # Errors
/// When one cannot be started, ends, or answers with anything else.
pub async fn measure(
    launches: &[Launch],
    events: &dyn Events,
    plan: Plan,
) -> anyhow::Result<Vec<Figures>> {
    let mut contenders = cold_starts(launches, plan.cold_starts).await?;
    let step = Step::start("Send them events");
    let _awake = plan.sleepless.then(Awake::keep);
    for contender in &mut contenders {
        contender.turn(events, plan.warm_up).await?;
        contender.took_ms.clear();
        contender.rates.clear();
        contender.cpu_before = contender.cpu_time()?;
    }
    for _ in 0..plan.rounds {
        for contender in &mut contenders {
            contender.turn(events, plan.slice).await?;
        }
    }
    let sent: u64 = contenders.iter().map(|contender| contender.sent).sum();
    let mut figures = Vec::new();
    for contender in contenders {
        figures.push(contender.figures()?);
    }
    step.done(&format!("{sent} events"));
    Ok(figures)
}

/// Starts every function so many times, in turns; the last process of each goes on.
async fn cold_starts(launches: &[Launch], times: u32) -> anyhow::Result<Vec<Contender>> {
    let step = Step::start("Start the functions");
    let mut took_ms = vec![Vec::new(); launches.len()];
    let mut running = Vec::new();
    for round in 1..=times {
        for (launch, took_ms) in launches.iter().zip(&mut took_ms) {
            let function = Function::start(launch).await?;
            took_ms.push(milliseconds(function.cold_start()));
            match round == times {
                true => running.push(function),
                false => function.kill().await?,
            }
        }
    }
    step.done(&format!("{times} times each"));
    Ok(running
        .into_iter()
        .zip(&took_ms)
        .map(|(function, took_ms)| Contender {
            function,
            cold_start_ms: median(took_ms),
            sent: 0,
            took_ms: Vec::new(),
            rates: Vec::new(),
            cpu_before: Duration::ZERO,
        })
        .collect())
}

impl Contender {
    /// Sends events, one after the other, for so long. What the driver takes to make an event and
    /// to look at the response is not the function's: the clock stands meanwhile.
    async fn turn(&mut self, events: &dyn Events, slice: Duration) -> anyhow::Result<()> {
        let before = self.sent;
        let mut elapsed = Duration::ZERO;
        while elapsed < slice {
            let event = events.event(self.sent);
            let request_id = request_id(self.sent);
            self.sent += 1;
            let started = Instant::now();
            let invocation = self.function.invoke(&request_id, event).await?;
            elapsed += started.elapsed();
            expect_status(events.status(), &invocation.outcome)?;
            self.took_ms.push(milliseconds(invocation.took));
        }
        let rate = (self.sent - before) as f64 / elapsed.as_secs_f64();
        self.rates.push(rate);
        Ok(())
    }

    fn cpu_time(&self) -> anyhow::Result<Duration> {
        let time = self.function.cpu_time();
        time.context("cannot read a function's CPU time from /proc")
    }

    fn figures(self) -> anyhow::Result<Figures> {
        let memory = self.function.memory();
        let memory = memory.context("cannot read a function's memory from /proc")?;
        let cpu_time = self.cpu_time()? - self.cpu_before;
        let cpu_ms = milliseconds(cpu_time) / self.took_ms.len().max(1) as f64;
        ensure!(cpu_ms > 0.0, "a function took no time of its core");
        Ok(Figures {
            name: self.function.name().to_owned(),
            cold_start_ms: rounded(self.cold_start_ms, 2),
            warm_p50_ms: rounded(median(&self.took_ms), 3),
            warm_p99_ms: rounded(percentile(&self.took_ms, 0.99), 3),
            per_second: rounded(1e3 / cpu_ms, 1),
            cpu_ms: rounded(cpu_ms, 3),
            one_by_one: rounded(median(&self.rates), 1),
            memory_mb: rounded(memory.peak_mb, 1),
        })
    }
}

/// The id of an invocation, in the form that Lambda gives it.
pub fn request_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// Fails unless the function answered with this HTTP status.
fn expect_status(expected: u16, outcome: &Outcome) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        status_code: u16,
    }
    let status = match outcome {
        Outcome::Response(body) => serde_json::from_slice(body)
            .ok()
            .map(|answer: Answer| answer.status_code),
        Outcome::Error(_) => None,
    };
    let (Outcome::Response(said) | Outcome::Error(said)) = outcome;
    ensure!(
        status == Some(expected),
        "a function answered with something else than status {expected}: {}",
        String::from_utf8_lossy(said)
    );
    Ok(())
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}
