//! What the tests need of the local cloud.

use aws_lc_rs::{
    encoding::{AsDer, EcPrivateKeyRfc5915Der, PublicKeyX509Der},
    signature::{ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, prelude::BASE64_STANDARD};
use cuepoint_shared::{channels::Channels, event_bus::EventBus};
use jiff::Timestamp;
use pem::Pem;
use serde_json::{Value, json};
use stage::{Probe, Stack};
use token_issuer::{
    desk::TokenDesk,
    playback_key::PlaybackKey,
    secrets,
    store::Entitlements,
    viewer_limit::{Allowance, ViewerLimit},
};
use uuid::Uuid;

/// The local cloud, and one viewer who is in no other test.
pub(crate) struct Cloud {
    pub(crate) stack: Stack,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) probe: Probe,
    pub(crate) viewer: String,
    dynamodb: aws_sdk_dynamodb::Client,
    eventbridge: aws_sdk_eventbridge::Client,
}

impl Cloud {
    pub(crate) async fn new() -> Self {
        let stack = Stack::load().unwrap();
        let config = stack.sdk_config().await;
        Self {
            probe: Probe::new(&stack, &config),
            stack,
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            viewer: Uuid::new_v4().to_string(),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            eventbridge: aws_sdk_eventbridge::Client::new(&config),
        }
    }

    pub(crate) fn channel_id(&self) -> &str {
        &self.stack.channel.channel_id
    }

    /// The channel as it is deployed, with these settings of its tokens.
    pub(crate) fn channels(&self, settings: Value) -> Channels {
        let channel = &self.stack.channel;
        let mut entry = json!({
            "arn": channel.arn,
            "playbackUrl": channel.playback_url,
            "origins": [channel.origin],
            "tokenSeconds": 540,
        });
        let settings = settings.as_object().unwrap().clone();
        entry.as_object_mut().unwrap().extend(settings);
        Channels::parse(&json!({ &channel.channel_id: entry }).to_string()).unwrap()
    }

    /// A desk for the channel as it is deployed, where no one asks too often.
    pub(crate) fn desk(&self, key: PlaybackKey) -> TokenDesk {
        let limit = ViewerLimit::new(Allowance::default());
        TokenDesk::new(key, self.channels(json!({})), limit, Uuid::new_v4)
    }

    pub(crate) fn entitlements(&self) -> Entitlements {
        let table = self.stack.outputs.entitlements_table.clone();
        Entitlements::new(self.dynamodb.clone(), table)
    }

    pub(crate) fn bus(&self) -> EventBus {
        let name = self.stack.outputs.event_bus_name.clone();
        EventBus::new(self.eventbridge.clone(), name)
    }

    /// Writes what the entitlement service would write for the test's viewer.
    pub(crate) async fn entitle(&self, texts: &[(&str, &str)], version: u32) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut put = self
            .dynamodb
            .put_item()
            .table_name(&self.stack.outputs.entitlements_table)
            .item("userId", text(&self.viewer))
            .item("channelId", text(self.channel_id()))
            .item(
                "viewerSessionVersion",
                AttributeValue::N(version.to_string()),
            )
            .item("occurredAt", text("2026-11-22T00:00:00Z"))
            .item("eventId", text("order-1"))
            .item("correlationId", text("order-1"))
            .item("appliedAt", text("2026-11-22T00:00:01Z"));
        for (name, value) in texts {
            put = put.item(*name, text(value));
        }
        put.send().await.unwrap();
    }

    /// A secret of its own, deleted by no one: the local cloud ends with the tests.
    pub(crate) async fn secret(&self, text: &str) -> String {
        let made = self
            .secrets
            .create_secret()
            .name(format!("test-{}", Uuid::new_v4()))
            .secret_string(text)
            .send()
            .await;
        made.unwrap().arn.unwrap()
    }

    /// A new key through Secrets Manager, as base64 of what OpenSSL writes, and its public half as
    /// PEM.
    pub(crate) async fn key(&self) -> (PlaybackKey, String) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
        let private: EcPrivateKeyRfc5915Der = pair.private_key().as_der().unwrap();
        let private = pem::encode(&Pem::new("EC PRIVATE KEY", private.as_ref()));
        let public: PublicKeyX509Der = pair.public_key().as_der().unwrap();
        let secret = self.secret(&BASE64_STANDARD.encode(private)).await;
        let key = secrets::playback_key(&self.secrets, &secret, None).await;
        let key = key.unwrap();
        (key, pem::encode(&Pem::new("PUBLIC KEY", public.as_ref())))
    }

    /// A queue that gets what the service publishes about the test's viewer.
    pub(crate) async fn listen(&self) -> String {
        let data = json!({ "userId": [self.viewer] });
        self.probe.listen("cuepoint.token-issuer", data).await
    }
}

/// The clock of the tests.
pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}
