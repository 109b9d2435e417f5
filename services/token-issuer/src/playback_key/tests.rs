//! Keys in every form they come in, and tokens read with another implementation.

mod openssl;

use super::*;
use aws_lc_rs::{
    encoding::{AsDer, EcPrivateKeyRfc5915Der, PublicKeyX509Der},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_ASN1_SIGNING,
        ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaSigningAlgorithm,
        KeyPair,
    },
};
use base64::prelude::BASE64_STANDARD;
use cuepoint_shared::key_pair::fingerprint;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use pem::{EncodeConfig, LineEnding, Pem};
use serde_json::{Value, json};

/// What `openssl ecparam` writes before the key: the curve's object identifier.
const SECP384R1: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

fn pair(algorithm: &'static EcdsaSigningAlgorithm) -> EcdsaKeyPair {
    EcdsaKeyPair::generate(algorithm).unwrap()
}

fn pem(tag: &str, der: &[u8]) -> String {
    let lines = EncodeConfig::new().set_line_ending(LineEnding::LF);
    pem::encode_config(&Pem::new(tag, der), lines)
}

fn sec1(pair: &EcdsaKeyPair) -> String {
    let der: EcPrivateKeyRfc5915Der = pair.private_key().as_der().unwrap();
    pem("EC PRIVATE KEY", der.as_ref())
}

fn pkcs8(pair: &EcdsaKeyPair) -> String {
    pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref())
}

fn public_pem(pair: &EcdsaKeyPair) -> String {
    let der: PublicKeyX509Der = pair.public_key().as_der().unwrap();
    pem("PUBLIC KEY", der.as_ref())
}

fn refused(secret: &str) -> KeyError {
    PlaybackKey::read(secret.as_bytes()).unwrap_err()
}

#[test]
fn every_form_of_a_key_signs_what_its_public_half_verifies() {
    let pair = pair(&ECDSA_P384_SHA384_ASN1_SIGNING);
    let with_parameters = pem("EC PARAMETERS", &SECP384R1) + &sec1(&pair);
    let base64 = BASE64_STANDARD.encode(&with_parameters);
    let wrapped: String = base64
        .as_bytes()
        .chunks(76)
        .flat_map(|line| [std::str::from_utf8(line).unwrap(), "\n"])
        .collect();
    let public = DecodingKey::from_ec_pem(public_pem(&pair).as_bytes()).unwrap();
    let claims = json!({ "aws:viewer-id": "viewer", "exp": 4_000_000_000_u64 });
    let mut fingerprints = Vec::new();
    for secret in [
        sec1(&pair),
        pkcs8(&pair),
        pkcs8(&pair).replace('\n', "\r\n"),
        BASE64_STANDARD.encode(pkcs8(&pair)),
        with_parameters,
        base64,
        wrapped,
    ] {
        let key = PlaybackKey::read(secret.as_bytes()).unwrap();
        let token = key.sign(&claims).unwrap();
        let read = decode::<Value>(&token, &public, &Validation::new(Algorithm::ES384)).unwrap();
        assert_eq!(read.claims, claims);
        fingerprints.push(key.fingerprint().to_owned());
    }
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), 1);
}

#[test]
fn the_header_is_what_ivs_documents() {
    let key = PlaybackKey::read(sec1(&pair(&ECDSA_P384_SHA384_ASN1_SIGNING)).as_bytes()).unwrap();
    let token = key.sign(&json!({})).unwrap();
    assert_eq!(
        decode_header(&token).unwrap(),
        Header::new(Algorithm::ES384)
    );
    let header = BASE64_URL_SAFE_NO_PAD
        .decode(token.split('.').next().unwrap())
        .unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header, json!({ "alg": "ES384", "typ": "JWT" }));
}

#[test]
fn another_key_does_not_verify_the_token() {
    let key = PlaybackKey::read(sec1(&pair(&ECDSA_P384_SHA384_ASN1_SIGNING)).as_bytes()).unwrap();
    let token = key.sign(&json!({ "exp": 4_000_000_000_u64 })).unwrap();
    let other = public_pem(&pair(&ECDSA_P384_SHA384_ASN1_SIGNING));
    let other = DecodingKey::from_ec_pem(other.as_bytes()).unwrap();
    assert!(decode::<Value>(&token, &other, &Validation::new(Algorithm::ES384)).is_err());
}

#[test]
fn the_fingerprint_is_that_of_the_public_key_as_openssl_writes_it() {
    // openssl pkey -pubin -outform DER | md5sum
    let public = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEbf4+4XYG2U7uDEY6YYhvQfYmTrD9LAVJ
xw2nfK2/I2Ks86hpZthBdEkf4CAhFvSCgFfucMRL0+6UrhtC+93VYugLf/Df3r5n
jsbiHH03eqfGZQ8fzcMCdCojSS7D3Sdn
-----END PUBLIC KEY-----";
    assert_eq!(
        fingerprint(pem::parse(public).unwrap().contents()),
        "88:85:a5:62:ad:08:2b:14:71:5a:86:2b:bf:a5:62:92"
    );
    let pair = pair(&ECDSA_P384_SHA384_ASN1_SIGNING);
    let key = PlaybackKey::read(sec1(&pair).as_bytes()).unwrap();
    let public = pem::parse(public_pem(&pair)).unwrap();
    assert_eq!(key.fingerprint(), fingerprint(public.contents()));
}

#[test]
fn a_key_on_another_curve_is_named() {
    for (curve, algorithm) in [
        ("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
        ("P-521", &ECDSA_P521_SHA512_FIXED_SIGNING),
        ("secp256k1", &ECDSA_P256K1_SHA256_ASN1_SIGNING),
    ] {
        let pair = pair(algorithm);
        assert_eq!(refused(&sec1(&pair)), KeyError::WrongCurve(curve));
        assert_eq!(refused(&pkcs8(&pair)), KeyError::WrongCurve(curve));
    }
}

#[test]
fn what_is_no_private_key_is_told_apart() {
    let pair = pair(&ECDSA_P384_SHA384_ASN1_SIGNING);
    assert_eq!(refused(&public_pem(&pair)), KeyError::PublicKey);
    let base64 = BASE64_STANDARD.encode(public_pem(&pair));
    assert_eq!(refused(&base64), KeyError::PublicKey);
    assert_eq!(
        refused(&pem("CERTIFICATE", &[1])),
        KeyError::NoPrivateKey("CERTIFICATE".to_owned())
    );
    assert_eq!(
        refused(&pem("ENCRYPTED PRIVATE KEY", &[1])),
        KeyError::Encrypted
    );
    let old_encryption = "-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,00000000000000000000000000000000

AAAA
-----END EC PRIVATE KEY-----";
    assert_eq!(refused(old_encryption), KeyError::Encrypted);
    let damaged = sec1(&pair).replacen("MIG", "MIH", 1);
    assert_eq!(refused(&damaged), KeyError::Unusable);
    for nothing in ["", "   ", "hello", "aGVsbG8="] {
        assert_eq!(refused(nothing), KeyError::NotPem, "{nothing:?}");
    }
    assert_eq!(PlaybackKey::read(&[0xff]).unwrap_err(), KeyError::NotPem);
}

#[test]
fn nothing_of_the_key_is_shown() {
    let key = PlaybackKey::read(sec1(&pair(&ECDSA_P384_SHA384_ASN1_SIGNING)).as_bytes()).unwrap();
    let shown = format!("{key:?}");
    assert_eq!(
        shown,
        format!("PlaybackKey {{ fingerprint: {:?}, .. }}", key.fingerprint())
    );
}
