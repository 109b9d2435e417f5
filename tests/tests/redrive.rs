//! Dead letters of every kind go back to where they came from, and what cannot be done says why.
//!
//! Other tests leave letters on purpose, so each test judges its own, by the event's id.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

#[path = "redrive/letters.rs"]
mod letters;
#[path = "redrive/saga.rs"]
mod saga;

use std::time::Duration;

use aws_sdk_sqs::types::Message;
use cuepoint_e2e::{api::Api, audience, operator::Operator};
use jiff::Timestamp;
use serde_json::{Value, json};
use stage::{
    Person, Probe, Stack,
    probe::{self, delivered},
    upstream,
};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use letters::Letters;

/// A redrive moves whatever is in a queue: these tests take turns.
static QUEUES: Mutex<()> = Mutex::const_new(());

/// The stack, and someone who is in no other test.
struct Scene {
    stack: Stack,
    letters: Letters,
    probe: Probe,
    person: Person,
    api: Api,
    _turn: MutexGuard<'static, ()>,
}

impl Scene {
    async fn set(producer: bool) -> Self {
        let turn = QUEUES.lock().await;
        let stack = Stack::load().unwrap();
        let config = stack.sdk_config().await;
        let api = Api::new(stack.http_client().unwrap(), &stack.outputs.api_url);
        let username = format!("{}@example.com", Uuid::new_v4().simple());
        let made = audience::person(&stack, &api, &username, "Someone", producer).await;
        let (person, api) = made.unwrap();
        Self {
            letters: Letters::new(&config),
            probe: Probe::new(&stack, &config),
            stack,
            person,
            api,
            _turn: turn,
        }
    }

    /// An upstream event as EventBridge delivers it.
    fn entitled(&self, event_id: &str) -> Value {
        let channel = &self.stack.channel.channel_id;
        let user_id = &self.person.user_id;
        let detail = upstream::user_entitled(event_id, Timestamp::now(), user_id, channel);
        json!({
            "version": "0", "id": Uuid::new_v4(), "detail-type": "user-entitled",
            "source": "shop.example", "account": "000000000000", "time": Timestamp::now(),
            "region": self.stack.region, "resources": [], "detail": detail,
        })
    }

    /// A record of the stream of the table `entitlements`.
    fn granted(&self, event_id: &str, sequence: &str) -> Value {
        let (user_id, channel) = (&self.person.user_id, &self.stack.channel.channel_id);
        json!({
            "eventID": event_id, "eventName": "INSERT", "eventSource": "aws:dynamodb",
            "dynamodb": {
                "Keys": {"userId": {"S": user_id}, "channelId": {"S": channel}},
                "NewImage": {
                    "userId": {"S": user_id}, "channelId": {"S": channel},
                    "status": {"S": "granted"}, "viewerSessionVersion": {"N": "1"},
                    "occurredAt": {"S": "2026-11-22T08:00:00Z"}, "eventId": {"S": "order-1"},
                    "correlationId": {"S": "order-1"},
                    "appliedAt": {"S": "2026-11-22T08:00:01Z"},
                },
                "SequenceNumber": sequence, "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        })
    }

    /// A queue that gets what the entitlement service publishes about the test's person.
    async fn listen(&self) -> String {
        let data = json!({ "userId": [self.person.user_id] });
        self.probe.listen("cuepoint.entitlement", data).await
    }

    /// Detail type and event id of so many published events.
    async fn published(&self, queue: &str, wanted: usize) -> Vec<(String, String)> {
        let messages: Vec<Message> = self.probe.receive(queue, wanted, |_| true).await;
        let mut published: Vec<_> = messages.iter().map(delivered).collect();
        published.sort_by_key(|(_, detail)| text(&detail["metadata"]["occurredAt"]).to_owned());
        let id = |detail: &Value| text(&detail["metadata"]["eventId"]).to_owned();
        published
            .iter()
            .map(|(kind, detail)| (kind.clone(), id(detail)))
            .collect()
    }
}

/// What `operator redrive` says of one letter, and whether it ended well.
async fn redrive(queue: &str, dry_run: bool) -> (bool, Vec<String>) {
    let mut arguments = vec!["redrive", "--queue", queue];
    arguments.extend(dry_run.then_some("--dry-run"));
    let (status, said) = Operator::start(&arguments).unwrap().end().await.unwrap();
    (status.success(), said)
}

/// The lines about a letter: its own and those that follow it.
fn about(said: &[String], what: &str) -> String {
    let own = |line: &&String| line.contains(what);
    let lines = said.iter().enumerate().filter(|(_, line)| own(line));
    let with_next = lines.flat_map(|(at, line)| {
        let next = said.get(at + 1).filter(|next| next.starts_with("    "));
        [Some(line), next].into_iter().flatten()
    });
    with_next.cloned().collect::<Vec<_>>().join("\n")
}

/// It is listed with what would be done, is not touched, and is gone after it was moved.
async fn moves(queue: &str, event_id: &str, intent: &str) {
    for _ in 0..2 {
        let (fine, said) = redrive(queue, true).await;
        assert!(fine && about(&said, event_id).contains(intent), "{said:#?}");
    }
    let (_, said) = redrive(queue, false).await;
    let about_it = about(&said, event_id);
    assert!(
        !about_it.is_empty() && !about_it.contains("left:"),
        "{said:#?}"
    );
    assert!(!about_it.contains("came back"), "{said:#?}");
    let (_, said) = redrive(queue, true).await;
    assert_eq!(about(&said, event_id), "", "it is gone");
}

#[tokio::test]
async fn an_event_that_could_not_be_applied_is_applied() {
    let scene = Scene::set(false).await;
    let event_id = format!("order-{}", Uuid::new_v4());
    let body = scene.entitled(&event_id).to_string();
    let attributes = [
        ("reason", "the table did not answer"),
        ("function", "entitlement-intake"),
        ("eventId", &event_id),
    ];
    let queue = &scene.stack.outputs.entitlement_intake_dlq_url;
    scene.letters.send(queue, &body, &attributes).await;
    moves(
        "entitlement-intake-dlq",
        &event_id,
        "would be sent to the queue",
    )
    .await;
    let channel = &scene.stack.channel.channel_id;
    probe::until(async || {
        let reply = scene.api.playback_token(channel).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        (reply.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_malformed_event_comes_back_with_its_reason() {
    let scene = Scene::set(false).await;
    let event_id = format!("order-{}", Uuid::new_v4());
    let mut event = scene.entitled(&event_id)["detail"].clone();
    event["data"].as_object_mut().unwrap().remove("userId");
    let bus = aws_sdk_eventbridge::Client::new(&scene.stack.sdk_config().await);
    let name = &scene.stack.outputs.event_bus_name;
    upstream::put(&bus, name, "user-entitled", &event)
        .await
        .unwrap();
    let queue = &scene.stack.outputs.entitlement_intake_dlq_url;
    scene.letters.await_letter(queue, &event_id).await;

    let (fine, said) = redrive("entitlement-intake-dlq", true).await;
    let before = about(&said, &event_id);
    assert!(fine, "nothing was tried: {said:#?}");
    assert!(
        before.contains("entitlement-intake  event order-"),
        "{before}"
    );
    assert!(before.contains("missing field `userId`"), "{before}");

    let (fine, said) = redrive("entitlement-intake-dlq", false).await;
    let after = about(&said, "came back: ");
    assert!(!fine, "it is still there");
    assert!(
        after.contains(&event_id) && after.contains("missing field `userId`"),
        "{said:#?}"
    );
    scene.letters.take_away(queue, &event_id).await;
}

#[tokio::test]
async fn a_parked_record_reaches_its_function() {
    let scene = Scene::set(false).await;
    let event_id = Uuid::new_v4().simple().to_string();
    let record = scene.granted(&event_id, "100000000000000000001");
    let heard = scene.listen().await;
    let attributes = [
        ("reason", "IVS did not answer"),
        ("function", "entitlement-outbox"),
        ("eventId", &event_id),
    ];
    let queue = &scene.stack.outputs.entitlement_outbox_dlq_url;
    scene
        .letters
        .send(queue, &record.to_string(), &attributes)
        .await;
    moves(
        "entitlement-outbox-dlq",
        &event_id,
        "called with the record",
    )
    .await;
    let expected = (
        "entitlement-granted".to_owned(),
        format!("entitlement/{event_id}"),
    );
    assert_eq!(scene.published(&heard, 1).await, [expected]);
}

#[tokio::test]
async fn changes_of_an_item_go_in_their_order_however_they_came_into_the_queue() {
    let scene = Scene::set(false).await;
    let id = || Uuid::new_v4().simple().to_string();
    let (first, second, third) = (id(), id(), id());
    let queue = &scene.stack.outputs.entitlement_outbox_dlq_url;
    let heard = scene.listen().await;
    for (event_id, sequence) in [(&third, "1000"), (&first, "98"), (&second, "99")] {
        let record = scene.granted(event_id, sequence).to_string();
        scene
            .letters
            .send(queue, &record, &[("eventId", event_id)])
            .await;
    }
    let (_, said) = redrive("entitlement-outbox-dlq", false).await;
    let at = |id: &String| said.iter().position(|line| line.contains(id));
    let places = [&first, &second, &third].map(at);
    assert!(places.is_sorted() && places[0].is_some(), "{said:#?}");
    scene.published(&heard, 3).await;
}

#[tokio::test]
async fn a_quiz_whose_time_has_passed_is_left_where_it_is() {
    let scene = Scene::set(false).await;
    let event_id = format!("run-{}", Uuid::new_v4());
    let event = json!({
        "detail": {
            "metadata": {"eventId": event_id},
            "data": {"startsAt": Timestamp::now() - Duration::from_secs(3_600)},
        },
    });
    let queue = &scene.stack.outputs.quiz_show_start_dlq_url;
    let attributes = [("eventId", event_id.as_str())];
    scene
        .letters
        .send(queue, &event.to_string(), &attributes)
        .await;
    let (fine, said) = redrive("quiz-show-start-dlq", false).await;
    let why = about(&said, &event_id);
    assert!(
        !fine && why.contains("left: its start has passed"),
        "{said:#?}"
    );
    assert_eq!(letters::executions(&scene.stack, &event_id).await, 0);
    // It was shown again, and is where it was.
    scene.letters.take_away(queue, &event_id).await;
}

#[tokio::test]
async fn a_batch_that_lambda_gave_up_is_read_from_the_stream_again() {
    let scene = Scene::set(false).await;
    let heard = scene.listen().await;
    let mut details = Vec::new();
    for kind in ["user-entitled", "user-entitlement-revoked"] {
        let event_id = format!("order-{}", Uuid::new_v4());
        let mut detail = scene.entitled(&event_id)["detail"].clone();
        if kind == "user-entitlement-revoked" {
            let data = detail["data"].as_object_mut().unwrap();
            data.retain(|name, _| name == "userId" || name == "channelId");
        }
        let bus = aws_sdk_eventbridge::Client::new(&scene.stack.sdk_config().await);
        let name = &scene.stack.outputs.event_bus_name;
        upstream::put(&bus, name, kind, &detail).await.unwrap();
        details.extend(scene.published(&heard, 1).await);
    }
    let stream = letters::stream(&scene.stack, &scene.person.user_id).await;
    let queue = &scene.stack.outputs.entitlement_outbox_dlq_url;
    let batch = stream.on_failure(&scene.stack.outputs.entitlement_outbox_function_name);
    scene.letters.send(queue, &batch.to_string(), &[]).await;

    let range = format!("records {} to {}", stream.first, stream.last);
    let (_, said) = redrive("entitlement-outbox-dlq", true).await;
    let listed = said.iter().position(|line| line.contains(&range)).unwrap();
    assert!(
        said[listed - 1].contains("Lambda: RetryAttemptsExhausted"),
        "{said:#?}"
    );
    redrive("entitlement-outbox-dlq", false).await;
    // The same events again, by which consumers drop them.
    assert_eq!(scene.published(&heard, 2).await, details);
    let (_, said) = redrive("entitlement-outbox-dlq", true).await;
    assert!(
        !said.iter().any(|line| line.contains(&range)),
        "it is gone: {said:#?}"
    );
}

#[tokio::test]
async fn what_can_never_be_moved_is_left_with_the_reason() {
    let scene = Scene::set(false).await;
    let queue = &scene.stack.outputs.quiz_outbox_dlq_url;
    let (gone, unreadable) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let stream = letters::stream_without_records(&scene.stack).await;
    let batch = stream.on_failure(&scene.stack.outputs.quiz_outbox_function_name);
    scene
        .letters
        .send(queue, &batch.to_string(), &[("eventId", &gone)])
        .await;
    scene
        .letters
        .send(queue, "who knows", &[("eventId", &unreadable)])
        .await;

    let (fine, said) = redrive("quiz-outbox-dlq", false).await;
    assert!(!fine, "they are still there");
    let why = about(&said, &gone);
    assert!(why.contains("left: its records are gone"), "{said:#?}");
    let why = about(&said, &unreadable);
    assert!(why.contains("left: its body is not JSON"), "{said:#?}");
    for id in [gone, unreadable] {
        scene.letters.take_away(queue, &id).await;
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
