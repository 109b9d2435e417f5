//! The private playback key: read once, then kept to sign with.
//!
//! `jsonwebtoken::encode` would build the key anew for every token, which nearly halves the rate;
//! so the token is put together here and signed with the key as aws-lc-rs keeps it.

use std::fmt;

use aws_lc_rs::{error::Unspecified, rand::SystemRandom, signature::EcdsaKeyPair};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use cuepoint_shared::key_pair;
pub use cuepoint_shared::key_pair::KeyError;
use jsonwebtoken::{Algorithm, Header};
use serde::Serialize;

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
        let pair = key_pair::read(secret)?;
        let header = serde_json::to_vec(&Header::new(Algorithm::ES384))
            .expect("a header has only string keys");
        Ok(Self {
            fingerprint: key_pair::fingerprint(key_pair::public_half(&pair)?.as_ref()),
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

#[cfg(test)]
mod tests;
