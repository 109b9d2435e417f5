//! Playback key pairs: made anew, and read from what a secret holds.

use anyhow::anyhow;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use base64::{Engine, prelude::BASE64_STANDARD};
use cuepoint_shared::key_pair::{self, KeyError};
use pem::Pem;

/// What may be known of a key pair by anyone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicHalf {
    /// What IVS calls it.
    pub fingerprint: String,
    /// What IVS imports: SubjectPublicKeyInfo as PEM.
    pub pem: String,
}

impl PublicHalf {
    /// The public half of the private key that a secret holds.
    ///
    /// # Errors
    /// [`KeyError`] says what it holds instead.
    pub fn of_secret(secret: &[u8]) -> Result<Self, KeyError> {
        let der = key_pair::public_half(&key_pair::read(secret)?)?;
        Ok(Self {
            fingerprint: key_pair::fingerprint(der.as_ref()),
            pem: pem::encode(&Pem::new("PUBLIC KEY", der.as_ref())),
        })
    }
}

/// A new private key, from the system's randomness, as a secret holds it: base64 of PKCS#8 in PEM.
/// It is to be stored and nothing else.
///
/// # Errors
/// Only if the system has no randomness.
pub fn new_secret() -> anyhow::Result<String> {
    let failed = |_| anyhow!("cannot make a P-384 key pair");
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map_err(failed)?;
    let document = pair.to_pkcs8v1().map_err(failed)?;
    let text = pem::encode(&Pem::new("PRIVATE KEY", document.as_ref()));
    Ok(BASE64_STANDARD.encode(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_holds_a_key_of_its_own() {
        let [one, other] = [(); 2].map(|()| {
            let secret = new_secret().unwrap();
            PublicHalf::of_secret(secret.as_bytes()).unwrap()
        });
        assert_ne!(one, other);
        assert_eq!(one.fingerprint.len(), 47);
        assert!(one.pem.starts_with("-----BEGIN PUBLIC KEY-----"));
        assert!(PublicHalf::of_secret(one.pem.as_bytes()).is_err());
    }
}
