//! What the tests need of the local cloud.

use aws_lambda_events::{apigw::ApiGatewayV2httpResponse, encodings::Body};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_sqs::types::Message;
use cuepoint_shared::{
    channels::Channels,
    ids::{ChannelId, QuizId, RunId},
};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use quiz_orchestrator::{
    quiz_api::QuizApiHandler, quiz_saga::QuizSagaHandler, run::Run, store::QuizStore,
    timing::AnswerTiming, video::Video,
};
use serde_json::{Value, json};
pub(crate) use stage::probe::delivered;
use stage::{Probe, Stack, http_event, probe};
use uuid::Uuid;

use crate::ivs::Ivs;

/// How the answers' service would be deployed.
pub(crate) const TIMING: AnswerTiming = AnswerTiming {
    latency_allowance: SignedDuration::from_secs(5),
    drain: SignedDuration::from_secs(3),
};

/// The local cloud, a table of the test's own, a channel that is in no other test, and an IVS that
/// answers as it is told.
pub(crate) struct Cloud {
    pub(crate) stack: Stack,
    pub(crate) sqs: aws_sdk_sqs::Client,
    pub(crate) eventbridge: aws_sdk_eventbridge::Client,
    pub(crate) store: QuizStore,
    pub(crate) channel: String,
    pub(crate) ivs: Ivs,
    ivs_client: aws_sdk_ivs::Client,
    probe: Probe,
}

impl Cloud {
    /// With a table that no deployed function listens to.
    pub(crate) async fn new() -> Self {
        let stack = Stack::load().unwrap();
        let dynamodb = aws_sdk_dynamodb::Client::new(&stack.sdk_config().await);
        let table = format!("test-quizzes-{}", Uuid::new_v4());
        let key = |name: &str, kind| {
            KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(kind)
                .build()
                .unwrap()
        };
        let text = |name: &str| {
            let kind = ScalarAttributeType::S;
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(kind)
                .build()
                .unwrap()
        };
        dynamodb
            .create_table()
            .table_name(&table)
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .attribute_definitions(text("pk"))
            .attribute_definitions(text("sk"))
            .send()
            .await
            .unwrap();
        Self::with(stack, table).await
    }

    /// With the deployed table.
    pub(crate) async fn deployed() -> Self {
        let stack = Stack::load().unwrap();
        let table = stack.outputs.quizzes_table.clone();
        Self::with(stack, table).await
    }

    async fn with(stack: Stack, table: String) -> Self {
        let config = stack.sdk_config().await;
        let ivs = Ivs::start().await;
        Self {
            sqs: aws_sdk_sqs::Client::new(&config),
            eventbridge: aws_sdk_eventbridge::Client::new(&config),
            store: QuizStore::new(aws_sdk_dynamodb::Client::new(&config), table),
            channel: format!("test-{}", Uuid::new_v4().simple()),
            ivs_client: ivs.stub.client(&config),
            ivs,
            probe: Probe::new(&stack, &config),
            stack,
        }
    }

    /// The test's channel.
    pub(crate) fn channels(&self) -> Channels {
        let arn = format!(
            "arn:aws:ivs:eu-west-1:000000000000:channel/{}",
            self.channel
        );
        let channel = json!({"arn": arn, "playbackUrl": "http://x", "origins": ["http://x"]});
        let mut channels = serde_json::Map::new();
        channels.insert(self.channel.clone(), channel);
        Channels::parse(&Value::Object(channels).to_string()).unwrap()
    }

    pub(crate) fn channel_id(&self) -> ChannelId {
        self.channel.parse().unwrap()
    }

    pub(crate) fn api(&self) -> QuizApiHandler {
        QuizApiHandler {
            store: self.store.clone(),
            channels: self.channels(),
            timing: TIMING,
            clock: Timestamp::now,
            new_id: Uuid::new_v4,
        }
    }

    pub(crate) fn saga(&self) -> QuizSagaHandler {
        QuizSagaHandler {
            store: self.store.clone(),
            video: Video::new(self.ivs_client.clone()),
            channels: self.channels(),
            timing: TIMING,
            clock: Timestamp::now,
        }
    }

    /// Does a task of the saga about a run, as the state machine would see it.
    pub(crate) async fn task(&self, op: &str, run: &Run, more: Value) -> Result<Value, Diagnostic> {
        let mut task = json!({"quizId": run.quiz_id, "runId": run.run_id});
        task.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        self.perform(op, task).await
    }

    /// Does any task of the saga.
    pub(crate) async fn perform(&self, op: &str, mut task: Value) -> Result<Value, Diagnostic> {
        task["op"] = json!(op);
        let answer = self
            .saga()
            .handle(LambdaEvent::new(task, Context::default()))
            .await?;
        Ok(serde_json::to_value(answer).unwrap())
    }

    /// What an execution of the saga gets that is started with the event about a run.
    pub(crate) async fn claim(&self, execution: &str, run: &Run) -> Value {
        let task = json!({"executionId": execution, "order": scheduled(run)});
        self.perform("claim-run", task).await.unwrap()
    }

    /// Sends a producer's request; returns status and body.
    pub(crate) async fn call(&self, route: &str, ids: Value, body: Value) -> (i64, Value) {
        self.call_as("[producers]", route, ids, body).await
    }

    pub(crate) async fn call_as(
        &self,
        groups: &str,
        route: &str,
        ids: Value,
        body: Value,
    ) -> (i64, Value) {
        let claims = json!({"sub": "producer-1", "token_use": "id", "cognito:groups": groups});
        let request = http_event(route, ids, claims, &body);
        let request = serde_json::from_value(request).unwrap();
        let event = LambdaEvent::new(request, Context::default());
        read(self.api().handle(event).await.unwrap())
    }

    /// A saved quiz of two questions.
    pub(crate) async fn quiz(&self) -> QuizId {
        let body = json!({"title": "Birds", "questions": [
            {"question": "Which is a bird?", "answers": ["Bat", "Emu", "Bee"], "correct": 1, "seconds": 15},
            {"question": "Which do you like?", "answers": ["Emu", "Owl"], "seconds": 10},
        ]});
        let (status, quiz) = self.call("POST /quizzes", json!({}), body).await;
        assert_eq!(status, 201, "{quiz}");
        quiz["quizId"].as_str().unwrap().parse().unwrap()
    }

    /// A run of a quiz on the test's channel, scheduled an hour ahead.
    pub(crate) async fn schedule(&self, quiz_id: &QuizId) -> Run {
        self.schedule_in(quiz_id, 60).await
    }

    /// A run of a quiz on the test's channel, scheduled so many minutes ahead.
    pub(crate) async fn schedule_in(&self, quiz_id: &QuizId, minutes: i64) -> Run {
        let starts_at = Timestamp::now() + SignedDuration::from_mins(minutes);
        let body = json!({"channelId": self.channel, "startsAt": starts_at});
        let ids = json!({"quizId": quiz_id});
        let (status, run) = self.call("POST /quizzes/{quizId}/runs", ids, body).await;
        assert_eq!(status, 201, "{run}");
        let run_id = run["runId"].as_str().unwrap().parse().unwrap();
        self.run(quiz_id, &run_id).await
    }

    /// A run that is on air, of the execution `e1`.
    pub(crate) async fn running(&self) -> Run {
        let run = self.schedule(&self.quiz().await).await;
        assert_eq!(self.claim("e1", &run).await["claimed"], true);
        self.task("start-run", &run, json!({"executionId": "e1"}))
            .await
            .unwrap();
        self.run(&run.quiz_id, &run.run_id).await
    }

    /// Cancels a run as a producer.
    pub(crate) async fn cancel(&self, run: &Run) -> (i64, Value) {
        let ids = json!({"quizId": run.quiz_id, "runId": run.run_id});
        let route = "POST /quizzes/{quizId}/runs/{runId}/cancel";
        self.call(route, ids, json!(null)).await
    }

    /// A run as it is now.
    pub(crate) async fn run(&self, quiz_id: &QuizId, run_id: &RunId) -> Run {
        self.store.run(quiz_id, run_id).await.unwrap().unwrap()
    }

    /// The status of a run as it is now.
    pub(crate) async fn status(&self, run: &Run) -> &'static str {
        self.run(&run.quiz_id, &run.run_id).await.status.name()
    }

    /// A queue of the test's own.
    pub(crate) async fn queue(&self) -> String {
        self.probe.queue().await
    }

    /// A queue that gets what the service publishes about a quiz.
    pub(crate) async fn listen(&self, quiz_id: &QuizId) -> String {
        let data = json!({"quizId": [quiz_id]});
        self.probe.listen("cuepoint.quiz-orchestrator", data).await
    }

    /// Takes so many messages from a queue.
    pub(crate) async fn receive(&self, queue: &str, wanted: usize) -> Vec<Message> {
        self.probe.receive(queue, wanted, |_| true).await
    }

    /// Asks until it is so.
    pub(crate) async fn until(&self, ask: impl AsyncFn() -> bool) {
        probe::until(async || ask().await.then_some(())).await;
    }
}

/// What the event about a scheduled run starts an execution with.
pub(crate) fn scheduled(run: &Run) -> Value {
    json!({"metadata": {}, "data": {"quizId": run.quiz_id, "runId": run.run_id,
           "channelId": run.channel_id, "startsAt": run.starts_at}})
}

/// Status and body of an answer.
fn read(response: ApiGatewayV2httpResponse) -> (i64, Value) {
    let Some(Body::Text(body)) = response.body else {
        panic!("no body")
    };
    (response.status_code, serde_json::from_str(&body).unwrap())
}
