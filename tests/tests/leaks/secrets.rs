//! What must not be told, in every form it might be told in.

use std::fmt::Write;

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
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

    /// The private playback key: as it is stored, as PEM, and as the bytes of both.
    pub(crate) async fn playback_key(&mut self, stack: &Stack) {
        let client = aws_sdk_secretsmanager::Client::new(&stack.sdk_config().await);
        let stored = client
            .get_secret_value()
            .secret_id(SECRET_NAME)
            .send()
            .await;
        let stored = stored.unwrap().secret_string.unwrap();
        let text = BASE64_STANDARD.decode(&stored).unwrap();
        let key = pem::parse(&text).unwrap();
        // Its algorithm comes first, and is no secret.
        let private = &key.contents()[PIECE..];
        let hex = private.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        self.pieces("the stored playback key", &stored);
        for line in String::from_utf8(text).unwrap().lines() {
            self.text("a line of the playback key's PEM", line);
        }
        self.pieces("the playback key in hexadecimal", &hex);
        self.pieces(
            "the playback key in base64",
            &BASE64_STANDARD.encode(private),
        );
        self.pieces(
            "the playback key in base64",
            &BASE64_URL_SAFE_NO_PAD.encode(private),
        );
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
