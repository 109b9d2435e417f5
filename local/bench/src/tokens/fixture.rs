//! What a token is issued from: a key, channels, an entitlement, and requests for it.

use std::{collections::BTreeMap, path::Path};

use anyhow::anyhow;
use aws_lc_rs::{
    encoding::{AsDer, EcPrivateKeyRfc5915Der},
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use bytes::Bytes;
use pem::Pem;
use serde_json::{Value, json};

use crate::{
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
    pub fn launch(
        &self,
        name: &str,
        program: &Path,
        task_root: &Path,
        stub: &AwsStub,
        cpu: Option<usize>,
    ) -> Launch {
        let variables = [
            ("ENTITLEMENTS_TABLE", "entitlements"),
            ("PLAYBACK_KEY_SECRET_ARN", "playback-key"),
            ("EVENT_BUS_NAME", "cuepoint"),
            ("CHANNELS", self.channels.as_str()),
        ];
        Launch {
            name: name.to_owned(),
            program: program.to_owned(),
            arguments: Vec::new(),
            task_root: task_root.to_owned(),
            handler: "bootstrap".to_owned(),
            endpoint_url: stub.endpoint_url(),
            variables: BTreeMap::from(
                variables.map(|(name, value)| (name.to_owned(), value.to_owned())),
            ),
            cpu,
        }
    }
}

impl Events for Fixture {
    fn event(&self, number: u64) -> Bytes {
        let (first, this) = (viewer(0), viewer(number % VIEWERS));
        self.request.replace(&first, &this).into()
    }
}

/// The id of a viewer, in the form that Cognito gives it.
pub fn viewer(number: u64) -> String {
    format!("{number:08x}-1111-4111-8111-111111111111")
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

/// A viewer's request as the HTTP API hands it on, payload format 2.0, sent by a browser.
pub fn request(viewer: &str, channel_id: &str) -> Value {
    let route = "POST /channels/{channelId}/playback-token";
    let path = format!("/channels/{channel_id}/playback-token");
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/142.0.0.0 Safari/537.36";
    json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "application/json",
            "accept-encoding": "gzip, deflate, br, zstd",
            "accept-language": "en-GB,en;q=0.9",
            "authorization": format!("Bearer {}.{}.{}", "h".repeat(80), "c".repeat(640), "s".repeat(342)),
            "content-length": "0",
            "host": "abcdefghij.execute-api.eu-west-1.amazonaws.com",
            "origin": "https://show.example.com",
            "referer": "https://show.example.com/",
            "user-agent": agent,
            "x-amzn-trace-id": "Root=1-67891233-abcdef012345678912345678",
            "x-forwarded-for": "192.0.2.10",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "pathParameters": { "channelId": channel_id },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "abcdefghij",
            "domainName": "abcdefghij.execute-api.eu-west-1.amazonaws.com",
            "domainPrefix": "abcdefghij",
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": route,
            "stage": "$default",
            "time": "22/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1_795_348_800_000_u64,
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.10",
                "userAgent": agent,
            },
            "authorizer": { "jwt": { "claims": identity(viewer), "scopes": null } },
        },
        "isBase64Encoded": false,
    })
}

/// The claims of a Cognito user's ID token, as the HTTP API's authorizer hands them on.
pub fn identity(viewer: &str) -> Value {
    json!({
        "sub": viewer,
        "token_use": "id",
        "iss": "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI",
        "aud": "1example23456789",
        "cognito:username": viewer,
        "email": "viewer@example.com",
        "name": "A Viewer",
        "auth_time": "1795348000",
        "iat": "1795348000",
        "exp": "1795351600",
    })
}
