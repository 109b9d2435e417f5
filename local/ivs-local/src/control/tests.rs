//! The protocol around the operations: who calls, and what an error looks like.

use axum::http::HeaderValue;

use super::*;

fn headers(authorization: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::AUTHORIZATION,
        HeaderValue::from_str(authorization).unwrap(),
    );
    headers
}

#[test]
fn the_region_is_that_of_the_credential_scope() {
    for access_key in ["AKIDEXAMPLE", "has/slash"] {
        let signed = headers(&format!(
            "AWS4-HMAC-SHA256 Credential={access_key}/20261122/eu-west-1/ivs/aws4_request, \
             SignedHeaders=host, Signature=00"
        ));
        assert_eq!(
            caller(&signed),
            Ok(Caller {
                region: "eu-west-1".into()
            })
        );
    }
}

#[test]
fn unsigned_requests_and_other_services_are_denied() {
    assert!(matches!(
        caller(&HeaderMap::new()),
        Err(ApiError::AccessDenied(_))
    ));
    for wrong in [
        "",
        "Bearer x",
        "AWS4-HMAC-SHA256 Credential=",
        "AWS4-HMAC-SHA256 Credential=A/20261122/eu-west-1/s3/aws4_request, Signature=00",
        "AWS4-HMAC-SHA256 Credential=A/20261122/EU WEST/ivs/aws4_request, Signature=00",
    ] {
        assert!(
            matches!(caller(&headers(wrong)), Err(ApiError::AccessDenied(_))),
            "{wrong}"
        );
    }
}

#[test]
fn an_error_has_the_header_that_sdks_look_at() {
    let response = ApiError::NotBroadcasting("arn".into()).into_response();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        response.headers()["x-amzn-errortype"],
        "ChannelNotBroadcasting"
    );
}

#[test]
fn names_and_enumerations_are_those_of_the_model() {
    assert!(validate::name("a-B_9").is_ok());
    assert!(validate::name("").is_ok());
    assert!(validate::name(&"a".repeat(128)).is_ok());
    for wrong in ["a b", "ä", &"a".repeat(129)] {
        assert!(validate::name(wrong).is_err(), "{wrong}");
    }
    assert_eq!(
        validate::one_of("f", "B".into(), &["A", "B"]),
        Ok("B".to_owned())
    );
    assert!(validate::one_of("f", "C".into(), &["A", "B"]).is_err());
}

#[test]
fn tags_are_those_of_the_model() {
    let one = |key: &str, value: &str| validate::tags(&[(key.into(), value.into())].into());
    for (key, value) in [
        ("k", ""),
        ("Größe 1_.:/=+-@", "ünï\u{a0}code ٣"),
        (&"k".repeat(128), &"v".repeat(256)),
    ] {
        assert_eq!(one(key, value), Ok(()), "{key}");
    }
    for (key, value) in [
        ("", "v"),
        ("k\n", "v"),
        ("k", "a;b"),
        ("k!", "v"),
        ("aws:k", "v"),
        ("AWS:k", "v"),
        (&"k".repeat(129), "v"),
        ("k", &"v".repeat(257)),
    ] {
        assert!(one(key, value).is_err(), "{key:?}");
    }
    let many = |count: usize| (0..count).map(|n| (n.to_string(), String::new())).collect();
    assert!(validate::tags(&many(50)).is_ok());
    assert!(validate::tags(&many(51)).is_err());
}
