//! What must not be told, in every form it might be told in.

use aws_lc_rs::{
    encoding::{AsDer, EcPrivateKeyRfc5915Der},
    signature::{ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair},
};
use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD},
};
use stage::{Stack, channel::SECRET_NAME};

use crate::places::Place;

/// A piece of a key of so many characters is as bad as the whole.
const PIECE: usize = 32;

/// What is looked for: what it is, and its text.
#[derive(Default)]
pub(crate) struct Secrets {
    /// Opens something.
    keys: Vec<(&'static str, String)>,
    /// Says who someone is.
    identities: Vec<(&'static str, String)>,
}

impl Secrets {
    /// A text that opens something.
    pub(crate) fn text(&mut self, what: &'static str, text: &str) {
        self.keys.push((what, text.to_owned()));
    }

    /// Who someone is.
    pub(crate) fn identity(&mut self, what: &'static str, text: &str) {
        self.identities.push((what, text.to_owned()));
    }

    /// A signed token: what it says, and its signature. The header is the same in all.
    pub(crate) fn token(&mut self, what: &'static str, token: &str) {
        for part in token.split('.').skip(1) {
            assert!(part.len() > 10, "not the part of a token: {part}");
            self.text(what, part);
        }
    }

    /// The private playback key of the stack.
    pub(crate) async fn playback_key(&mut self, stack: &Stack) {
        let client = aws_sdk_secretsmanager::Client::new(&stack.sdk_config().await);
        let stored = client
            .get_secret_value()
            .secret_id(SECRET_NAME)
            .send()
            .await;
        self.key(&stored.unwrap().secret_string.unwrap());
    }

    /// A private key that is stored as base64 of PEM: as it is stored, as PEM, and its secret number
    /// as bytes in every form they might be written in.
    pub(crate) fn key(&mut self, stored: &str) {
        let text = BASE64_STANDARD.decode(stored).unwrap();
        let pem = pem::parse(&text).unwrap();
        let scalar = scalar(pem.contents());
        self.pieces("the stored playback key", stored);
        for line in String::from_utf8(text).unwrap().lines() {
            self.text("a line of the playback key's PEM", line);
        }
        let hex: String = scalar.iter().map(|byte| format!("{byte:02x}")).collect();
        self.pieces("the playback key in hexadecimal", &hex.to_uppercase());
        self.pieces("the playback key in hexadecimal", &hex);
        // Three bytes make four characters, so it may begin at any of three places.
        for from in 0..3 {
            for engine in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
                let text = engine.encode(&scalar[from..]);
                self.pieces("the playback key in base64", &text);
            }
        }
        for some in scalar.chunks_exact(12) {
            let numbers: Vec<_> = some.iter().map(u8::to_string).collect();
            self.text("the playback key as numbers", &numbers.join(", "));
            self.text("the playback key as numbers", &numbers.join(","));
        }
    }

    fn pieces(&mut self, what: &'static str, text: &str) {
        for piece in text.as_bytes().chunks_exact(PIECE) {
            self.text(what, std::str::from_utf8(piece).unwrap());
        }
    }

    /// What of it is in a place. The secret itself is not repeated.
    pub(crate) fn found(&self, place: &Place) -> Vec<String> {
        let identities = match place.names_viewers {
            true => [].as_slice(),
            false => &self.identities,
        };
        let mut found: Vec<_> = self
            .keys
            .iter()
            .chain(identities)
            .filter(|(_, text)| place.text.contains(text))
            .map(|(what, _)| format!("{}: {what}", place.name))
            .collect();
        found.dedup();
        found
    }
}

/// The secret number of a P-384 key: 48 bytes behind the version of its structure (RFC 5915).
fn scalar(der: &[u8]) -> &[u8] {
    const BEFORE: [u8; 5] = [2, 1, 1, 4, 48];
    let at = der.windows(BEFORE.len()).position(|five| five == BEFORE);
    &der[at.unwrap() + BEFORE.len()..][..48]
}

/// A key in both forms, as PEM, and where in its bytes the secret number begins.
pub(crate) fn sample_keys() -> [(String, usize); 2] {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
    let sec1: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
    let pkcs8 = pair.to_pkcs8v1().unwrap();
    let pem = |tag, der: &[u8]| pem::encode(&pem::Pem::new(tag, der));
    [
        (pem("EC PRIVATE KEY", sec1.as_ref()), 8),
        (pem("PRIVATE KEY", pkcs8.as_ref()), 35),
    ]
}
