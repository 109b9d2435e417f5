//! Whether functions do the same: the same requests must get the same answers, tokens and
//! announcements, but for time and chance.

use anyhow::{Context, anyhow, ensure};
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::fixture::{self, CHANNEL, Fixture, STRICT_CHANNEL, TOKEN_SECONDS};
use crate::{
    agreement::{self, Answered, Cases, ask},
    api_request::{identity, viewer},
    aws_stub::{AwsStub, Operation},
    function::{Function, Launch},
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
    answered: Answered,
    claims: Option<Value>,
    looked_up: Option<Value>,
    announced: Option<Value>,
}

/// The requests, to functions whose calls go to this stub.
struct Requests<'a> {
    cases: Vec<Case>,
    fixture: &'a Fixture,
    stub: &'a AwsStub,
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
    fixture.prepare(stub);
    let requests = Requests {
        cases: cases()?,
        fixture,
        stub,
    };
    agreement::check(launches, &requests).await
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
    let of = |channel: &str| fixture::request(&viewer(7), channel);
    let case = |what, request, item, status| Case {
        what,
        request,
        item,
        status,
        expires: None,
    };
    let changed = |path: &str, value: Value| {
        let mut request = of(CHANNEL);
        if let Some(there) = request.pointer_mut(path) {
            *there = value;
        }
        request
    };
    let claims = "/requestContext/authorizer/jwt/claims";
    let access = json!({ "sub": viewer(7), "token_use": "access" });
    let with_body = |body: &str| {
        let mut request = of(CHANNEL);
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
        of(STRICT_CHANNEL),
        item(STRICT_CHANNEL, &capped),
        200,
    );
    Ok(vec![
        case("an entitlement", of(CHANNEL), granted(), 200),
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
        case("no entitlement", of(CHANNEL), None, 403),
        case(
            "a revoked one",
            of(CHANNEL),
            item(CHANNEL, &[("status", "revoked")]),
            403,
        ),
        case(
            "one that ran out",
            of(CHANNEL),
            item(CHANNEL, &[("validUntil", past)]),
            403,
        ),
        case(
            "one that begins later",
            of(CHANNEL),
            item(CHANNEL, &[("validFrom", future)]),
            403,
        ),
        case("an unknown channel", of("unknown"), granted(), 403),
        case("an impossible channel", of("not a channel"), granted(), 403),
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

impl Cases for Requests<'_> {
    type Observed = Observed;

    fn names(&self) -> Vec<&'static str> {
        self.cases.iter().map(|case| case.what).collect()
    }

    async fn observe(&self, function: &mut Function, number: usize) -> anyhow::Result<Observed> {
        let (case, stub) = (&self.cases[number], self.stub);
        stub.set_item(case.item.as_ref());
        let calls = (stub, [Operation::GetItem, Operation::PutEvents]);
        let (answered, [looked_up, announced]) =
            ask(function, number, &case.request, case.status, calls).await?;
        let mut observed = Observed {
            answered,
            claims: None,
            looked_up,
            announced,
        };
        match case.status {
            200 => observed.settle(case, &self.fixture.public_key)?,
            _ => ensure!(observed.announced.is_none(), "a refusal was announced"),
        }
        Ok(observed)
    }
}

impl Observed {
    /// Checks what time and chance change, and the signature, and leaves them out.
    fn settle(&mut self, case: &Case, public_key: &[u8]) -> anyhow::Result<()> {
        let token = self.answered.body["token"].take();
        let token = token.as_str().context("there is no token")?;
        let mut claims = verified(token, public_key)?;
        let expires: Timestamp = self.answered.body["expiresAt"]
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
