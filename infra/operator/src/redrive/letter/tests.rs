//! Letters of every kind.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn letter(body: &str, attributes: &[(&str, &str)]) -> Opened {
    let text = |text: &str| text.to_owned();
    Opened::new(Letter {
        message_id: "m1".into(),
        body: body.into(),
        attributes: attributes
            .iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect(),
        sent: Timestamp::UNIX_EPOCH,
    })
}

fn now() -> Timestamp {
    "2026-11-22T08:00:00Z".parse().unwrap()
}

fn queue() -> Origin {
    Origin::Queue { url: "q".into() }
}

fn function() -> Origin {
    Origin::Function {
        name: "quiz-outbox",
        deployed: "cuepoint-quiz-outbox".into(),
        batch: 100,
    }
}

fn saga() -> Origin {
    Origin::Saga { arn: "arn".into() }
}

fn record(sequence: &str, item: &str) -> Value {
    json!({"eventID": "e1", "eventName": "INSERT",
        "dynamodb": {"SequenceNumber": sequence, "Keys": {"pk": {"S": item}}}})
}

fn on_failure() -> Value {
    json!({
        "requestContext": {
            "requestId": "r", "functionArn": "arn:aws:lambda:r:1:function:cuepoint-quiz-outbox",
            "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 7
        },
        "version": "1.0", "timestamp": "2026-11-22T08:00:00Z",
        "DDBStreamBatchInfo": {
            "shardId": "s1", "startSequenceNumber": "10", "endSequenceNumber": "12",
            "batchSize": 3, "streamArn": "arn:stream"
        }
    })
}

fn event() -> Value {
    json!({"id": "x", "detail-type": "quiz-scheduled", "source": "cuepoint.quiz-orchestrator",
        "detail": {"metadata": {"eventId": "run-1"}, "data": {"runId": "r1"}}})
}

#[test]
fn what_a_queue_function_parked_goes_back_to_its_queue_as_it_came() {
    let body = event().to_string();
    let attributes = [
        ("function", "entitlement-intake"),
        ("reason", "why"),
        ("eventId", "order-1"),
    ];
    let letter = letter(&body, &attributes);
    assert_eq!(letter.way(&queue(), now()), Ok(Way::Send));
    assert_eq!(letter.function().as_deref(), Some("entitlement-intake"));
    assert_eq!(letter.event_id(), Some("order-1".parse().unwrap()));
    assert_eq!(letter.reason(), "why");
}

#[test]
fn a_parked_record_goes_to_the_function_that_parked_it() {
    let record = record("17", "a");
    let letter = letter(
        &record.to_string(),
        &[("function", "quiz-outbox"), ("reason", "why")],
    );
    assert_eq!(letter.way(&function(), now()), Ok(Way::Record(record)));
    assert_eq!(letter.event_id(), Some("e1".parse().unwrap()));
    let other = super::tests::letter(&letter.letter.body, &[("function", "live-tally")]);
    let why = other.way(&function(), now()).unwrap_err();
    assert!(why.contains("parked by live-tally"), "{why}");
}

#[test]
fn a_batch_that_lambda_noted_is_found_in_its_stream() {
    let letter = letter(&on_failure().to_string(), &[]);
    let place = Place {
        stream: "arn:stream".into(),
        shard: "s1".into(),
        first: "10".into(),
        last: "12".into(),
    };
    assert_eq!(letter.way(&function(), now()), Ok(Way::Batch(place)));
    assert_eq!(letter.function().as_deref(), Some("cuepoint-quiz-outbox"));
    let reason = letter.reason();
    assert!(
        reason.contains("RetryAttemptsExhausted, after 7"),
        "{reason}"
    );
}

#[test]
fn a_compensation_that_failed_is_started_again_with_its_input() {
    let compensation = Origin::Compensation { arn: "arn".into() };
    let failed = |input: Value| {
        let detail = json!({"executionArn": "e", "stateMachineArn": "arn", "status": "FAILED", "input": input});
        letter(&json!({ "detail": detail }).to_string(), &[]).way(&compensation, now())
    };
    let input = json!({"quizId": "a", "runId": "b"});
    let Ok(Way::Start { input: again, .. }) = failed(json!(input.to_string())) else {
        panic!()
    };
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), input);
    assert!(failed(Value::Null).is_err(), "too long for an event");
}

#[test]
fn what_did_not_start_the_compensation_starts_it_however_late() {
    let compensation = Origin::Compensation { arn: "arn".into() };
    let input = |event: &Value, later: SignedDuration| match letter(&event.to_string(), &[])
        .way(&compensation, now() + later)
    {
        Ok(Way::Start { input, .. }) => serde_json::from_str::<Value>(&input).unwrap(),
        other => panic!("{other:?}"),
    };
    let days = SignedDuration::from_hours(14 * 24);
    assert_eq!(input(&event(), days), event()["detail"]);
    let stopped = json!({"id": "e1", "source": "aws.states", "detail": {
        "executionArn": "arn:e", "input": "{}", "status": "ABORTED"}});
    assert_eq!(input(&stopped, days), stopped["detail"]);
    let other = letter(&json!({"detail": {"runId": "run"}}).to_string(), &[]);
    assert!(other.way(&compensation, now()).is_err());
}

#[test]
fn an_event_that_did_not_start_its_saga_starts_it_once_with_its_detail() {
    let why = [
        (
            "RULE_ARN",
            "arn:aws:events:r:1:rule/cuepoint/cuepoint-quiz-show-start",
        ),
        ("ERROR_CODE", "THROTTLING"),
        ("ERROR_MESSAGE", "Rate\nexceeded"),
    ];
    let letter = letter(&event().to_string(), &why);
    assert_eq!(letter.reason(), "EventBridge: THROTTLING: Rate exceeded");
    assert_eq!(
        letter.function().as_deref(),
        Some("cuepoint-quiz-show-start")
    );
    let Ok(Way::Start { name, input }) = letter.way(&saga(), now()) else {
        panic!("{:?}", letter.way(&saga(), now()));
    };
    assert_eq!(
        serde_json::from_str::<Value>(&input).unwrap(),
        event()["detail"]
    );
    assert!(name.len() <= 80, "{name}");
    // The rule may have kept the detail alone.
    let detail = super::tests::letter(&event()["detail"].to_string(), &[]);
    let again = detail.way(&saga(), now());
    assert_eq!(
        again,
        Ok(Way::Start { name, input }),
        "the same event, the same name"
    );
}

#[test]
fn what_can_never_be_moved_is_told_with_the_reason() {
    let not_json = letter("who knows", &[]);
    for origin in [queue(), function(), saga()] {
        assert_eq!(
            not_json.way(&origin, now()),
            Err("its body is not JSON".to_owned())
        );
    }
    let empty = letter("{}", &[]);
    assert!(
        empty
            .way(&function(), now())
            .unwrap_err()
            .contains("neither a record")
    );
    assert!(
        empty
            .way(&saga(), now())
            .unwrap_err()
            .contains("no event's detail")
    );
    assert_eq!(
        empty.reason(),
        "it failed too often: see the function's log"
    );
}

#[test]
fn a_letter_is_known_again_when_it_comes_back() {
    let before = letter(&event().to_string(), &[]);
    let back = letter(
        &event().to_string(),
        &[("eventId", "run-1"), ("reason", "why")],
    );
    assert_eq!(before.identity(), back.identity());
    // One without an id, written otherwise.
    let before = letter(r#"{"a": 1, "b": 2}"#, &[]);
    let back = letter(r#"{"b":2,"a":1}"#, &[("reason", "why")]);
    assert_eq!(before.identity(), back.identity());
    assert_ne!(before.identity(), letter("{}", &[]).identity());
}

#[test]
fn letters_of_a_stream_go_by_their_place_in_it() {
    let opened = |sequence: &str| letter(&record(sequence, "a").to_string(), &[]);
    assert_eq!(opened("9").by_age(&opened("10")), Ordering::Less);
    assert_eq!(opened("0010").by_age(&opened("9")), Ordering::Greater);
    assert_eq!(opened("010").by_age(&opened("10")), Ordering::Equal);
    let batch = letter(&on_failure().to_string(), &[]);
    assert_eq!(opened("9").by_age(&batch), Ordering::Less);
    assert_eq!(opened("9").item(), opened("10").item());
    assert_ne!(
        opened("9").item(),
        letter(&record("9", "b").to_string(), &[]).item()
    );
}

#[test]
fn a_quiz_whose_time_has_passed_is_not_started() {
    let way = |starts_at: &str| {
        let mut event = event();
        event["detail"]["data"]["startsAt"] = starts_at.into();
        letter(&event.to_string(), &[]).way(&saga(), now())
    };
    assert!(way("2026-11-22T09:00:00Z").is_ok());
    assert!(way("2026-11-22T07:50:00Z").is_ok());
    let why = way("2026-11-22T07:49:59Z").unwrap_err();
    assert!(why.contains("schedule the quiz anew"), "{why}");
    assert!(
        way("some day").is_ok(),
        "the saga says what is wrong with it"
    );
}

#[test]
fn what_a_sender_has_written_is_told_only_as_an_id_or_in_one_line() {
    for id in ["a\nb", "\u{1b}[2J", "ann@example.com", "two words", ""] {
        let event = json!({"detail": {"metadata": {"eventId": id}, "data": {}}});
        let letter = letter(&event.to_string(), &[("function", "a\u{1b}b\nc")]);
        assert_eq!(letter.event_id(), None, "{id:?}");
        assert_eq!(letter.function().as_deref(), Some("a b c"));
    }
    let mut note = on_failure();
    note["DDBStreamBatchInfo"]["endSequenceNumber"] = "1\n2".into();
    let why = letter(&note.to_string(), &[]).way(&function(), now());
    assert!(why.unwrap_err().contains("cannot be read"));
}

proptest! {
    /// A sort by an order that is none may panic.
    #[test]
    fn age_is_a_total_order(ages in prop::collection::vec((prop::option::of(0_u8..4), 0_i64..4), 3)) {
        let letters: Vec<Opened> = ages.iter().map(|(sequence, sent)| {
            let body = sequence.map_or(json!({}), |at| record(&at.to_string(), "a"));
            let mut opened = letter(&body.to_string(), &[]);
            opened.letter.sent = Timestamp::from_second(*sent).unwrap();
            opened
        }).collect();
        let [a, b, c] = &letters[..] else { unreachable!("there are three") };
        prop_assert_eq!(a.by_age(b), b.by_age(a).reverse());
        if a.by_age(b) == b.by_age(c) {
            prop_assert_eq!(a.by_age(c), a.by_age(b));
        }
    }
}
