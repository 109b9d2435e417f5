//! Requests and their answers, without AWS.

use std::num::NonZeroU32;

use aws_lambda_events::encodings::Body;
use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use pem::Pem;
use serde_json::{Value, json};

use super::*;
use crate::{rules::Status, viewer_limit::Allowance};

/// A desk for the channel `AbC` with these settings, and the public half of its key as PEM.
fn desk(settings: Value, burst: u32) -> (TokenDesk, String) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
    let private = Pem::new("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref());
    let public: PublicKeyX509Der = pair.public_key().as_der().unwrap();
    let mut channel = json!({
        "arn": "arn:aws:ivs:eu-west-1:000000000000:channel/AbC",
        "playbackUrl": "https://example.com/AbC.m3u8",
        "origins": ["https://a.example"],
    });
    let settings = settings.as_object().unwrap().clone();
    channel.as_object_mut().unwrap().extend(settings);
    let allowance = Allowance {
        per_minute: NonZeroU32::MIN,
        burst: NonZeroU32::new(burst).unwrap(),
    };
    let desk = TokenDesk::new(
        PlaybackKey::read(pem::encode(&private).as_bytes()).unwrap(),
        Channels::parse(&json!({ "AbC": channel }).to_string()).unwrap(),
        ViewerLimit::new(allowance),
        Uuid::new_v4,
    );
    (desk, pem::encode(&Pem::new("PUBLIC KEY", public.as_ref())))
}

fn request(changes: Value) -> Request {
    let mut request = json!({
        "rawPath": "/channels/AbC/playback-token",
        "headers": { "x-viewer-id": "another" },
        "queryStringParameters": { "userId": "another" },
        "pathParameters": { "channelId": "AbC" },
        "requestContext": {
            "http": { "method": "POST" },
            "authorizer": { "jwt": { "claims": { "sub": "ada", "token_use": "id" } } },
        },
        "isBase64Encoded": false,
    });
    let changes = changes.as_object().unwrap().clone();
    request.as_object_mut().unwrap().extend(changes);
    serde_json::from_value(request).unwrap()
}

fn granted() -> Entitlement {
    Entitlement {
        status: Status::Granted,
        valid_from: None,
        valid_until: None,
        maximum_resolution: None,
        viewer_session_version: 3,
    }
}

fn ada() -> Ask {
    Ask {
        user_id: "ada".parse().unwrap(),
        channel_id: "AbC".parse().unwrap(),
    }
}

fn noon() -> Timestamp {
    "2026-11-22T12:00:00.9Z".parse().unwrap()
}

fn body(response: ApiGatewayV2httpResponse) -> Value {
    match response.body {
        Some(Body::Text(text)) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn claims(token: &str, public: &str) -> Value {
    let mut validation = Validation::new(Algorithm::ES384);
    validation.validate_exp = false;
    let public = DecodingKey::from_ec_pem(public.as_bytes()).unwrap();
    decode::<Value>(token, &public, &validation).unwrap().claims
}

#[test]
fn a_token_says_what_the_channel_is_configured_to_say() {
    for (settings, lifetime, extra) in [
        (json!({}), 300, vec![]),
        (json!({ "tokenSeconds": 540 }), 540, vec![]),
        (
            json!({ "strictOrigin": true }),
            300,
            vec!["aws:strict-origin-enforcement"],
        ),
        (
            json!({ "singleUse": true, "tokenSeconds": 120 }),
            120,
            vec!["aws:single-use-uuid"],
        ),
    ] {
        let (desk, public) = desk(settings, 1);
        let issued = desk.issue(ada(), Some(&granted()), noon(), "r1").unwrap();
        let answer = body(issued.response);
        let mut claims = claims(answer["token"].as_str().unwrap(), &public);
        assert_eq!(claims["exp"], noon().as_second() + lifetime);
        assert_eq!(answer["expiresAt"].as_str().unwrap().len(), 20);
        assert_eq!(
            claims["aws:access-control-allow-origin"],
            "https://a.example"
        );
        assert_eq!(claims["aws:viewer-id"], "ada");
        let claims = claims.as_object_mut().unwrap();
        for name in &extra {
            assert!(claims.remove(*name).is_some(), "{name}");
        }
        assert_eq!(claims.len(), 5, "{claims:?}");
    }
}

#[test]
fn no_two_tokens_for_a_single_use_have_the_same_id() {
    let (desk, public) = desk(json!({ "singleUse": true }), 1);
    let id = || {
        let issued = desk.issue(ada(), Some(&granted()), noon(), "r1").unwrap();
        let answer = body(issued.response);
        assert_eq!(answer["singleUse"], true);
        let claims = claims(answer["token"].as_str().unwrap(), &public);
        let id: Uuid = claims["aws:single-use-uuid"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        id
    };
    let (first, second) = (id(), id());
    assert_ne!(first, second);
    assert_eq!(first.get_version_num(), 4);
}

#[test]
fn the_announcement_has_no_part_of_the_token() {
    let (desk, _) = desk(json!({}), 1);
    let issued = desk.issue(ada(), Some(&granted()), noon(), "r1").unwrap();
    let answer = body(issued.response);
    let announcement = format!("{:?}", issued.announcement);
    assert!(announcement.contains("playback-token/r1"), "{announcement}");
    for part in answer["token"].as_str().unwrap().split('.') {
        assert!(!announcement.contains(part), "{announcement}");
    }
}

#[test]
fn who_asks_is_who_was_verified_whatever_else_is_said() {
    let (desk, _) = desk(json!({}), 10);
    for body in [
        json!(null),
        json!(""),
        json!("{\"userId\":\"another\",\"sub\":\"another\"}"),
    ] {
        let ask = desk.receive(&request(json!({ "body": body }))).unwrap();
        assert_eq!(ask, ada());
    }
}

#[test]
fn what_is_wrong_with_a_request_is_told_before_anything_is_looked_up() {
    let (desk, _) = desk(json!({}), 100);
    let large = "x".repeat(http::MAX_BODY_BYTES + 1);
    for (changes, status, name) in [
        (json!({ "body": "{" }), 400, "malformed-request"),
        (json!({ "body": "[1]" }), 400, "malformed-request"),
        (json!({ "body": large }), 413, "too-large"),
        (json!({ "pathParameters": {} }), 403, "not-entitled"),
        (
            json!({ "pathParameters": { "channelId": "../AbC" } }),
            403,
            "not-entitled",
        ),
        (
            json!({ "requestContext": { "http": { "method": "POST" } } }),
            401,
            "unauthenticated",
        ),
    ] {
        let problem = desk.receive(&request(changes)).unwrap_err().problem();
        assert_eq!((problem.status(), problem.name()), (status, name));
    }
}

#[test]
fn one_viewer_asking_too_often_keeps_no_one_else_out() {
    let (desk, _) = desk(json!({}), 2);
    let ask = |sub: &str| {
        let authorizer = json!({ "jwt": { "claims": { "sub": sub, "token_use": "id" } } });
        let context = json!({ "http": { "method": "POST" }, "authorizer": authorizer });
        // Refused requests count like any other.
        desk.receive(&request(json!({ "requestContext": context, "body": "{" })))
            .unwrap_err()
            .problem()
    };
    let status = |problem: Problem| problem.response().status_code;
    assert_eq!(
        [ask("ada"), ask("ada"), ask("ada")].map(status),
        [400, 400, 429]
    );
    let refused = ask("ada").response();
    let wait: u64 = refused.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(status(ask("bob")), 400);
}
