//! Settled answers, published as `answers-recorded`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU32, Ordering},
};

use answer_collector::{
    answer_recorder::AnswerRecorderHandler, keys::QuestionKey, packing::MAX_EVENT_BYTES,
    recording::RecordingOrder,
};
use aws_lambda_events::sqs::SqsBatchResponse;
use aws_sdk_eventbridge::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextMut,
    },
    error::BoxError,
};
use aws_sdk_sqs::types::Message;
use cuepoint_shared::{
    dead_letters::{FUNCTION, REASON},
    event_bus::EventBus,
};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use stage::probe::attribute;

use crate::cloud::Cloud;

/// Lets so many calls through and then none.
#[derive(Debug)]
struct CutOff(AtomicU32);

impl Intercept for CutOff {
    fn name(&self) -> &'static str {
        "CutOff"
    }

    fn modify_before_transmit(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let left = |left: u32| left.checked_sub(1);
        let call = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, left);
        call.map(|_| ())
            .map_err(|_| "the function is no more".into())
    }
}

/// A bus that is gone after so many calls.
async fn cut_off_after(cloud: &Cloud, calls: u32) -> EventBus {
    let config = aws_sdk_eventbridge::config::Builder::from(&cloud.stack.sdk_config().await)
        .retry_config(aws_sdk_eventbridge::config::retry::RetryConfig::disabled())
        .interceptor(CutOff(AtomicU32::new(calls)));
    let client = aws_sdk_eventbridge::Client::from_conf(config.build());
    EventBus::new(client, cloud.stack.outputs.event_bus_name.clone())
}

fn order(question: &QuestionKey) -> String {
    serde_json::to_string(&RecordingOrder::from(question.clone())).unwrap()
}

async fn deliver(recorder: &AnswerRecorderHandler, body: &str, received: u32) -> SqsBatchResponse {
    let message = json!({
        "messageId": "m1", "body": body,
        "attributes": {"ApproximateReceiveCount": received.to_string()}
    });
    let batch = serde_json::from_value(json!({"Records": [message]})).unwrap();
    let event = LambdaEvent::new(batch, Context::default());
    recorder.handle(event).await.unwrap()
}

/// Whether the order is done; it comes again otherwise.
async fn record(recorder: &AnswerRecorderHandler, question: &QuestionKey) -> bool {
    let response = deliver(recorder, &order(question), 1).await;
    response.batch_item_failures.is_empty()
}

/// Events by id. The same id says the same each time.
fn events(messages: &[Message]) -> BTreeMap<String, Value> {
    let mut events = BTreeMap::new();
    for message in messages {
        let delivery: Value = serde_json::from_str(message.body().unwrap()).unwrap();
        let detail = delivery["detail"].clone();
        assert!(detail.to_string().len() <= MAX_EVENT_BYTES);
        let id = detail["metadata"]["eventId"].as_str().unwrap().to_owned();
        let before = events.insert(id, detail.clone());
        assert!(
            before.is_none_or(|before| before == detail),
            "one id, two events"
        );
    }
    events
}

/// Question, viewer and choice of all answers in events, each exactly once.
fn answers(messages: &[Message]) -> BTreeSet<(String, String, u64)> {
    let mut all = BTreeSet::new();
    for event in events(messages).values() {
        let question = event["data"]["questionId"].as_str().unwrap();
        for answer in event["data"]["answers"].as_array().unwrap() {
            let viewer = answer["viewerId"].as_str().unwrap().to_owned();
            let choice = answer["choice"].as_u64().unwrap();
            assert!(
                all.insert((question.to_owned(), viewer, choice)),
                "{answer}"
            );
        }
    }
    all
}

#[tokio::test]
async fn settled_answers_are_recorded_whatever_became_of_their_question_idempotent() {
    let cloud = Cloud::new().await;
    let heard = cloud.listen().await;
    let recorder = cloud.recorder(&cloud.queue().await);
    let mut expected = BTreeSet::new();
    let mut tally_at = Timestamp::MIN;
    for question in ["q1", "q2"] {
        let opened = cloud.open(question, 3).await;
        tally_at = opened["tallyAt"].as_str().unwrap().parse().unwrap();
        for n in 0..7 {
            let viewer = format!("viewer-{n}");
            // A viewer tries again what a busy table has not taken.
            let mut status = 503;
            for _ in 0..10 {
                status = cloud.answer(&viewer, question, n % 4).await.0;
                if status != 503 {
                    break;
                }
            }
            assert!(
                matches!(status, 201 | 200),
                "{status}; 200 if its write was repeated"
            );
            expected.insert((question.to_owned(), viewer, u64::from(n % 4)));
        }
        // Neither does a repeat make a second answer, nor a refused one any.
        assert_eq!(cloud.answer("viewer-1", question, 1).await.0, 200);
        assert_eq!(cloud.answer("viewer-1", question, 2).await.0, 409);
        assert_eq!(cloud.answer("viewer-9", question, 4).await.0, 422);
    }
    cloud.task("void-run", json!({})).await.unwrap();
    cloud.stop_the_clock_at(tally_at - SignedDuration::from_millis(1));
    assert!(
        !record(&recorder, &cloud.question("q2")).await,
        "it may still be written: comes again"
    );
    cloud.stop_the_clock_at(tally_at);
    for _ in 0..2 {
        for question in ["q1", "q2"] {
            assert!(record(&recorder, &cloud.question(question)).await);
        }
    }
    // All four are seen, so that the repeats are known to be repeats.
    let messages = cloud.receive(&heard, |found| found.len() >= 4).await;
    assert_eq!(answers(&messages), expected);
    assert_eq!(events(&messages).len(), 2);
}

#[tokio::test]
async fn a_recording_that_is_cut_off_is_completed_by_the_next_under_the_same_ids() {
    let cloud = Cloud::new().await;
    let heard = cloud.listen().await;
    let question = cloud.question("q1");
    cloud.open("q1", 3).await;
    // They fill five events and a bit: two calls, since one takes four full events. And a shard of
    // them is more than a page.
    let expected = cloud.fill(&question, 3, 4_000).await;
    cloud.wait(23);
    let mut cut_off = cloud.recorder(&cloud.queue().await);
    cut_off.bus = cut_off_after(&cloud, 1).await;
    assert!(!record(&cut_off, &question).await);
    let before = cloud.receive(&heard, |found| !found.is_empty()).await;
    assert!(answers(&before).len() < expected.len());

    assert!(record(&cloud.recorder(&cloud.queue().await), &question).await);
    let all = |found: &[Message]| [found, &before].concat();
    let messages = cloud
        .receive(&heard, |found| answers(&all(found)).len() >= expected.len())
        .await;
    let messages = all(&messages);
    let recorded: BTreeSet<_> = answers(&messages)
        .into_iter()
        .map(|(_, viewer, choice)| (viewer, choice))
        .collect();
    assert_eq!(recorded, expected);
    assert!(messages.len() > events(&messages).len(), "some came twice");
}

#[tokio::test]
async fn an_order_without_a_window_is_done_and_one_that_is_none_is_parked() {
    let cloud = Cloud::new().await;
    let parked = cloud.queue().await;
    let recorder = cloud.recorder(&parked);
    assert!(record(&recorder, &cloud.question("q1")).await);
    let response = deliver(&recorder, r#"{"quizId":"Ada's"}"#, 1).await;
    assert!(response.batch_item_failures.is_empty());
    let letters = cloud.receive(&parked, |found| !found.is_empty()).await;
    assert_eq!(letters.len(), 1, "only what is no order");
    assert_eq!(letters[0].body(), Some(r#"{"quizId":"Ada's"}"#));
    assert_eq!(attribute(&letters[0], FUNCTION), Some("answer-recorder"));
    let reason = attribute(&letters[0], REASON).unwrap();
    assert!(reason.starts_with("not an order: Data error"), "{reason}");
}

#[tokio::test]
async fn an_order_that_fails_comes_again_and_is_given_up_with_its_reason_in_the_end() {
    let cloud = Cloud::new().await;
    let parked = cloud.queue().await;
    cloud.open("q1", 1).await;
    assert_eq!(cloud.answer("ada", "q1", 1).await.0, 201);
    let mut broken = cloud.recorder(&parked);
    broken.bus = cut_off_after(&cloud, 0).await;
    let order = order(&cloud.question("q1"));
    let early = deliver(&broken, &order, 1_000).await;
    assert_eq!(early.batch_item_failures.len(), 1, "early is not failed");
    cloud.wait(23);
    let again = deliver(&broken, &order, 94).await;
    assert_eq!(again.batch_item_failures[0].item_identifier, "m1");
    let given_up = deliver(&broken, &order, 95).await;
    assert!(given_up.batch_item_failures.is_empty());
    let letters = cloud.receive(&parked, |found| !found.is_empty()).await;
    assert_eq!(
        (letters.len(), letters[0].body()),
        (1, Some(order.as_str()))
    );
    let reason = attribute(&letters[0], REASON).unwrap();
    let expected = "gave up after 95 deliveries: PutEvents";
    assert!(reason.starts_with(expected), "{reason}");
}

#[tokio::test]
async fn an_order_that_ends_the_function_each_time_is_given_up_before_it_is_begun_again() {
    let cloud = Cloud::new().await;
    let parked = cloud.queue().await;
    cloud.open("q1", 1).await;
    assert_eq!(cloud.answer("ada", "q1", 1).await.0, 201);
    let mut recorder = cloud.recorder(&parked);
    // Whatever is published fails, and would be the reason.
    recorder.bus = cut_off_after(&cloud, 0).await;
    let order = order(&cloud.question("q1"));
    cloud.wait(23);
    let given_up = deliver(&recorder, &order, 96).await;
    assert!(given_up.batch_item_failures.is_empty());
    let letters = cloud.receive(&parked, |found| !found.is_empty()).await;
    assert_eq!(letters[0].body(), Some(order.as_str()));
    let reason = attribute(&letters[0], REASON).unwrap();
    let expected = "gave up after 96 deliveries: the one before was ended before it was done";
    assert_eq!(reason, expected);
}

/// The order goes through the deployed queue to the deployed function.
#[tokio::test]
async fn the_deployed_function_records_what_it_is_ordered_to() {
    let cloud = Cloud::new().await;
    let heard = cloud.listen().await;
    // By the function's clock the question was tallied half a minute ago.
    cloud.wait(-60);
    cloud.open("q1", 2).await;
    assert_eq!(cloud.answer("ada", "q1", 1).await.0, 201);
    let queue = &cloud.stack.outputs.answer_recording_queue_url;
    let body = order(&cloud.question("q1"));
    let sent = cloud.sqs.send_message().queue_url(queue).message_body(body);
    sent.send().await.unwrap();
    let messages = cloud.receive(&heard, |found| !found.is_empty()).await;
    let ada = ("q1".to_owned(), "ada".to_owned(), 1);
    assert_eq!(answers(&messages), BTreeSet::from([ada]));
}
