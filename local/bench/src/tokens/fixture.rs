//! What a token is issued from: a key, channels, an entitlement, and requests for it.

use std::path::Path;

use anyhow::anyhow;
use aws_lc_rs::{
    encoding::{AsDer, EcPrivateKeyRfc5915Der},
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use bytes::Bytes;
use pem::Pem;
use serde_json::{Value, json};

use crate::{
    api_request::{self, Asked, viewer},
    aws_stub::AwsStub,
    function::{Launch, REGION},
    whole::Events,
};

/// A channel as most are configured.
pub const CHANNEL: &str = "AbCdEfGhIjKl";
/// A channel whose tokens say all that they can.
pub const STRICT_CHANNEL: &str = "MnOpQrStUvWx";
/// How long tokens of these channels last, in seconds.
pub const TOKEN_SECONDS: i64 = 300;

/// How many viewers ask. More than twenty tokens at once are refused to one viewer.
const VIEWERS: u64 = 5_000;

/// What functions and tests are given.
#[derive(Debug)]
pub struct Fixture {
    /// The private key, as Secrets Manager keeps it.
    pub secret: String,
    /// The key's public half, to verify signatures with.
    pub public_key: Vec<u8>,
    /// What the variable `CHANNELS` says.
    pub channels: String,
    /// The request of [`viewer`] 0.
    request: String,
}

impl Fixture {
    /// Makes a new key.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn new() -> anyhow::Result<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)
            .map_err(|_| anyhow!("cannot make a key"))?;
        let der: EcPrivateKeyRfc5915Der<'_> = pair
            .private_key()
            .as_der()
            .map_err(|_| anyhow!("cannot write the key down"))?;
        let channel = |id: &str| {
            json!({
                "arn": format!("arn:aws:ivs:{REGION}:000000000000:channel/{id}"),
                "playbackUrl": format!("https://000000000000.{REGION}.playback.live-video.net/api/video/v1/{id}.m3u8"),
                "origins": ["https://show.example.com"],
                "tokenSeconds": TOKEN_SECONDS,
            })
        };
        let mut strict = channel(STRICT_CHANNEL);
        strict["origins"] = json!(["https://show.example.com", "https://*.example.org"]);
        strict["strictOrigin"] = json!(true);
        strict["singleUse"] = json!(true);
        let channels = json!({ CHANNEL: channel(CHANNEL), STRICT_CHANNEL: strict });
        Ok(Self {
            secret: pem::encode(&Pem::new("EC PRIVATE KEY", der.as_ref())),
            public_key: pair.public_key().as_ref().to_vec(),
            channels: channels.to_string(),
            request: request(&viewer(0), CHANNEL).to_string(),
        })
    }

    /// Lets the stub answer so that every viewer gets a token.
    pub fn prepare(&self, stub: &AwsStub) {
        stub.set_secret(&self.secret);
        stub.set_item(Some(&item(CHANNEL)));
    }

    /// How a function is started that issues tokens.
    pub fn launch(&self, name: &str, program: &Path, task_root: &Path, stub: &AwsStub) -> Launch {
        let variables = [
            ("ENTITLEMENTS_TABLE", "entitlements"),
            ("PLAYBACK_KEY_SECRET_ARN", "playback-key"),
            ("EVENT_BUS_NAME", "cuepoint"),
            ("CHANNELS", self.channels.as_str()),
        ];
        Launch::of_program(name, program, task_root, stub, &variables)
    }
}

impl Events for Fixture {
    fn event(&self, number: u64) -> Bytes {
        let (first, this) = (viewer(0), viewer(number % VIEWERS));
        self.request.replace(&first, &this).into()
    }
}

/// What the table `entitlements` has of a viewer who may watch, as DynamoDB writes it.
pub fn item(channel_id: &str) -> Value {
    json!({
        "userId": { "S": viewer(0) },
        "channelId": { "S": channel_id },
        "status": { "S": "granted" },
        "viewerSessionVersion": { "N": "3" },
        "occurredAt": { "S": "2026-11-01T12:00:00Z" },
        "eventId": { "S": "order-1" },
        "correlationId": { "S": "order-1" },
        "appliedAt": { "S": "2026-11-01T12:00:01Z" },
    })
}

/// A viewer's request for a token of a channel.
pub fn request(viewer: &str, channel_id: &str) -> Value {
    api_request::request(&Asked {
        route: "POST /channels/{channelId}/playback-token",
        parameters: &[("channelId", channel_id)],
        viewer,
        body: None,
    })
}
