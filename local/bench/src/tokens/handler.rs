//! What of `token-api` needs no call to AWS, beside the signature that is the core of it.

use std::{hint::black_box, num::NonZeroU32, time::Duration};

use anyhow::{anyhow, ensure};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair},
};
use cuepoint_shared::{channels::Channels, http::Request};
use jiff::Timestamp;
use token_issuer::{
    desk::TokenDesk,
    playback_key::PlaybackKey,
    rules::{Entitlement, Status},
    viewer_limit::{Allowance, ViewerLimit},
};
use uuid::Uuid;

use super::fixture::{self, CHANNEL, Fixture};
use crate::{
    api_request::viewer,
    slices::{self, Contender},
    whole::request_id,
};

/// Short, so that all contenders meet the same moments of a busy machine.
pub(super) const SLICE: Duration = Duration::from_millis(25);
/// How often each has its turn.
const ROUNDS: usize = 120;
/// How many requests there are. They come in turn, and are near at hand like one just received.
const REQUESTS: u64 = 64;

/// Rates on one core, per second.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    /// Tokens: request in, response out, the entitlement read before.
    pub(super) handler: f64,
    /// The same, with the request read from JSON and the response written as JSON.
    pub(super) with_json: f64,
    /// Bare P-384 signatures of aws-lc-rs with a kept key, of as many bytes as a token has.
    pub(super) raw: f64,
}

/// Measures the three in turn.
pub(super) fn measure(fixture: &Fixture, cpu: usize) -> anyhow::Result<Rates> {
    let desk = desk(fixture)?;
    let entitlement = Entitlement {
        status: Status::Granted,
        valid_from: None,
        valid_until: None,
        maximum_resolution: None,
        viewer_session_version: 3,
    };
    let issue = |request: &Request, id: &str| {
        let ask = desk.receive(request)?;
        desk.issue(ask, Some(&entitlement), Timestamp::now(), id)
    };
    let texts: Vec<Vec<u8>> = (0..REQUESTS)
        .map(|number| fixture::request(&viewer(number), CHANNEL))
        .map(|request| request.to_string().into_bytes())
        .collect();
    let requests: Vec<Request> = texts
        .iter()
        .map(|text| serde_json::from_slice(text))
        .collect::<Result<_, _>>()?;
    let id = request_id(0);
    let payload = signed_bytes(&issue(&requests[0], &id)?.response)?;
    let (pair, random) = (key(fixture)?, SystemRandom::new());

    let mut failed = 0_u64;
    let mut failed_with_json = 0_u64;
    let mut failed_raw = 0_u64;
    let mut contenders = [
        Contender::new(|_| {
            let signature = pair.sign(&random, black_box(&payload));
            failed_raw += u64::from(black_box(signature).is_err());
        }),
        Contender::new(|call| {
            let issued = issue(black_box(&requests[call % requests.len()]), &id);
            failed += u64::from(black_box(issued).is_err());
        }),
        Contender::new(|call| {
            let answer = serde_json::from_slice(black_box(&texts[call % texts.len()]))
                .ok()
                .and_then(|request| issue(&request, &id).ok())
                .and_then(|issued| serde_json::to_vec(&issued.response).ok());
            failed_with_json += u64::from(black_box(answer).is_none());
        }),
    ];
    slices::compare(cpu, &mut contenders, SLICE, ROUNDS)?;
    let [raw, handler, with_json] = contenders.each_ref().map(Contender::per_second);
    drop(contenders);
    ensure!(
        failed + failed_with_json + failed_raw == 0,
        "{failed} requests of the handler, {failed_with_json} with JSON and {failed_raw} bare \
         signatures failed"
    );
    Ok(Rates {
        handler,
        with_json,
        raw,
    })
}

/// A desk that refuses no one for asking too often.
fn desk(fixture: &Fixture) -> anyhow::Result<TokenDesk> {
    let key = PlaybackKey::read(fixture.secret.as_bytes())?;
    let channels = Channels::parse(&fixture.channels).map_err(|reason| anyhow!("{reason}"))?;
    let limit = ViewerLimit::new(Allowance {
        per_minute: NonZeroU32::MAX,
        burst: NonZeroU32::MAX,
    });
    Ok(TokenDesk::new(key, channels, limit, Uuid::new_v4))
}

/// The fixture's key as aws-lc-rs keeps it.
fn key(fixture: &Fixture) -> anyhow::Result<EcdsaKeyPair> {
    let der = pem::parse(&fixture.secret)?;
    EcdsaKeyPair::from_private_key_der(&ECDSA_P384_SHA384_FIXED_SIGNING, der.contents())
        .map_err(|_| anyhow!("cannot read the key that was just made"))
}

/// What is signed in a token of this answer.
fn signed_bytes<T: serde::Serialize>(response: &T) -> anyhow::Result<Vec<u8>> {
    let response = serde_json::to_value(response)?;
    let body = response["body"].as_str().unwrap_or_default();
    let body: serde_json::Value = serde_json::from_str(body)?;
    let token = body["token"].as_str().unwrap_or_default();
    match token.rsplit_once('.') {
        Some((signed, _)) => Ok(signed.as_bytes().to_vec()),
        None => Err(anyhow!("the handler gave no token: {body}")),
    }
}
