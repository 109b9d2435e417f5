//! What the tests need of the local cloud.

use std::{cell::Cell, collections::BTreeSet};

use answer_collector::{
    answer_api::AnswerApiHandler,
    answer_recorder::AnswerRecorderHandler,
    answer_saga::AnswerSagaHandler,
    keys::QuestionKey,
    leaderboard_cache::LeaderboardCache,
    live_tally::LiveTallyHandler,
    recording::RecordingQueue,
    results_cache::ResultsCache,
    sharding::shard_of,
    store::{answers::AnswerStore, tallies::TallyStore, windows::WindowStore},
    window_cache::WindowCache,
};
use aws_lambda_events::encodings::Body;
use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use aws_sdk_sqs::types::Message;
use cuepoint_shared::{
    dead_letters::DeadLetters,
    event_bus::EventBus,
    ids::{QuizId, RunId},
};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde_json::{Value, json};
use stage::{Probe, Stack, http_event, probe};
use uuid::Uuid;

thread_local! {
    /// How far this test's clock is ahead. A test runs on one thread, which runs no other.
    static AHEAD: Cell<SignedDuration> = const { Cell::new(SignedDuration::ZERO) };
    /// What it says while it is stopped.
    static STOPPED: Cell<Option<Timestamp>> = const { Cell::new(None) };
}

fn clock() -> Timestamp {
    STOPPED
        .get()
        .unwrap_or_else(|| Timestamp::now() + AHEAD.get())
}

/// The local cloud, and a quiz that is in no other test.
pub(crate) struct Cloud {
    pub(crate) stack: Stack,
    pub(crate) dynamodb: aws_sdk_dynamodb::Client,
    pub(crate) eventbridge: aws_sdk_eventbridge::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) quiz_id: QuizId,
    pub(crate) run_id: RunId,
    probe: Probe,
}

impl Cloud {
    pub(crate) async fn new() -> Self {
        let stack = Stack::load().unwrap();
        let config = stack.sdk_config().await;
        Self {
            probe: Probe::new(&stack, &config),
            stack,
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            eventbridge: aws_sdk_eventbridge::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            quiz_id: Uuid::new_v4().simple().to_string().parse().unwrap(),
            run_id: Uuid::new_v4().simple().to_string().parse().unwrap(),
        }
    }

    /// Lets time pass for this test's handlers.
    pub(crate) fn wait(&self, seconds: i64) {
        AHEAD.set(AHEAD.get() + SignedDuration::from_secs(seconds));
    }

    /// Lets it be this moment for this test's handlers.
    pub(crate) fn stop_the_clock_at(&self, time: Timestamp) {
        STOPPED.set(Some(time));
    }

    pub(crate) fn question(&self, question_id: &str) -> QuestionKey {
        QuestionKey {
            quiz_id: self.quiz_id.clone(),
            run_id: self.run_id.clone(),
            question_id: question_id.parse().unwrap(),
        }
    }

    pub(crate) fn windows(&self) -> WindowStore {
        WindowStore::new(
            self.dynamodb.clone(),
            self.stack.outputs.windows_table.clone(),
        )
    }

    pub(crate) fn answers(&self) -> AnswerStore {
        AnswerStore::new(
            self.dynamodb.clone(),
            self.stack.outputs.answers_table.clone(),
        )
    }

    pub(crate) fn tallies(&self) -> TallyStore {
        TallyStore::new(
            self.dynamodb.clone(),
            self.stack.outputs.tallies_table.clone(),
        )
    }

    pub(crate) fn api(&self) -> AnswerApiHandler {
        AnswerApiHandler {
            windows: self.windows(),
            recent_windows: WindowCache::new(self.windows()),
            leaderboards: LeaderboardCache::new(self.windows()),
            answers: self.answers(),
            counted: ResultsCache::new(self.windows(), self.tallies()),
            clock,
        }
    }

    fn saga(&self) -> AnswerSagaHandler {
        AnswerSagaHandler {
            windows: self.windows(),
            answers: self.answers(),
            tallies: self.tallies(),
            recordings: RecordingQueue::new(
                self.sqs.clone(),
                self.stack.outputs.answer_recording_queue_url.clone(),
            ),
            latency_allowance: SignedDuration::from_secs(5),
            drain: SignedDuration::from_secs(3),
            clock,
        }
    }

    pub(crate) fn live_tally(&self, dead_letters: &str) -> LiveTallyHandler {
        LiveTallyHandler {
            tallies: self.tallies(),
            dead_letters: DeadLetters::new(
                self.sqs.clone(),
                dead_letters.to_owned(),
                LiveTallyHandler::FUNCTION,
            ),
        }
    }

    pub(crate) fn recorder(&self, dead_letters: &str) -> AnswerRecorderHandler {
        let bus = &self.stack.outputs.event_bus_name;
        AnswerRecorderHandler {
            windows: self.windows(),
            answers: self.answers(),
            bus: EventBus::new(self.eventbridge.clone(), bus.clone()),
            dead_letters: DeadLetters::new(
                self.sqs.clone(),
                dead_letters.to_owned(),
                AnswerRecorderHandler::FUNCTION,
            ),
            give_up_after_receives: 95,
            clock,
        }
    }

    /// Puts so many answers into the table, each of another viewer, and tells viewer and choice.
    pub(crate) async fn fill(
        &self,
        question: &QuestionKey,
        shards: u32,
        answers: u32,
    ) -> BTreeSet<(String, u64)> {
        let given = (0..answers).map(|n| (Uuid::new_v4().to_string(), n % 4, clock()));
        let given: Vec<_> = given.collect();
        self.give(question, shards, &given).await;
        let given = given.into_iter();
        given
            .map(|(viewer, choice, _)| (viewer, u64::from(choice)))
            .collect()
    }

    /// Puts answers into the table: viewer, choice and time. They are so large that a page of a
    /// query, of 1 MB at most, has about 1,100 of them.
    pub(crate) async fn give(
        &self,
        question: &QuestionKey,
        shards: u32,
        given: &[(String, u32, Timestamp)],
    ) {
        let requests = given.iter().map(|(viewer, choice, received_at)| {
            let shard = shard_of(&viewer.parse().unwrap(), shards);
            let item = json!({
                "partition": question.partition(shard).to_string(), "viewerId": viewer,
                "choice": choice, "name": "Someone".repeat(100), "receivedAt": received_at,
            });
            let put = PutRequest::builder()
                .set_item(Some(serde_dynamo::to_item(item).unwrap()))
                .build();
            WriteRequest::builder().put_request(put.unwrap()).build()
        });
        let requests: Vec<_> = requests.collect();
        let table = &self.stack.outputs.answers_table;
        let writes = requests.chunks(25).map(|some| {
            let write = self.dynamodb.batch_write_item();
            write.request_items(table, some.to_vec()).send()
        });
        let mut writes = stream::iter(writes).buffer_unordered(4);
        while let Some(written) = writes.next().await {
            let unprocessed = written.unwrap().unprocessed_items.unwrap_or_default();
            assert!(unprocessed.is_empty());
        }
    }

    /// Does a task of the saga, as the state machine would see it.
    pub(crate) async fn task(&self, op: &str, more: Value) -> Result<Value, Diagnostic> {
        let mut task = json!({"op": op, "quizId": self.quiz_id, "runId": self.run_id});
        task.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let answer = self
            .saga()
            .handle(LambdaEvent::new(task, Context::default()))
            .await?;
        Ok(serde_json::to_value(answer).unwrap())
    }

    /// Opens a question of 15 seconds and four options, the second of which is correct.
    pub(crate) async fn open(&self, question_id: &str, shards: u32) -> Value {
        let more = json!({"questionId": question_id, "options": 4, "correct": 1, "seconds": 15,
                          "shards": shards});
        self.task("open-window", more).await.unwrap()
    }

    /// Lets an open question's time pass, closes and tallies it.
    pub(crate) async fn tally(&self, question_id: &str) -> Value {
        self.wait(23);
        let question = json!({"questionId": question_id});
        self.task("close-window", question.clone()).await.unwrap();
        self.task("tally", question).await.unwrap()
    }

    /// Sends an answer; returns status and body.
    pub(crate) async fn answer(
        &self,
        viewer: &str,
        question_id: &str,
        choice: u32,
    ) -> (i64, Value) {
        self.answer_with(&self.api(), viewer, question_id, json!({"choice": choice}))
            .await
    }

    pub(crate) async fn answer_with(
        &self,
        api: &AnswerApiHandler,
        viewer: &str,
        question_id: &str,
        body: Value,
    ) -> (i64, Value) {
        let route = "POST /quizzes/{quizId}/runs/{runId}/questions/{questionId}/answers";
        self.call(api, viewer, route, question_id, body).await
    }

    /// Asks how a question stands.
    pub(crate) async fn results(&self, question_id: &str) -> (i64, Value) {
        let route = "GET /quizzes/{quizId}/runs/{runId}/questions/{questionId}/results";
        self.call(&self.api(), "viewer-0", route, question_id, json!(null))
            .await
    }

    /// Asks for the leaderboard, as this viewer.
    pub(crate) async fn leaderboard_of(&self, viewer: &str) -> (i64, Value) {
        let route = "GET /quizzes/{quizId}/runs/{runId}/leaderboard";
        self.call(&self.api(), viewer, route, "none", json!(null))
            .await
    }

    async fn call(
        &self,
        api: &AnswerApiHandler,
        viewer: &str,
        route: &str,
        question_id: &str,
        body: Value,
    ) -> (i64, Value) {
        let name = format!("Name of {viewer}");
        let path = json!({
            "quizId": self.quiz_id, "runId": self.run_id, "questionId": question_id
        });
        let claims = json!({"sub": viewer, "token_use": "id", "name": name});
        let request = http_event(route, path, claims, &body);
        let request = serde_json::from_value(request).unwrap();
        let response = api
            .handle(LambdaEvent::new(request, Context::default()))
            .await
            .unwrap();
        let Some(Body::Text(body)) = response.body else {
            panic!("no body")
        };
        (response.status_code, serde_json::from_str(&body).unwrap())
    }

    /// A queue of the test's own.
    pub(crate) async fn queue(&self) -> String {
        self.probe.queue().await
    }

    /// A queue that gets what the service publishes about the test's quiz.
    pub(crate) async fn listen(&self) -> String {
        let data = json!({"quizId": [self.quiz_id]});
        self.probe.listen("cuepoint.answer-collector", data).await
    }

    /// Takes messages from a queue until `enough` of them.
    pub(crate) async fn receive(
        &self,
        queue: &str,
        enough: impl Fn(&[Message]) -> bool,
    ) -> Vec<Message> {
        self.probe.receive_until(queue, enough).await
    }

    /// Asks until it is so.
    pub(crate) async fn until(&self, ask: impl AsyncFn() -> bool) {
        probe::until(async || ask().await.then_some(())).await;
    }
}
