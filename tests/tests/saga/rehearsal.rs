//! A channel of a test's own with all that is needed to run quizzes on it: a stream that the test
//! starts and stops, a producer, the machines, the events.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use cuepoint_e2e::{
    api::{Api, Reply, RunPath},
    audience,
    publisher::{self, Publisher},
    questions,
};
use serde_json::{Value, json};
use stage::Stack;

use crate::{
    channels::Lease,
    events::{self, Events, Told},
    machine::{self, Machine},
};

/// How long a run may take to become anything.
const PATIENCE: Duration = Duration::from_secs(180);

/// How long it is waited between two looks.
const POLL: Duration = Duration::from_millis(250);

/// How many attempts a question has at most.
const ATTEMPTS: usize = 9;

/// A channel with everything around it.
pub(crate) struct Rehearsal {
    pub(crate) stack: Stack,
    pub(crate) channel: Lease,
    pub(crate) producer: Api,
    pub(crate) show: Machine,
    pub(crate) compensation: Machine,
    pub(crate) events: Events,
    ivs: aws_sdk_ivs::Client,
    publisher: Option<Publisher>,
}

impl Rehearsal {
    /// On a channel without a stream.
    pub(crate) async fn off_air() -> Self {
        let stack = Stack::load().unwrap();
        machine::prepare_faults(&stack).await;
        let channel = Lease::take().await;
        let (_, producer) = someone(&stack, true).await;
        let mut rehearsal = Self {
            producer,
            show: Machine::show(&stack).await,
            compensation: Machine::compensation(&stack).await,
            events: Events::of(&stack, &channel.channel_id).await,
            ivs: stack.ivs_client().await,
            publisher: None,
            channel,
            stack,
        };
        // Whoever had it before may have had a stream to the last.
        rehearsal.go_off_air().await;
        rehearsal
    }

    /// On a channel with a stream.
    pub(crate) async fn on_air() -> Self {
        let mut rehearsal = Self::off_air().await;
        rehearsal.go_on_air().await;
        rehearsal
    }

    /// Starts the stream and waits until IVS has it.
    pub(crate) async fn go_on_air(&mut self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let running = match &mut self.publisher {
                Some(publisher) => publisher.is_running().unwrap(),
                None => false,
            };
            // It may have come before the end of an earlier one was noticed, and been refused.
            if !running {
                let publisher = Publisher::start(&publisher::ffmpeg(), &self.channel.rtmp_url);
                self.publisher = Some(publisher.unwrap());
            }
            if self.is_live().await {
                return;
            }
            assert!(Instant::now() < end, "the stream did not start");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Ends the stream and waits until IVS has noticed.
    pub(crate) async fn go_off_air(&mut self) {
        self.publisher = None;
        let end = Instant::now() + PATIENCE;
        while self.is_live().await {
            assert!(Instant::now() < end, "the stream did not end");
            tokio::time::sleep(POLL).await;
        }
    }

    /// The stream drops and comes back while an execution is in a state; `times` counts how often it was.
    pub(crate) async fn drops_in(&mut self, execution: &str, state: &str, times: usize) {
        self.show.reaches_again(execution, state, times).await;
        self.go_off_air().await;
        self.go_on_air().await;
        let entered = self.show.entered(execution).await;
        let last = entered.last().expect("it has entered one");
        assert_eq!(last, state, "the machine is too slow for this: {entered:?}");
    }

    async fn is_live(&self) -> bool {
        let get = self.ivs.get_stream().channel_arn(&self.channel.arn);
        get.send().await.is_ok()
    }

    /// Writes a quiz of so many questions of five seconds; returns its id.
    pub(crate) async fn quiz(&self, count: usize) -> String {
        self.quiz_of(&questions::quiz(count, 5)).await
    }

    /// Writes a quiz; returns its id.
    pub(crate) async fn quiz_of(&self, quiz: &Value) -> String {
        let create = async || self.producer.create_quiz(quiz).await.unwrap();
        let created = patiently(create).await;
        let created = created.expect(201).unwrap();
        created["quizId"].as_str().unwrap().to_owned()
    }

    /// What an operator starts the saga with: a quiz here and now, without pauses.
    pub(crate) fn order(&self, quiz_id: &str, settings: &Value) -> Value {
        let channel_id = &self.channel.channel_id;
        let order = json!({"quizId": quiz_id, "channelId": channel_id, "pauseSeconds": 0});
        merged(order, settings)
    }

    /// Asks for a run of a quiz, without pauses.
    pub(crate) async fn ask_for(&self, quiz_id: &str, settings: &Value) -> Reply {
        let run = json!({"channelId": self.channel.channel_id, "pauseSeconds": 0});
        let run = merged(run, settings);
        self.producer.schedule(quiz_id, &run).await.unwrap()
    }

    /// Schedules a new quiz of so many questions.
    pub(crate) async fn schedule(&self, questions: usize, settings: &Value) -> RunPath {
        self.schedule_quiz(&questions::quiz(questions, 5), settings)
            .await
    }

    /// Schedules a quiz that is written for it.
    pub(crate) async fn schedule_quiz(&self, quiz: &Value, settings: &Value) -> RunPath {
        let quiz_id = self.quiz_of(quiz).await;
        let asked = self.ask_for(&quiz_id, settings).await;
        run_in(&asked.expect(201).unwrap())
    }

    /// The execution that has a run, as soon as there is one.
    pub(crate) async fn execution_of(&self, run: &RunPath) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            for execution in self.show.executions_about(&run.run_id).await {
                let entered = self.show.entered(&execution).await;
                let has_it = entered.iter().any(|state| state == "WaitForStart");
                if has_it && !entered.iter().any(|state| state == "NotOurs") {
                    return execution;
                }
            }
            assert!(Instant::now() < end, "no execution has {run}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// The run that an execution has made, as soon as it has.
    pub(crate) async fn run_of(&self, execution: &str, quiz_id: &str) -> RunPath {
        self.show.reaches(execution, "WaitForStart").await;
        let run_id = self.show.claimed(execution).await.expect("it has a run");
        let quiz_id = quiz_id.to_owned();
        RunPath { quiz_id, run_id }
    }

    /// Off air: schedules a run that waits for its stream, longer than it was planned to take, and one
    /// right after it.
    pub(crate) async fn one_that_overruns(&self) -> (RunPath, RunPath) {
        let first = self.schedule(1, &json!({ "streamLossSeconds": 300 })).await;
        let planned = self.producer.run(&first).await.unwrap().body;
        let after = json!({ "startsAt": planned["endsAt"] });
        let second = self.schedule(1, &after).await;
        (first, second)
    }

    /// Cancels a run as its producer.
    pub(crate) async fn cancel(&self, run: &RunPath) {
        let cancel = async || self.producer.cancel(run).await.unwrap();
        patiently(cancel).await.expect(202).unwrap();
    }

    /// Waits until a run is as wanted.
    pub(crate) async fn run_until(&self, run: &RunPath, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let reply = patiently(async || self.producer.run(run).await.unwrap()).await;
            let body = reply.expect(200).unwrap();
            if wanted(&body) {
                return body;
            }
            assert!(Instant::now() < end, "{run} stays {body}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until a run has a status.
    pub(crate) async fn run_is(&self, run: &RunPath, status: &str) -> Value {
        let ended = ["completed", "aborted", "cancelled"];
        let body = self.run_until(run, |body| {
            body["status"] == status || ended.iter().any(|ended| body["status"] == *ended)
        });
        let body = body.await;
        assert_eq!(body["status"], status, "{body}");
        body
    }

    /// Waits until a run has ended, however.
    pub(crate) async fn run_ends(&self, run: &RunPath) -> Value {
        let ended = ["completed", "aborted", "cancelled"];
        self.run_until(run, |body| ended.iter().any(|one| body["status"] == *one))
            .await
    }

    /// Waits until a question's window has a status.
    pub(crate) async fn question_is(&self, run: &RunPath, question: &str, status: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let reply = self.producer.results(run, question).await.unwrap();
            if reply.status == 200 && reply.body["status"] == status {
                return reply.body;
            }
            let body = reply.body;
            assert!(Instant::now() < end, "{question} of {run} stays {body}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Every window of a run, by its question, with its status.
    pub(crate) async fn windows(
        &self,
        run: &RunPath,
        questions: usize,
    ) -> BTreeMap<String, String> {
        let mut windows = BTreeMap::new();
        for question in 1..=questions {
            for attempt in 1..=ATTEMPTS {
                let id = match attempt {
                    1 => format!("q{question}"),
                    attempt => format!("q{question}-{attempt}"),
                };
                let results = async || self.producer.results(run, &id).await.unwrap();
                let reply = patiently(results).await;
                // The next attempt is made only after this one.
                if reply.status == 404 {
                    break;
                }
                let body = reply.expect(200).unwrap();
                windows.insert(id, body["status"].as_str().unwrap().to_owned());
            }
        }
        windows
    }

    /// A run that has ended left nothing open: its windows are voided or tallied, and the bus was
    /// told of each, once, and of its end. Returns the run and its windows.
    pub(crate) async fn nothing_is_open(
        &self,
        run: &RunPath,
        questions: usize,
    ) -> (Value, BTreeMap<String, String>) {
        let body = self.run_ends(run).await;
        let status = body["status"].as_str().unwrap();
        let windows = self.windows(run, questions).await;
        let settled = |status: &String| ["voided", "tallied"].contains(&status.as_str());
        assert!(windows.values().all(settled), "{windows:?} of {body}");

        let end = format!("quiz-{status}");
        let of_status = |wanted: &str| {
            let of_status = windows.iter().filter(move |(_, status)| *status == wanted);
            of_status.map(|(id, _)| id.clone()).collect()
        };
        let enough = |told: &[Told]| {
            events::count(told, &end) > 0
                && events::questions(told, "question-voided") == of_status("voided")
                && events::questions(told, "question-tallied") == of_status("tallied")
        };
        let told = self.events.until(&run.run_id, enough).await;
        let ends = ["quiz-completed", "quiz-aborted", "quiz-cancelled"];
        let ended: usize = ends.iter().map(|name| events::count(&told, name)).sum();
        assert_eq!(ended, 1, "one end is told: {told:#?}");
        for name in ["question-opened", "question-voided", "question-tallied"] {
            let different = events::questions(&told, name).len();
            assert_eq!(events::count(&told, name), different, "{name} once each");
        }
        if status == "aborted" {
            let event = told.iter().find(|told| told.name == end).unwrap();
            assert_eq!(event.data["reason"], body["reason"]);
            assert_eq!(event.data["failedStep"], body["failedStep"]);
        }
        (body, windows)
    }

    /// The channel is free: another quiz can be scheduled on it at once, and goes on air.
    pub(crate) async fn another_quiz_runs(&self) {
        let next = self.schedule(1, &json!({})).await;
        self.question_is(&next, "q1", "open").await;
        self.cancel(&next).await;
        self.run_is(&next, "cancelled").await;
    }
}

/// Someone who is signed in.
pub(crate) async fn someone(stack: &Stack, producer: bool) -> (stage::Person, Api) {
    audience::someone(stack, producer).await.unwrap()
}

/// The run that an answer of the API is about.
pub(crate) fn run_in(body: &Value) -> RunPath {
    let id = |name: &str| body[name].as_str().expect("a run has its ids").to_owned();
    RunPath {
        quiz_id: id("quizId"),
        run_id: id("runId"),
    }
}

/// Does again what the API asks to try again in a moment, which may be done twice: a call to the
/// cloud takes too long when this machine has much to do.
async fn patiently(call: impl AsyncFn() -> Reply) -> Reply {
    let end = Instant::now() + PATIENCE;
    loop {
        let reply = call().await;
        if reply.status != 503 || Instant::now() > end {
            return reply;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn merged(mut value: Value, settings: &Value) -> Value {
    let fields = value.as_object_mut().expect("an object");
    fields.extend(settings.as_object().expect("an object").clone());
    value
}
