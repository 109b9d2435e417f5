//! Public halves of playback key pairs: ECDSA on P-384, as PEM.

use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED, ParsedPublicKey};
use jsonwebtoken::DecodingKey;
use md5::{Digest, Md5};

/// Everything before the point in the DER of a P-384 public key: its length, `id-ecPublicKey`,
/// `secp384r1` and the bit string's header (RFC 5480, section 2).
const P384_PREFIX: &[u8] = &[
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x05, 0x2B,
    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
];

/// A public key that playback tokens are checked with.
#[derive(Clone)]
pub struct PlaybackKey {
    fingerprint: String,
    decoding_key: DecodingKey,
}

/// Why public key material is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not one PEM block `PUBLIC KEY`.
    #[error("the key material must be one PEM block of type PUBLIC KEY")]
    NotPem,
    /// Another kind of key.
    #[error("the key must be an ECDSA public key on the curve P-384 (secp384r1)")]
    NotP384,
}

impl PlaybackKey {
    /// Reads `-----BEGIN PUBLIC KEY-----` material.
    ///
    /// # Errors
    /// Anything but a valid point on P-384.
    pub fn from_pem(material: &str) -> Result<Self, KeyError> {
        let block = pem::parse(material).map_err(|_| KeyError::NotPem)?;
        if block.tag() != "PUBLIC KEY" {
            return Err(KeyError::NotPem);
        }
        let der = block.contents();
        let point = der.strip_prefix(P384_PREFIX).ok_or(KeyError::NotP384)?;
        ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).map_err(|_| KeyError::NotP384)?;
        Ok(Self {
            fingerprint: fingerprint(der),
            decoding_key: DecodingKey::from_ec_der(point),
        })
    }

    /// MD5 of the key's DER, as IVS prints it: hexadecimal bytes between colons.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub(super) fn decoding_key(&self) -> &DecodingKey {
        &self.decoding_key
    }
}

impl std::fmt::Debug for PlaybackKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PlaybackKey({})", self.fingerprint)
    }
}

fn fingerprint(der: &[u8]) -> String {
    let bytes: Vec<String> = Md5::digest(der)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    bytes.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `openssl ecparam -name secp384r1 -genkey | openssl ec -pubout`.
    const P384: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEQAWhvpM8kDX6FNQxnsBoXonN0oHO+WW9\n\
gGa3nukO9t+Jmj/XXNGZZqLQ3j64hAW/GycYEniQSIpXxWMfgSLKDkprNZjr+TZ6\n\
wFC5OF3u1s1Ay9bpCEUCZIsRKGQaaSew\n\
-----END PUBLIC KEY-----";
    const P384_FINGERPRINT: &str = "7f:2e:92:50:39:d3:d5:4b:b9:9f:c1:9b:7a:6f:39:9f";
    const P256: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2BiE7b+fVbVGYnULN/9EQxGRSR6o\n\
GkaeujyzWWdW/2eMdwPkGdOWKPbWO2ZrPS62/bp+d0Bhj9Q4GuHmnmivzA==\n\
-----END PUBLIC KEY-----";

    #[test]
    fn a_p384_key_has_the_fingerprint_that_openssl_computes() {
        assert_eq!(
            PlaybackKey::from_pem(P384).unwrap().fingerprint(),
            P384_FINGERPRINT
        );
    }

    #[test]
    fn other_material_is_refused() {
        assert_eq!(PlaybackKey::from_pem("").unwrap_err(), KeyError::NotPem);
        assert_eq!(PlaybackKey::from_pem(P256).unwrap_err(), KeyError::NotP384);
        let private = P384.replace("PUBLIC", "PRIVATE");
        assert_eq!(
            PlaybackKey::from_pem(&private).unwrap_err(),
            KeyError::NotPem
        );
    }

    #[test]
    fn a_point_off_the_curve_is_refused() {
        let mut block = pem::parse(P384).unwrap().into_contents();
        *block.last_mut().unwrap() ^= 1;
        let material = pem::encode(&pem::Pem::new("PUBLIC KEY", block));
        assert_eq!(
            PlaybackKey::from_pem(&material).unwrap_err(),
            KeyError::NotP384
        );
    }
}
