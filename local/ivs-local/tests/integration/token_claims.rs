//! Every claim of a playback token, right, wrong, missing and of the wrong type, and every way to
//! forge one, against a running server whose clock stands still.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ivs_local::context::Context;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::playback::Show;
use crate::support::{Signer, config};

/// What the server's clock says.
const NOW: i64 = 1_800_000_000;
const A: Option<&str> = Some("https://a.test");
const B: Option<&str> = Some("https://www.b.test");
const C: Option<&str> = Some("https://c.test");
const NULL: Option<&str> = Some("null");

const PLAYS: &str = "";
const MISSING: &str = "a playback token is required";
const MALFORMED: &str = "the playback token is malformed";
const ALGORITHM: &str = "the playback token must be signed with ES384";
const UNKNOWN_KEY: &str = "the playback token was not signed with an imported key";
const EXPIRED: &str = "the playback token has expired";
const NOT_YET: &str = "the playback token is not valid yet";
const TOO_LONG: &str =
    "a playback token with a viewer id or a single-use id must expire within ten minutes";
const CHANNEL: &str = "the playback token is for another channel";
const ORIGIN: &str = "the playback token does not allow this origin";
const RESOLUTION: &str = "no rendition is within the playback token's maximum resolution";
const USED: &str = "the playback token has been used";
const REVOKED: &str = "the viewer's session was revoked";

async fn show(arguments: &[&str]) -> Show {
    let mut config = config();
    let now = Timestamp::from_second(NOW).unwrap();
    config.context = Context::new(move || now, Uuid::new_v4);
    Show::start_configured(config, arguments).await
}

fn claims(show: &Show, changes: &Value) -> Value {
    let mut claims = json!({ "aws:channel-arn": show.arn(), "exp": NOW + 60 });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.as_object_mut().unwrap().remove(name),
            value => claims
                .as_object_mut()
                .unwrap()
                .insert(name.clone(), value.clone()),
        };
    }
    claims
}

/// What the server says to a token: its error, or nothing if it plays.
async fn answer(show: &Show, token: &str, origin: Option<&str>) -> String {
    let mut request = reqwest::Client::new().get(show.url(token));
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    if status == 200 {
        assert!(text.starts_with("#EXTM3U"), "{text}");
        return PLAYS.to_owned();
    }
    let error: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &error["status"]), (403, &json!(403)), "{error}");
    error["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_claim_counts() {
    let show = show(&["-c:a", "aac"]).await;
    let id = "9f4dd9ee-9f0f-4c2b-9d3a-0a2a2c0e6f11";
    let other = show.arn().replace("channel/", "channel/x");
    let (arn, listed) = ("aws:channel-arn", "aws:access-control-allow-origin");
    let (strict, once) = ("aws:strict-origin-enforcement", "aws:single-use-uuid");
    let (viewer, version) = ("aws:viewer-id", "aws:viewer-session-version");
    let cap = "aws:maximum-resolution";
    let list = "https://a.test,https://*.b.test";
    let six =
        "https://1.test,https://2.test,https://3.test,https://4.test,https://5.test,https://a.test";
    let five = &six[15..];
    #[rustfmt::skip]
    let table = [
        // changes to the claims,                        page,  answer
        (json!({}),                                      None,  PLAYS),
        (json!({}),                                      C,     PLAYS),
        (json!({ arn: null }),                           None,  MALFORMED),
        (json!({ arn: 7 }),                              None,  MALFORMED),
        (json!({ arn: "" }),                             None,  CHANNEL),
        (json!({ arn: other }),                          None,  CHANNEL),

        (json!({ "exp": null }),                         None,  MALFORMED),
        (json!({ "exp": "1800000060" }),                 None,  MALFORMED),
        (json!({ "exp": 1_800_000_060.5 }),              None,  MALFORMED),
        (json!({ "exp": -1 }),                           None,  EXPIRED),
        (json!({ "exp": NOW - 1 }),                      None,  EXPIRED),
        (json!({ "exp": NOW }),                          None,  EXPIRED),
        (json!({ "exp": NOW + 1 }),                      None,  PLAYS),
        (json!({ "exp": NOW + 86_400 }),                 None,  PLAYS),
        (json!({ "exp": NOW * 1_000 }),                  None,  PLAYS),
        (json!({ "nbf": NOW }),                          None,  PLAYS),
        (json!({ "nbf": NOW + 1 }),                      None,  NOT_YET),
        (json!({ "nbf": "now" }),                        None,  MALFORMED),

        (json!({ listed: list }),                        A,     PLAYS),
        (json!({ listed: list }),                        B,     PLAYS),
        (json!({ listed: list }),                        C,     ORIGIN),
        (json!({ listed: list }),                        NULL,  ORIGIN),
        (json!({ listed: list }),                        None,  PLAYS),
        (json!({ listed: "*" }),                         C,     PLAYS),
        (json!({ listed: "" }),                          A,     ORIGIN),
        (json!({ listed: ["https://a.test"] }),          A,     MALFORMED),

        (json!({ listed: list, strict: true }),          A,     PLAYS),
        (json!({ listed: list, strict: true }),          C,     ORIGIN),
        (json!({ listed: list, strict: true }),          None,  ORIGIN),
        (json!({ listed: list, strict: false }),         None,  PLAYS),
        (json!({ listed: list, strict: "true" }),        A,     MALFORMED),
        (json!({ listed: five, strict: true }),          A,     PLAYS),
        (json!({ listed: six, strict: true }),           A,     MALFORMED),
        (json!({ listed: six }),                         A,     PLAYS),
        (json!({ strict: true }),                        A,     MALFORMED),

        (json!({ once: id, "exp": NOW + 601 }),          None,  TOO_LONG),
        (json!({ once: id, "exp": NOW + 600 }),          None,  PLAYS),
        (json!({ once: id }),                            None,  USED),
        (json!({ once: "once" }),                        None,  MALFORMED),
        (json!({ once: 1 }),                             None,  MALFORMED),

        (json!({ viewer: "v", "exp": NOW + 601 }),       None,  TOO_LONG),
        (json!({ viewer: "v", "exp": NOW + 600 }),       None,  PLAYS),
        (json!({ viewer: "v".repeat(40) }),              None,  PLAYS),
        (json!({ viewer: "v".repeat(41) }),              None,  MALFORMED),
        (json!({ viewer: "" }),                          None,  MALFORMED),
        (json!({ viewer: 1 }),                           None,  MALFORMED),
        (json!({ viewer: "v", version: i64::MIN }),      None,  PLAYS),
        (json!({ viewer: "v", version: i64::MAX }),      None,  PLAYS),
        (json!({ viewer: "v", version: "1" }),           None,  MALFORMED),
        (json!({ viewer: "v", version: 1.5 }),           None,  MALFORMED),
        (json!({ viewer: "gone" }),                      None,  REVOKED),
        (json!({ viewer: "gone", version: -1 }),         None,  REVOKED),
        (json!({ viewer: "gone", version: 2 }),          None,  REVOKED),
        (json!({ viewer: "gone", version: 3 }),          None,  PLAYS),
        (json!({ version: 1 }),                          None,  PLAYS),

        (json!({ cap: "SD" }),                           None,  PLAYS),
        (json!({ cap: "FULL_HD" }),                      None,  PLAYS),
        (json!({ cap: "480p" }),                         None,  MALFORMED),
        (json!({ cap: 480 }),                            None,  MALFORMED),
    ];
    show.revoke("gone", 2).await;
    for (changes, page, expected) in table {
        let token = show.signer.sign(&claims(&show, &changes));
        let said = answer(&show, &token, page).await;
        assert_eq!(said, expected, "{changes} from {page:?}");
    }
    show.server.stop().await;
}

#[tokio::test]
async fn only_an_imported_key_signs_and_only_with_es384() {
    let show = show(&["-c:a", "aac"]).await;
    let claims = claims(&show, &json!({}));
    let (good, payload) = (
        show.signer.sign(&claims),
        URL_SAFE_NO_PAD.encode(claims.to_string()),
    );
    let parts: Vec<&str> = good.split('.').collect();
    let with_header = |header: Value, signature: &str| {
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        format!("{header}.{payload}.{signature}")
    };
    let with_secret = |algorithm| {
        let public = EncodingKey::from_secret(show.signer.public_pem.as_bytes());
        encode(&Header::new(algorithm), &claims, &public).unwrap()
    };
    let longer = self::claims(&show, &json!({ "exp": NOW + 9_999 }));
    let longer = URL_SAFE_NO_PAD.encode(longer.to_string());
    #[rustfmt::skip]
    let table = [
        ("as it should be",         good.clone(),                                                PLAYS),
        ("none at all",             String::new(),                                               MISSING),
        ("no token",                "token".to_owned(),                                          MALFORMED),
        ("three empty parts",       "..".to_owned(),                                             MALFORMED),
        ("alg none",                with_header(json!({ "alg": "none", "typ": "JWT" }), ""),     MALFORMED),
        ("alg None, signed",        with_header(json!({ "alg": "None" }), parts[2]),             MALFORMED),
        ("no alg",                  with_header(json!({ "typ": "JWT" }), parts[2]),              MALFORMED),
        ("HS256, public key",       with_secret(Algorithm::HS256),                               ALGORITHM),
        ("HS384, public key",       with_secret(Algorithm::HS384),                               ALGORITHM),
        ("alg ES256, signed",       with_header(json!({ "alg": "ES256" }), parts[2]),            ALGORITHM),
        ("alg RS256, signed",       with_header(json!({ "alg": "RS256" }), parts[2]),            ALGORITHM),
        ("another key",             Signer::new().sign(&claims),                                 UNKNOWN_KEY),
        ("a longer life",           format!("{}.{longer}.{}", parts[0], parts[2]),               UNKNOWN_KEY),
        ("another header",          with_header(json!({ "alg": "ES384", "x": 1 }), parts[2]),    UNKNOWN_KEY),
        ("half a signature",        format!("{}.{payload}.{}", parts[0], &parts[2][..64]),       UNKNOWN_KEY),
        ("no signature",            format!("{}.{payload}.", parts[0]),                          UNKNOWN_KEY),
        ("a fourth part",           format!("{good}.x"),                                         MALFORMED),
    ];
    for (what, token, expected) in table {
        assert_eq!(answer(&show, &token, None).await, expected, "{what}");
    }
    show.delete_key().await;
    assert_eq!(
        answer(&show, &good, None).await,
        UNKNOWN_KEY,
        "a deleted key"
    );
    show.server.stop().await;
}

#[tokio::test]
async fn a_cap_below_all_there_is_refuses_and_says_so() {
    let show = show(&["-c:a", "aac", "-s", "960x540"]).await;
    for (cap, expected) in [("SD", RESOLUTION), ("HD", PLAYS), ("FULL_HD", PLAYS)] {
        let claims = claims(&show, &json!({ "aws:maximum-resolution": cap }));
        let said = answer(&show, &show.signer.sign(&claims), None).await;
        assert_eq!(said, expected, "{cap}");
    }
    show.server.stop().await;
}
