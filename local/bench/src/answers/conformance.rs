//! Whether functions do the same: the same answers must be taken, written and refused alike, but
//! for the time that it takes.

use anyhow::{Context, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::fixture::{ANSWERS, Fixture, QUESTION, WINDOWS, request, window};
use crate::{
    agreement::{self, Answered, Cases, ask},
    api_request::viewer,
    aws_stub::{AwsStub, Operation},
    function::{Function, Launch},
};

/// How far a time may be from where it is expected: what a request may take, in seconds.
const TOLERANCE: i64 = 60;

/// Where the viewers' claims are.
const CLAIMS: &str = "/requestContext/authorizer/jwt/claims";

/// A request, and what must come of it.
struct Case {
    what: &'static str,
    request: Value,
    /// What the table has of the question's window.
    window: Option<Value>,
    /// What the table has in the place of the viewer's answer.
    before: Option<Value>,
    status: i64,
}

/// What one function made of one request, without what time changes.
#[derive(Debug, PartialEq)]
struct Observed {
    answered: Answered,
    written: Option<Value>,
    looked_up: Option<Value>,
}

/// The requests, to functions whose calls go to this stub.
struct Requests<'a> {
    cases: Vec<Case>,
    stub: &'a AwsStub,
}

/// Starts each function and sends it the same requests. Returns how many.
///
/// # Errors
/// When one of them does otherwise than the first, or the first otherwise than it should.
pub async fn check(launches: &[Launch], stub: &AwsStub) -> anyhow::Result<usize> {
    let cases = cases(Timestamp::now());
    let checked = agreement::check(launches, &Requests { cases, stub }).await?;
    Fixture::new(Timestamp::now()).prepare(stub);
    Ok(checked)
}

/// Each has a question of its own, since windows are kept for a moment.
fn cases(now: Timestamp) -> Vec<Case> {
    let mut cases = taken(now);
    cases.extend(over(now));
    cases.extend(refused(now));
    for (number, case) in cases.iter_mut().enumerate() {
        let question = format!("{QUESTION}-{number}");
        if let Some(there) = case.request.pointer_mut("/pathParameters/questionId")
            && *there == QUESTION
        {
            *there = json!(question);
        }
        if let Some(window) = &mut case.window {
            window["questionId"] = json!({ "S": question });
        }
    }
    cases
}

fn choose(choice: u32) -> Value {
    request(&viewer(7), QUESTION, &format!("{{\"choice\":{choice}}}"))
}

fn changed(path: &str, value: Value) -> Value {
    let mut request = choose(2);
    if let Some(there) = request.pointer_mut(path) {
        *there = value;
    }
    request
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

/// A window that opened and closes so many seconds from now.
fn from_to(now: Timestamp, opened: i64, closes: i64, status: &str) -> Option<Value> {
    let (opened, closes) = (now + seconds(opened), now + seconds(closes));
    Some(window(QUESTION, opened, closes, status))
}

/// What stands in the viewer's place when they chose 2, or were refused.
fn stands(now: Timestamp, refused: bool) -> Option<Value> {
    let at = json!({ "S": (now - seconds(5)).to_string() });
    let mut item = json!({ "partition": { "S": "p" }, "viewerId": { "S": viewer(7) } });
    match refused {
        true => item["refusedAt"] = at,
        false => {
            item["receivedAt"] = at;
            item["choice"] = json!({ "N": "2" });
            item["name"] = json!({ "S": "A Viewer" });
        }
    }
    Some(item)
}

/// Answers in time.
fn taken(now: Timestamp) -> Vec<Case> {
    let open = || from_to(now, -10, 3_600, "open");
    let case = |what, request, before, status| Case {
        what,
        request,
        window: open(),
        before,
        status,
    };
    let name = |name: &str| changed(&format!("{CLAIMS}/name"), json!(name));
    let before = || stands(now, false);
    let mut nameless = choose(2);
    if let Some(claims) = nameless.pointer_mut(CLAIMS).and_then(Value::as_object_mut) {
        claims.remove("name");
    }
    vec![
        case("an answer", choose(2), None, 201),
        case("the same once more", choose(2), before(), 200),
        case("another choice", choose(1), before(), 409),
        case(
            "one that was refused before",
            choose(2),
            stands(now, true),
            410,
        ),
        case(
            "a name to clean",
            name(" Zoe\u{308} \u{200B}\u{7}\n O’Brien  "),
            None,
            201,
        ),
        case("a long name", name(&"é".repeat(30)), None, 201),
        case("no name", nameless, None, 201),
    ]
}

/// Answers when the time is over, has not begun, or does not count.
fn over(now: Timestamp) -> Vec<Case> {
    let before = || stands(now, false);
    let case = |what, window, before, status| Case {
        what,
        request: choose(2),
        window,
        before,
        status,
    };
    // Long enough a drain for all functions.
    let draining = || {
        let mut window = from_to(now, -30, -10, "open")?;
        window["tallyAt"] = json!({ "S": (now + seconds(3_600)).to_string() });
        Some(window)
    };
    let closed = || from_to(now, -60, -30, "closed");
    vec![
        case("too late", draining(), None, 410),
        case(
            "too late, and it was taken before",
            draining(),
            before(),
            200,
        ),
        case("long over", closed(), None, 410),
        case(
            "long over, and it was taken before",
            closed(),
            before(),
            200,
        ),
        case("voided", from_to(now, -10, 3_600, "voided"), None, 410),
        case("too early", from_to(now, 1_800, 3_600, "open"), None, 409),
        case("not asked yet", None, None, 404),
    ]
}

/// Requests that cannot be taken at any time.
fn refused(now: Timestamp) -> Vec<Case> {
    let case = |what, request, status| Case {
        what,
        request,
        window: from_to(now, -10, 3_600, "open"),
        before: None,
        status,
    };
    let body = |body: &str| changed("/body", json!(body));
    let access = json!({ "sub": viewer(7), "token_use": "access" });
    let id = |id: &str| changed("/pathParameters/questionId", json!(id));
    vec![
        case("an unknown option", choose(4), 422),
        case("an impossible question", id("not a question"), 404),
        case(
            "no identity",
            changed("/requestContext/authorizer", Value::Null),
            401,
        ),
        case("an access token", changed(CLAIMS, access), 401),
        case(
            "an impossible identity",
            changed(&format!("{CLAIMS}/sub"), json!("a b")),
            401,
        ),
        case("a body that is no object", body("[2]"), 400),
        case("a body that is no JSON", body("choice=2"), 400),
        case(
            "a body that says more",
            body(r#"{"choice":2,"userId":"another"}"#),
            400,
        ),
        case("a body without a choice", body("{}"), 400),
        case("a choice that is no number", body(r#"{"choice":"2"}"#), 400),
    ]
}

impl Cases for Requests<'_> {
    type Observed = Observed;

    fn names(&self) -> Vec<&'static str> {
        self.cases.iter().map(|case| case.what).collect()
    }

    async fn observe(&self, function: &mut Function, number: usize) -> anyhow::Result<Observed> {
        let (case, stub) = (&self.cases[number], self.stub);
        stub.set_item_of(WINDOWS, case.window.as_ref());
        stub.set_item_of(ANSWERS, case.before.as_ref());
        stub.set_put(case.before.as_ref());
        let calls = (stub, [Operation::PutItem, Operation::GetItem]);
        let (answered, [written, looked_up]) =
            ask(function, number, &case.request, case.status, calls).await?;
        let mut observed = Observed {
            answered,
            written,
            looked_up,
        };
        observed.settle(case)?;
        Ok(observed)
    }
}

impl Observed {
    /// Checks what time changes, and leaves it out.
    fn settle(&mut self, case: &Case) -> anyhow::Result<()> {
        let now = Timestamp::now();
        let mut at = None;
        if let Some(written) = &mut self.written {
            let item = &mut written["Item"];
            for time in ["receivedAt", "refusedAt"] {
                if item[time].is_null() {
                    continue;
                }
                let text = item[time]["S"].take();
                let taken = near(&text, now)?;
                ensure!(
                    taken.subsec_nanosecond() % 1_000_000 == 0,
                    "{text} is finer than known"
                );
                at = Some(text);
            }
        }
        if case.status == 201 {
            let told = self.answered.body["receivedAt"].take();
            ensure!(
                Some(&told) == at.as_ref(),
                "{told} was told, {at:?} was written"
            );
        }
        if let Some(left) = self.answered.body.get_mut("remainingMillis") {
            let left = left.take().as_i64().context("no number of milliseconds")?;
            let closes_at: Timestamp = self.answered.body["closesAt"]
                .as_str()
                .context("no end")?
                .parse()?;
            let expected = closes_at.duration_since(now).as_millis().max(0);
            let off = expected - i128::from(left);
            ensure!(
                off.abs() < i128::from(TOLERANCE) * 1_000,
                "{left} ms are left"
            );
        }
        if case.status == 400 {
            // In its own words.
            self.answered.body["detail"].take();
        }
        Ok(())
    }
}

/// Reads a time, which must be a moment ago.
fn near(text: &Value, now: Timestamp) -> anyhow::Result<Timestamp> {
    let at: Timestamp = text.as_str().context("no time")?.parse()?;
    let ago = now.duration_since(at).as_secs();
    ensure!((0..=TOLERANCE).contains(&ago), "{at} is not now");
    Ok(at)
}
