//! Identity tokens that must not count, made with everything that an attacker may know, and one
//! thing that they may not.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use stage::{Stack, stack};

/// The header and the claims of a token.
pub(crate) fn read(token: &str) -> (Value, Value) {
    let mut parts = token
        .split('.')
        .map(|part| serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap());
    (parts.next().unwrap(), parts.next().unwrap())
}

fn part(json: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(json.to_string())
}

/// A token that says that it needs no signature.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}.", part(header), part(claims))
}

/// Other claims under the signature of a real token.
pub(crate) fn with_other_claims(token: &str, claims: &Value) -> String {
    let (header, rest) = token.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    format!("{header}.{}.{signature}", part(claims))
}

/// Signed with HS256, with something that everyone may read as the shared secret.
pub(crate) fn hs256(key_id: &str, claims: &Value, secret: &[u8]) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(key_id.to_owned());
    encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

/// Signed with the pool's own private key for ID tokens, which only Cognito has: here it is read
/// from the emulator's state.
pub(crate) fn by_the_pool(stack: &Stack, key_id: &str, claims: &Value) -> String {
    let file = format!("{}-id.pem", stack.outputs.user_pool_id);
    let keys = stack::Stack::path().with_file_name("state/ministack/cognito-pool-keys");
    let pem = std::fs::read(keys.join(file)).unwrap();
    let mut header = Header::new(Algorithm::RS256);
    header.kid = Some(key_id.to_owned());
    encode(&header, claims, &EncodingKey::from_rsa_pem(&pem).unwrap()).unwrap()
}

/// The public key that the pool signs ID tokens with, as PEM: what a library that confuses the
/// algorithms would take for a shared secret.
pub(crate) async fn public_key(stack: &Stack, key_id: &str) -> String {
    let pool = &stack.outputs.user_pool_id;
    let url = format!("{}/{pool}/.well-known/jwks.json", stack.endpoint_url);
    let http = stack.http_client().unwrap();
    let keys: Value = http.get(url).send().await.unwrap().json().await.unwrap();
    let keys = keys["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == key_id).unwrap();
    let number = |name: &str| {
        let digits = key[name].as_str().unwrap();
        BASE64_URL_SAFE_NO_PAD.decode(digits).unwrap()
    };
    let der = subject_public_key_info(&number("n"), &number("e"));
    let lines: Vec<_> = BASE64_STANDARD
        .encode(der)
        .as_bytes()
        .chunks(64)
        .map(|line| String::from_utf8(line.to_vec()).unwrap())
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n")
}

/// An RSA key in DER (RFC 3279).
fn subject_public_key_info(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let unsigned = |digits: &[u8]| der(0x02, &[&[0], digits].concat());
    let key = der(0x30, &[unsigned(modulus), unsigned(exponent)].concat());
    let rsa_encryption = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    let algorithm = der(0x30, &[der(0x06, &rsa_encryption), der(0x05, &[])].concat());
    let bits = der(0x03, &[&[0], key.as_slice()].concat());
    der(0x30, &[algorithm, bits].concat())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let [high, low] = length.to_be_bytes();
    let length = match length {
        0..=0x7f => vec![low],
        0x80..=0xff => vec![0x81, low],
        _ => vec![0x82, high, low],
    };
    [&[tag], length.as_slice(), content].concat()
}

/// A token that brings along the key it was signed with, an attacker's own.
pub(crate) fn with_its_own_key(key_id: &str, claims: &Value) -> String {
    let secret = b"an attacker's own";
    let jwk = json!({ "kty": "oct", "alg": "HS256", "k": BASE64_URL_SAFE_NO_PAD.encode(secret) });
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(key_id.to_owned());
    header.jku = Some("https://attacker.example/jwks.json".to_owned());
    header.jwk = Some(serde_json::from_value(jwk).unwrap());
    encode(&header, claims, &EncodingKey::from_secret(secret)).unwrap()
}

#[test]
fn the_key_is_what_openssl_writes() {
    // The exponent 65537 and a modulus of 1,024 bits have the well-known beginning.
    let der = subject_public_key_info(&[0xff; 128], &[1, 0, 1]);
    let text = BASE64_STANDARD.encode(der);
    assert!(
        text.starts_with("MIGgMA0GCSqGSIb3DQEBAQUAA4GOADCBigKBgQD/"),
        "{text}"
    );
}
