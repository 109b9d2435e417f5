//! The private playback key: read once, then kept to sign with.
//!
//! `jsonwebtoken::encode` would build the key anew for every token, which nearly halves the rate;
//! so the token is put together here and signed with the key as aws-lc-rs keeps it.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    error::Unspecified,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_ASN1_SIGNING,
        ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    },
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, Header};
use md5::{Digest, Md5};
use serde::Serialize;

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

/// A token could not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the playback key could not sign")]
pub struct SigningError;

impl From<Unspecified> for SigningError {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

/// A private P-384 key, ready to sign.
pub struct PlaybackKey {
    pair: EcdsaKeyPair,
    random: SystemRandom,
    fingerprint: String,
    /// `{"alg":"ES384","typ":"JWT"}`, encoded; it is the same in every token.
    header: String,
}

impl fmt::Debug for PlaybackKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlaybackKey")
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl PlaybackKey {
    /// Reads a key as people store it: a PEM file or base64 of one, in the form that
    /// `openssl ecparam -genkey` writes (SEC1, RFC 5915, also with its parameters before it) or in
    /// PKCS#8.
    ///
    /// # Errors
    /// [`KeyError`] says what it is instead.
    pub fn read(secret: &[u8]) -> Result<Self, KeyError> {
        Self::from_der(&private_key_der(secret)?)
    }

    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P384_SHA384_FIXED_SIGNING, der)
            .map_err(|_| why_rejected(der))?;
        let public: PublicKeyX509Der =
            pair.public_key().as_der().map_err(|_| KeyError::Unusable)?;
        let header = serde_json::to_vec(&Header::new(Algorithm::ES384))
            .expect("a header has only string keys");
        Ok(Self {
            fingerprint: fingerprint(public.as_ref()),
            header: BASE64_URL_SAFE_NO_PAD.encode(header),
            random: SystemRandom::new(),
            pair,
        })
    }

    /// What IVS calls the key's public half: the MD5 digest of its DER form
    /// (SubjectPublicKeyInfo), as hexadecimal bytes separated by colons.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// A JSON Web Token (RFC 7519) of these claims, signed with ES384.
    ///
    /// # Errors
    /// [`SigningError`] when the cryptographic library fails.
    pub fn sign<T: Serialize>(&self, claims: &T) -> Result<String, SigningError> {
        let claims = serde_json::to_vec(claims).map_err(|_| SigningError)?;
        let mut token = String::with_capacity(self.header.len() + claims.len() * 4 / 3 + 135);
        token.push_str(&self.header);
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(&claims, &mut token);
        let signature = self.pair.sign(&self.random, token.as_bytes())?;
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        Ok(token)
    }
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

fn fingerprint(public_key: &[u8]) -> String {
    let bytes: Vec<String> = Md5::digest(public_key)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    bytes.join(":")
}

#[cfg(test)]
mod tests;
