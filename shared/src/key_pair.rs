//! A playback key pair: its private half as people keep it in Secrets Manager, and what IVS calls it.
//!
//! The token issuer signs with the pair, an operator makes it known to IVS: both must mean the same
//! pair by the same secret.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_ASN1_SIGNING,
        ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use md5::{Digest, Md5};

/// Why a secret is no playback key. No part of the secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is neither PEM nor base64 of PEM.
    #[error("neither a PEM file nor base64 of one")]
    NotPem,
    /// It is the half that anyone may know.
    #[error("a public key; the private key of the pair is needed to sign")]
    PublicKey,
    /// A passphrase would be needed.
    #[error("an encrypted private key; it has to be stored without a passphrase")]
    Encrypted,
    /// It is PEM of something else.
    #[error("no private key in the PEM file, only: {0}")]
    NoPrivateKey(String),
    /// It is a key that IVS does not take.
    #[error("a key on curve {0}; IVS takes only P-384 (secp384r1)")]
    WrongCurve(&'static str),
    /// The key itself cannot be read.
    #[error("a private key that is damaged or not of an elliptic curve; IVS takes only P-384")]
    Unusable,
}

/// Reads a private P-384 key as people store it: a PEM file or base64 of one, in the form that
/// `openssl ecparam -genkey` writes (SEC1, RFC 5915, also with its parameters before it) or in
/// PKCS#8.
///
/// # Errors
/// [`KeyError`] says what it is instead.
pub fn read(secret: &[u8]) -> Result<EcdsaKeyPair, KeyError> {
    let der = private_key_der(secret)?;
    EcdsaKeyPair::from_private_key_der(&ECDSA_P384_SHA384_FIXED_SIGNING, &der)
        .map_err(|_| why_rejected(&der))
}

/// The half that anyone may know, as DER (SubjectPublicKeyInfo).
///
/// # Errors
/// [`KeyError::Unusable`] when the cryptographic library cannot write it.
pub fn public_half(pair: &EcdsaKeyPair) -> Result<PublicKeyX509Der<'static>, KeyError> {
    pair.public_key().as_der().map_err(|_| KeyError::Unusable)
}

/// What IVS calls a pair: the MD5 digest of its public half, as [`public_half`] gives it, in
/// hexadecimal bytes separated by colons.
pub fn fingerprint(public_half: &[u8]) -> String {
    let bytes: Vec<String> = Md5::digest(public_half)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    bytes.join(":")
}

fn private_key_der(secret: &[u8]) -> Result<Vec<u8>, KeyError> {
    let text = std::str::from_utf8(secret).map_err(|_| KeyError::NotPem)?;
    let blocks = match text.contains("-----BEGIN ") {
        true => pem::parse_many(text),
        false => {
            let base64: String = text.split_whitespace().collect();
            let decoded = BASE64_STANDARD.decode(base64);
            pem::parse_many(decoded.map_err(|_| KeyError::NotPem)?)
        }
    }
    .map_err(|_| KeyError::NotPem)?;
    if blocks.is_empty() {
        return Err(KeyError::NotPem);
    }
    for block in &blocks {
        match block.tag() {
            "EC PRIVATE KEY" | "PRIVATE KEY" if block.headers().get("Proc-Type").is_none() => {
                return Ok(block.contents().to_vec());
            }
            // OpenSSL marks its older form of encryption in a header.
            "EC PRIVATE KEY" | "PRIVATE KEY" | "ENCRYPTED PRIVATE KEY" => {
                return Err(KeyError::Encrypted);
            }
            "PUBLIC KEY" => return Err(KeyError::PublicKey),
            _ => {}
        }
    }
    let tags: Vec<_> = blocks.iter().map(pem::Pem::tag).collect();
    Err(KeyError::NoPrivateKey(tags.join(", ")))
}

/// Tells a key on another curve from what is no such key at all.
fn why_rejected(der: &[u8]) -> KeyError {
    let others = [
        ("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
        ("P-521", &ECDSA_P521_SHA512_FIXED_SIGNING),
        ("secp256k1", &ECDSA_P256K1_SHA256_ASN1_SIGNING),
    ];
    others
        .into_iter()
        .find(|(_, algorithm)| EcdsaKeyPair::from_private_key_der(algorithm, der).is_ok())
        .map_or(KeyError::Unusable, |(curve, _)| KeyError::WrongCurve(curve))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl ecparam -name secp384r1 -genkey -noout`, for this test alone; the
    /// fingerprint with `openssl ec -pubout -outform DER | openssl md5 -c`.
    const SEC1: &str = "\
-----BEGIN EC PRIVATE KEY-----\n\
MIGkAgEBBDBL2oLj1YI5LCV+r9kqjmmfdp/oskU7C/2Dalu8rgoiBLbX0KAQU0Qs\n\
d5RIUjovoJSgBwYFK4EEACKhZANiAAQ2/TGrx2+BsQNbBFRHGEdzLuadg0vIdrB+\n\
XRTunoJ33Gjaubwjo6LlXvlm3mjT3WQsEzAwUuLr6wntxdE6XMLH/jKXUha0SsiL\n\
kHYeGGuJLGWPxQ1mQM0bQkL2ozBHWd8=\n\
-----END EC PRIVATE KEY-----";
    const FINGERPRINT: &str = "68:73:c4:f6:bb:35:f2:5b:22:9f:a8:16:fe:ee:52:be";

    #[test]
    fn a_pair_has_the_fingerprint_that_openssl_computes() {
        for secret in [SEC1.to_owned(), BASE64_STANDARD.encode(SEC1)] {
            let pair = read(secret.as_bytes()).unwrap();
            let public = public_half(&pair).unwrap();
            assert_eq!(fingerprint(public.as_ref()), FINGERPRINT);
        }
    }

    #[test]
    fn what_is_no_private_key_is_named() {
        assert_eq!(read(b"").unwrap_err(), KeyError::NotPem);
        assert_eq!(read(b"{}").unwrap_err(), KeyError::NotPem);
        let public = SEC1.replace("EC PRIVATE", "PUBLIC");
        assert_eq!(read(public.as_bytes()).unwrap_err(), KeyError::PublicKey);
    }
}
