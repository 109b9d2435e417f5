//! `token-api`: from request to answer.

use aws_lambda_events::encodings::Body;
use cuepoint_shared::{event_bus::EventBus, http::Request};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use stage::probe::delivered;
use token_issuer::{store::Entitlements, token_api::TokenHandler};
use uuid::Uuid;

use crate::cloud::{Cloud, noon};

async fn handler(cloud: &Cloud) -> TokenHandler {
    let (key, _) = cloud.key().await;
    let (entitlements, bus) = (cloud.entitlements(), cloud.bus());
    TokenHandler::new(cloud.desk(key), entitlements, bus, noon)
}

/// A request as the API hands it on after its authorizer let it pass.
fn request(channel_id: &str, claims: &Value) -> Request {
    serde_json::from_value(json!({
        "version": "2.0",
        "routeKey": "POST /channels/{channelId}/playback-token",
        "rawPath": format!("/channels/{channel_id}/playback-token"),
        "headers": {},
        "pathParameters": { "channelId": channel_id },
        "requestContext": {
            "http": { "method": "POST" },
            "authorizer": { "jwt": { "claims": claims, "scopes": null } },
        },
        "isBase64Encoded": false,
    }))
    .unwrap()
}

fn identity(cloud: &Cloud) -> Value {
    json!({ "sub": cloud.viewer, "token_use": "id" })
}

/// Asks for a token: status and body.
async fn ask(handler: &TokenHandler, request: Request) -> (i64, Value) {
    let mut context = Context::default();
    context.request_id = Uuid::new_v4().to_string();
    let response = handler.handle(LambdaEvent::new(request, context)).await;
    let response = response.unwrap();
    let Some(Body::Text(body)) = response.body else {
        panic!("an answer without a body")
    };
    (response.status_code, serde_json::from_str(&body).unwrap())
}

#[tokio::test]
async fn an_entitled_viewer_gets_a_token_and_it_is_announced() {
    let cloud = Cloud::new().await;
    let (key, public) = cloud.key().await;
    let fingerprint = key.fingerprint().to_owned();
    let (entitlements, bus) = (cloud.entitlements(), cloud.bus());
    let handler = TokenHandler::new(cloud.desk(key), entitlements, bus, noon);
    let events = cloud.listen().await;
    let terms = [
        ("status", "granted"),
        ("validUntil", "2026-11-22T12:05:00Z"),
        ("maximumResolution", "HD"),
    ];
    cloud.entitle(&terms, 7).await;

    let request = request(cloud.channel_id(), &identity(&cloud));
    let (status, answer) = ask(&handler, request).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["playbackUrl"], cloud.stack.channel.playback_url);
    assert_eq!(answer["expiresAt"], "2026-11-22T12:05:00Z");

    let token = answer["token"].as_str().unwrap();
    let mut validation = Validation::new(Algorithm::ES384);
    validation.validate_exp = false;
    let public = DecodingKey::from_ec_pem(public.as_bytes()).unwrap();
    let claims = decode::<Value>(token, &public, &validation).unwrap().claims;
    let until: Timestamp = "2026-11-22T12:05:00Z".parse().unwrap();
    let expected = json!({
        "aws:channel-arn": cloud.stack.channel.arn,
        "aws:access-control-allow-origin": cloud.stack.channel.origin,
        "aws:viewer-id": cloud.viewer,
        "aws:viewer-session-version": 7,
        "aws:maximum-resolution": "HD",
        "exp": until.as_second(),
    });
    assert_eq!(claims, expected);

    let published = cloud.probe.receive(&events, 1, |_| true).await;
    let (detail_type, event) = delivered(&published[0]);
    assert_eq!(detail_type, "playback-token-issued");
    let expected = json!({
        "userId": cloud.viewer,
        "channelId": cloud.channel_id(),
        "expiresAt": "2026-11-22T12:05:00Z",
        "viewerSessionVersion": 7,
        "keyFingerprint": fingerprint,
    });
    assert_eq!(event["data"], expected);
    let signature = token.rsplit('.').next().unwrap();
    assert!(!published[0].body().unwrap().contains(signature));
}

#[tokio::test]
async fn without_an_entitlement_that_counts_there_is_no_token_and_no_event() {
    let cloud = Cloud::new().await;
    let handler = handler(&cloud).await;
    let events = cloud.listen().await;
    for (terms, reason) in [
        (None, "no entitlement"),
        (Some(vec![("status", "revoked")]), "taken back"),
        (
            Some(vec![
                ("status", "granted"),
                ("validFrom", "2026-11-22T12:01:00.1Z"),
            ]),
            "begins at 2026-11-22T12:01:00.1Z",
        ),
        (
            Some(vec![
                ("status", "granted"),
                ("validUntil", "2026-11-22T12:00:00Z"),
            ]),
            "ended at 2026-11-22T12:00:00Z",
        ),
    ] {
        if let Some(terms) = terms {
            cloud.entitle(&terms, 1).await;
        }
        let request = request(cloud.channel_id(), &identity(&cloud));
        let (status, answer) = ask(&handler, request).await;
        assert_eq!(status, 403, "{answer}");
        assert_eq!(answer["type"], "urn:cuepoint:problem:not-entitled");
        let detail = answer["detail"].as_str().unwrap();
        assert!(detail.contains(reason), "{detail}");
    }
    assert!(cloud.probe.stays_empty(&events).await);
}

#[tokio::test]
async fn a_channel_that_does_not_exist_is_answered_like_one_that_is_not_ours() {
    let cloud = Cloud::new().await;
    let handler = handler(&cloud).await;
    let not_ours = ask(&handler, request(cloud.channel_id(), &identity(&cloud))).await;
    for unknown in ["nowhere", "not a channel id", ""] {
        let answer = ask(&handler, request(unknown, &identity(&cloud))).await;
        assert_eq!(answer, not_ours);
    }
}

#[tokio::test]
async fn without_a_verified_identity_there_is_no_token() {
    let cloud = Cloud::new().await;
    let handler = handler(&cloud).await;
    cloud.entitle(&[("status", "granted")], 1).await;
    let none = request(cloud.channel_id(), &Value::Null);
    let access_token = json!({ "sub": cloud.viewer, "token_use": "access" });
    let nobody = json!({ "token_use": "id" });
    for request in [
        none,
        request(cloud.channel_id(), &access_token),
        request(cloud.channel_id(), &nobody),
    ] {
        let (status, answer) = ask(&handler, request).await;
        assert_eq!(status, 401, "{answer}");
        assert_eq!(answer["type"], "urn:cuepoint:problem:unauthenticated");
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_announced_is_not_handed_out() {
    let cloud = Cloud::new().await;
    cloud.entitle(&[("status", "granted")], 1).await;
    let config = cloud.stack.sdk_config().await;
    let unreachable = aws_sdk_eventbridge::config::Builder::from(&config)
        .endpoint_url("http://127.0.0.1:9")
        .retry_config(aws_sdk_eventbridge::config::retry::RetryConfig::disabled())
        .build();
    let bus = EventBus::new(
        aws_sdk_eventbridge::Client::from_conf(unreachable),
        "cuepoint".to_owned(),
    );
    let (key, _) = cloud.key().await;
    let handler = TokenHandler::new(cloud.desk(key), cloud.entitlements(), bus, noon);
    let (status, answer) = ask(&handler, request(cloud.channel_id(), &identity(&cloud))).await;
    assert_eq!(status, 503);
    assert_eq!(answer["type"], "urn:cuepoint:problem:unavailable");
    assert_eq!(answer.get("token"), None);
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_not_a_refusal() {
    let cloud = Cloud::new().await;
    let config = cloud.stack.sdk_config().await;
    let unreachable = aws_sdk_dynamodb::config::Builder::from(&config)
        .endpoint_url("http://127.0.0.1:9")
        .retry_config(aws_sdk_dynamodb::config::retry::RetryConfig::disabled())
        .build();
    let entitlements = Entitlements::new(
        aws_sdk_dynamodb::Client::from_conf(unreachable),
        cloud.stack.outputs.entitlements_table.clone(),
    );
    let (key, _) = cloud.key().await;
    let handler = TokenHandler::new(cloud.desk(key), entitlements, cloud.bus(), noon);
    let (status, _) = ask(&handler, request(cloud.channel_id(), &identity(&cloud))).await;
    assert_eq!(status, 503);
}
