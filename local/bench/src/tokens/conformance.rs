//! Whether functions do the same: the same requests must get the same answers, tokens and
//! announcements, but for time and chance.

use anyhow::{Context, anyhow, ensure};
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::fixture::{self, CHANNEL, Fixture, STRICT_CHANNEL, TOKEN_SECONDS};
use crate::{
    api_request::{identity, viewer},
    aws_stub::{AwsStub, Operation},
    function::{Function, Launch},
    runtime_api::Outcome,
    whole::request_id,
};

/// How far the end of a token may be from where it is expected: the time that a request takes.
const TOLERANCE: i64 = 60;

/// A request, and what must come of it.
struct Case {
    what: &'static str,
    request: Value,
    /// What the table has.
    item: Option<Value>,
    status: i64,
    /// When a token ends that does not last as long as it could.
    expires: Option<Timestamp>,
}

/// What one function made of one request, without what time and chance change.
#[derive(Debug, PartialEq)]
struct Observed {
    status: Value,
    content_type: Value,
    body: Value,
    claims: Option<Value>,
    looked_up: Option<Value>,
    announced: Option<Value>,
}

/// Starts each function and sends it the same requests. Returns how many.
///
/// # Errors
/// When one of them does otherwise than the first, or the first otherwise than it should.
pub async fn check(
    launches: &[Launch],
    fixture: &Fixture,
    stub: &AwsStub,
) -> anyhow::Result<usize> {
    let cases = cases()?;
    let mut expected = Vec::new();
    for launch in launches {
        fixture.prepare(stub);
        let mut function = Function::start(launch).await?;
        for (number, case) in cases.iter().enumerate() {
            let observed = observe(&mut function, case, number, fixture, stub)
                .await
                .with_context(|| format!("{}: {}", launch.name, case.what))?;
            match expected.get(number) {
                None => expected.push(observed),
                Some(expected) => ensure!(
                    *expected == observed,
                    "{} does otherwise than {} with {}:\n{observed:#?}\ninstead of\n{expected:#?}",
                    launch.name,
                    launches[0].name,
                    case.what,
                ),
            }
        }
        function.kill().await?;
    }
    Ok(cases.len())
}

fn cases() -> anyhow::Result<Vec<Case>> {
    let now = Timestamp::from_second(Timestamp::now().as_second())?;
    let soon = now + SignedDuration::from_secs(TOKEN_SECONDS / 2);
    let item = |channel: &str, more: &[(&str, &str)]| {
        let mut item = fixture::item(channel);
        for (name, text) in more {
            item[*name] = json!({ "S": text });
        }
        Some(item)
    };
    let ask = |channel: &str| fixture::request(&viewer(7), channel);
    let case = |what, request, item, status| Case {
        what,
        request,
        item,
        status,
        expires: None,
    };
    let changed = |path: &str, value: Value| {
        let mut request = ask(CHANNEL);
        if let Some(there) = request.pointer_mut(path) {
            *there = value;
        }
        request
    };
    let claims = "/requestContext/authorizer/jwt/claims";
    let access = json!({ "sub": viewer(7), "token_use": "access" });
    let with_body = |body: &str| {
        let mut request = ask(CHANNEL);
        request["body"] = json!(body);
        request
    };
    let granted = || item(CHANNEL, &[]);
    let capped = [
        ("validFrom", "2026-01-01T00:00:00Z"),
        ("validUntil", &soon.to_string()),
        ("maximumResolution", "HD"),
    ];
    let (past, future) = ("2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z");
    let strict = case(
        "every claim",
        ask(STRICT_CHANNEL),
        item(STRICT_CHANNEL, &capped),
        200,
    );
    Ok(vec![
        case("an entitlement", ask(CHANNEL), granted(), 200),
        case(
            "a body that is ignored",
            with_body(r#"{"userId":"another"}"#),
            granted(),
            200,
        ),
        Case {
            expires: Some(soon),
            ..strict
        },
        case("no entitlement", ask(CHANNEL), None, 403),
        case(
            "a revoked one",
            ask(CHANNEL),
            item(CHANNEL, &[("status", "revoked")]),
            403,
        ),
        case(
            "one that ran out",
            ask(CHANNEL),
            item(CHANNEL, &[("validUntil", past)]),
            403,
        ),
        case(
            "one that begins later",
            ask(CHANNEL),
            item(CHANNEL, &[("validFrom", future)]),
            403,
        ),
        case("an unknown channel", ask("unknown"), granted(), 403),
        case(
            "an impossible channel",
            ask("not a channel"),
            granted(),
            403,
        ),
        case(
            "no identity",
            changed("/requestContext/authorizer", Value::Null),
            granted(),
            401,
        ),
        case("an access token", changed(claims, access), granted(), 401),
        case(
            "an impossible identity",
            changed(claims, identity("a b")),
            granted(),
            401,
        ),
        case("a body that is no object", with_body("[]"), granted(), 400),
        case(
            "a body that is no JSON",
            with_body("userId=another"),
            granted(),
            400,
        ),
    ])
}

async fn observe(
    function: &mut Function,
    case: &Case,
    number: usize,
    fixture: &Fixture,
    stub: &AwsStub,
) -> anyhow::Result<Observed> {
    stub.set_item(case.item.as_ref());
    let calls = || [Operation::GetItem, Operation::PutEvents].map(|of| stub.calls(of));
    let before = calls();
    let id = request_id(u64::try_from(number)?);
    let event = case.request.to_string().into();
    let outcome = function.invoke(&id, event).await?.outcome;
    let [looked_up, announced] = calls();
    let last = |operation, calls| (calls > 0).then(|| stub.last_request(operation));

    let Outcome::Response(bytes) = outcome else {
        return Err(anyhow!("it reported an error: {outcome:?}"));
    };
    let answer: Value = serde_json::from_slice(&bytes)?;
    ensure!(
        answer["statusCode"] == case.status,
        "unexpected answer: {answer}"
    );
    let body = answer["body"].as_str().context("there is no body")?;
    let mut observed = Observed {
        status: answer["statusCode"].clone(),
        content_type: answer["headers"]["content-type"].clone(),
        body: serde_json::from_str(body)?,
        claims: None,
        looked_up: last(Operation::GetItem, looked_up - before[0]),
        announced: last(Operation::PutEvents, announced - before[1]),
    };
    match case.status {
        200 => observed.settle(case, &fixture.public_key)?,
        _ => ensure!(observed.announced.is_none(), "a refusal was announced"),
    }
    Ok(observed)
}

impl Observed {
    /// Checks what time and chance change, and the signature, and leaves them out.
    fn settle(&mut self, case: &Case, public_key: &[u8]) -> anyhow::Result<()> {
        let token = self.body["token"].take();
        let token = token.as_str().context("there is no token")?;
        let mut claims = verified(token, public_key)?;
        let expires: Timestamp = self.body["expiresAt"]
            .take()
            .as_str()
            .context("there is no expiresAt")?
            .parse()?;
        ensure!(
            claims["exp"].take() == expires.as_second(),
            "exp is not expiresAt"
        );
        match case.expires {
            Some(expected) => ensure!(expires == expected, "it ends at {expires}"),
            None => {
                let late = Timestamp::now().as_second() + TOKEN_SECONDS - expires.as_second();
                ensure!(
                    (0..=TOLERANCE).contains(&late),
                    "it ends {late} s too early"
                );
            }
        }
        if let Some(id) = claims.get_mut("aws:single-use-uuid") {
            let id = id.take();
            ensure!(
                id.as_str().is_some_and(|id| id.len() == 36),
                "{id} is no UUID"
            );
        }
        self.claims = Some(claims);

        let mut request = self.announced.take().context("it was not announced")?;
        let mut entry = request["Entries"][0].take();
        let detail = entry["Detail"].take();
        let mut detail: Value = serde_json::from_str(detail.as_str().context("no detail")?)?;
        let announced = detail["data"]["expiresAt"].take();
        ensure!(
            announced == expires.to_string(),
            "{announced} was announced"
        );
        let at = detail["metadata"]["occurredAt"].take();
        let _: Timestamp = at.as_str().context("no occurredAt")?.parse()?;
        self.announced = Some(json!({ "entry": entry, "detail": detail }));
        Ok(())
    }
}

/// The claims of an ES384 token whose signature is good.
///
/// # Errors
/// When it is anything else.
pub fn verified(token: &str, public_key: &[u8]) -> anyhow::Result<Value> {
    let (signed, signature) = token.rsplit_once('.').context("it is no token")?;
    let (header, claims) = signed.split_once('.').context("it is no token")?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature)?;
    UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, public_key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| anyhow!("its signature is wrong"))?;
    let header: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(header)?)?;
    ensure!(
        header == json!({ "alg": "ES384", "typ": "JWT" }),
        "its header is {header}"
    );
    Ok(serde_json::from_slice(
        &BASE64_URL_SAFE_NO_PAD.decode(claims)?,
    )?)
}
