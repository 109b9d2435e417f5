//! Every claim of a token right, wrong and missing, and every way to forge one.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;

const CHANNEL: &str = "arn:aws:ivs:us-east-1:000000000000:channel/abc";
const NOW: i64 = 1_800_000_000;

/// A key pair: what signs, and what is imported.
struct Signer {
    private: EncodingKey,
    public_pem: String,
}

impl Signer {
    fn new() -> Self {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &SystemRandom::new())
                .unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
        let der = pair.public_key().as_der().unwrap().as_ref().to_vec();
        Self {
            private: EncodingKey::from_ec_der(pkcs8.as_ref()),
            public_pem: pem::encode(&pem::Pem::new("PUBLIC KEY", der)),
        }
    }

    fn key(&self) -> PlaybackKey {
        PlaybackKey::from_pem(&self.public_pem).unwrap()
    }

    fn sign(&self, claims: &Value) -> String {
        encode(&Header::new(Algorithm::ES384), claims, &self.private).unwrap()
    }
}

fn claims() -> Value {
    json!({ "aws:channel-arn": CHANNEL, "exp": NOW + 60 })
}

/// The right claims with some changed; `null` removes one.
fn claims_with(changes: &Value) -> Value {
    let mut claims = claims();
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

fn check(signer: &Signer, token: &str, origin: Option<&str>) -> Result<Grant, Refusal> {
    verify(
        token,
        CHANNEL,
        [&signer.key()],
        Timestamp::from_second(NOW).unwrap(),
        origin,
    )
}

fn check_claims(changes: &Value, origin: Option<&str>) -> Result<Grant, Refusal> {
    let signer = Signer::new();
    check(&signer, &signer.sign(&claims_with(changes)), origin)
}

#[test]
fn the_smallest_right_token_grants_a_nameless_playback() {
    let grant = check_claims(&json!({}), None).unwrap();
    assert_eq!(grant.viewer, None);
    assert_eq!(grant.strict_origins, None);
    assert_eq!(grant.single_use, None);
    assert_eq!(grant.expires_at.as_second(), NOW + 60);
}

#[test]
fn any_imported_key_may_have_signed() {
    let (one, other) = (Signer::new(), Signer::new());
    let now = Timestamp::from_second(NOW).unwrap();
    for signer in [&one, &other] {
        assert!(
            verify(
                &signer.sign(&claims()),
                CHANNEL,
                [&one.key(), &other.key()],
                now,
                None
            )
            .is_ok()
        );
    }
}

#[test]
fn a_token_of_an_unknown_key_is_refused() {
    let forged = Signer::new().sign(&claims());
    assert_eq!(
        check(&Signer::new(), &forged, None),
        Err(Refusal::UnknownKey)
    );
    let now = Timestamp::from_second(NOW).unwrap();
    assert_eq!(
        verify(&forged, CHANNEL, [], now, None),
        Err(Refusal::UnknownKey)
    );
}

#[test]
fn changed_claims_break_the_signature() {
    let signer = Signer::new();
    let token = signer.sign(&claims());
    let parts: Vec<&str> = token.split('.').collect();
    let body = URL_SAFE_NO_PAD.encode(claims_with(&json!({ "exp": NOW + 9_999 })).to_string());
    let forged = format!("{}.{body}.{}", parts[0], parts[2]);
    assert_eq!(check(&signer, &forged, None), Err(Refusal::UnknownKey));
}

#[test]
fn other_algorithms_are_refused() {
    let signer = Signer::new();
    let secret = EncodingKey::from_secret(signer.public_pem.as_bytes());
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let token = encode(&Header::new(algorithm), &claims(), &secret).unwrap();
        assert_eq!(
            check(&signer, &token, None),
            Err(Refusal::WrongAlgorithm),
            "{algorithm:?}"
        );
    }
    for header in [
        r#"{"alg":"none","typ":"JWT"}"#,
        r#"{"alg":"None"}"#,
        r#"{"typ":"JWT"}"#,
    ] {
        let unsigned = format!(
            "{}.{}.",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims().to_string())
        );
        assert_eq!(
            check(&signer, &unsigned, None),
            Err(Refusal::Malformed),
            "{header}"
        );
    }
    let mixed = signer.sign(&claims());
    let (_, rest) = mixed.split_once('.').unwrap();
    let swapped = format!(
        "{}.{rest}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","typ":"JWT"}"#)
    );
    assert_eq!(check(&signer, &swapped, None), Err(Refusal::WrongAlgorithm));
}

#[test]
fn what_is_not_a_token_is_malformed() {
    for text in ["", ".", "..", "a.b.c", "☃", &"x".repeat(10_000)] {
        assert_eq!(
            check(&Signer::new(), text, None),
            Err(Refusal::Malformed),
            "{text:.20}"
        );
    }
}

#[test]
fn the_expiry_counts_to_the_second() {
    for (exp, expected) in [
        (NOW + 1, None),
        (NOW, Some(Refusal::Expired)),
        (NOW - 3_600, Some(Refusal::Expired)),
    ] {
        assert_eq!(
            check_claims(&json!({ "exp": exp }), None).err(),
            expected,
            "{}",
            exp - NOW
        );
    }
    assert!(
        check_claims(&json!({ "exp": i64::MAX }), None).is_ok(),
        "as a count of milliseconds, too"
    );
    for exp in [json!(null), json!("soon"), json!(NOW as f64 + 0.5)] {
        assert_eq!(
            check_claims(&json!({ "exp": exp }), None),
            Err(Refusal::Malformed),
            "{exp}"
        );
    }
}

#[test]
fn a_token_is_not_good_before_its_time() {
    for (nbf, expected) in [
        (json!(NOW), None),
        (json!(NOW + 1), Some(Refusal::NotYet)),
        (json!("now"), Some(Refusal::Malformed)),
    ] {
        let nbf = json!({ "nbf": nbf });
        assert_eq!(check_claims(&nbf, None).err(), expected, "{nbf}");
    }
}

#[test]
fn a_token_that_must_be_remembered_lives_ten_minutes() {
    for tracked in [
        json!({ "aws:viewer-id": "v" }),
        json!({ "aws:single-use-uuid": Uuid::from_u128(7) }),
    ] {
        for (seconds, expected) in [(600, None), (601, Some(Refusal::TooLong))] {
            let mut changes = tracked.clone();
            changes["exp"] = json!(NOW + seconds);
            assert_eq!(check_claims(&changes, None).err(), expected, "{changes}");
        }
    }
    assert!(check_claims(&json!({ "exp": NOW + 86_400 }), None).is_ok());
}

#[test]
fn a_resolution_is_one_of_three() {
    let cap = |value: Value| {
        check_claims(&json!({ "aws:maximum-resolution": value }), None)
            .map(|grant| grant.maximum_resolution)
    };
    assert_eq!(cap(json!("SD")), Ok(Some(MaximumResolution::Sd)));
    assert_eq!(cap(json!("HD")), Ok(Some(MaximumResolution::Hd)));
    assert_eq!(cap(json!("FULL_HD")), Ok(Some(MaximumResolution::FullHd)));
    for wrong in [json!("480p"), json!("hd"), json!(480)] {
        assert_eq!(cap(wrong.clone()), Err(Refusal::Malformed), "{wrong}");
    }
}

#[test]
fn the_channel_must_be_this_one() {
    let other = "arn:aws:ivs:us-east-1:000000000000:channel/abcd";
    assert_eq!(
        check_claims(&json!({ "aws:channel-arn": other }), None),
        Err(Refusal::OtherChannel)
    );
    for arn in [json!(null), json!(7)] {
        assert_eq!(
            check_claims(&json!({ "aws:channel-arn": arn }), None),
            Err(Refusal::Malformed)
        );
    }
}

#[test]
fn an_origin_is_checked_when_one_is_sent() {
    let allowed = json!({ "aws:access-control-allow-origin": "https://a.test,https://*.b.test" });
    assert!(check_claims(&allowed, None).is_ok());
    assert!(check_claims(&allowed, Some("https://a.test")).is_ok());
    assert!(check_claims(&allowed, Some("https://x.b.test")).is_ok());
    assert_eq!(
        check_claims(&allowed, Some("https://c.test")),
        Err(Refusal::Origin)
    );
    assert!(
        check_claims(&json!({}), Some("https://c.test")).is_ok(),
        "no claim, no limit"
    );
}

#[test]
fn strict_origins_go_with_the_session() {
    let claim = |origins: &str| json!({ "aws:access-control-allow-origin": origins, "aws:strict-origin-enforcement": true });
    let grant = check_claims(&claim("https://a.test"), Some("https://a.test")).unwrap();
    assert_eq!(grant.strict_origins, Some(Origins::parse("https://a.test")));
    assert_eq!(
        check_claims(&claim("https://a.test"), None),
        Err(Refusal::Origin)
    );
    let six =
        "https://1.test,https://2.test,https://3.test,https://4.test,https://5.test,https://6.test";
    assert_eq!(
        check_claims(&claim(six), Some("https://1.test")),
        Err(Refusal::Malformed)
    );
    let without = json!({ "aws:strict-origin-enforcement": true });
    assert_eq!(
        check_claims(&without, Some("https://a.test")),
        Err(Refusal::Malformed)
    );
}

#[test]
fn the_viewer_has_an_id_and_a_version() {
    let viewer = |changes| check_claims(&changes, None).map(|grant| grant.viewer);
    let named = |session_version| {
        Ok(Some(Viewer {
            id: "v".into(),
            session_version,
        }))
    };
    assert_eq!(viewer(json!({ "aws:viewer-id": "v" })), named(0));
    assert_eq!(
        viewer(json!({ "aws:viewer-id": "v", "aws:viewer-session-version": 7 })),
        named(7)
    );
    assert_eq!(
        viewer(json!({ "aws:viewer-id": "v", "aws:viewer-session-version": i64::MIN })),
        named(i64::MIN)
    );
    for wrong in [
        json!({ "aws:viewer-id": "" }),
        json!({ "aws:viewer-id": "v".repeat(41) }),
        json!({ "aws:viewer-id": 1 }),
        json!({ "aws:viewer-id": "v", "aws:viewer-session-version": "1" }),
    ] {
        assert_eq!(viewer(wrong.clone()), Err(Refusal::Malformed), "{wrong}");
    }
}

#[test]
fn a_single_use_id_must_be_a_uuid() {
    let id = Uuid::from_u128(7);
    let grant = check_claims(&json!({ "aws:single-use-uuid": id }), None).unwrap();
    assert_eq!(grant.single_use, Some(id));
    assert_eq!(
        check_claims(&json!({ "aws:single-use-uuid": "once" }), None),
        Err(Refusal::Malformed)
    );
}

#[test]
fn a_viewer_is_never_printed() {
    let viewer = Viewer {
        id: "someone".into(),
        session_version: 3,
    };
    assert!(!format!("{viewer:?}").contains("someone"));
}
