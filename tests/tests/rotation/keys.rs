//! The keys of the stack, as its administrator sees them.

use std::{collections::BTreeSet, time::SystemTime};

use base64::{Engine, prelude::BASE64_STANDARD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use stage::{Channel, Stack};

/// Secrets Manager and IVS of the stack.
pub(crate) struct Keys {
    secret: String,
    secrets: aws_sdk_secretsmanager::Client,
    ivs: aws_sdk_ivs::Client,
}

/// A version of the secret, and what IVS calls its key.
pub(crate) struct Key {
    pub(crate) version: String,
    pub(crate) fingerprint: String,
    pem: Vec<u8>,
}

impl Keys {
    pub(crate) async fn of(stack: &Stack) -> Self {
        Self {
            secret: stack.outputs.playback_key_secret_arn.clone(),
            secrets: aws_sdk_secretsmanager::Client::new(&stack.sdk_config().await),
            ivs: stack.ivs_client().await,
        }
    }

    /// The key that is signed with.
    pub(crate) async fn current(&self) -> Key {
        let value = self.secrets.get_secret_value().secret_id(&self.secret);
        let value = value.version_stage("AWSCURRENT").send().await.unwrap();
        let pem = BASE64_STANDARD
            .decode(value.secret_string.unwrap())
            .unwrap();
        Key {
            version: value.version_id.unwrap(),
            fingerprint: keys_fingerprint(&pem),
            pem,
        }
    }

    /// How many versions there are.
    pub(crate) async fn versions(&self) -> usize {
        let list = self
            .secrets
            .list_secret_version_ids()
            .secret_id(&self.secret);
        let list = list.include_deprecated(true).send().await.unwrap();
        list.versions().len()
    }

    /// The fingerprints of the key pairs that IVS knows.
    pub(crate) async fn at_ivs(&self) -> BTreeSet<String> {
        let pairs = self.ivs.list_playback_key_pairs().send().await.unwrap();
        let mut fingerprints = BTreeSet::new();
        for pair in pairs.key_pairs() {
            let get = self.ivs.get_playback_key_pair().arn(pair.arn().unwrap());
            let pair = get.send().await.unwrap().key_pair.unwrap();
            fingerprints.insert(pair.fingerprint.unwrap());
        }
        fingerprints
    }
}

impl Key {
    /// A playback token of one's own, good for a minute.
    pub(crate) fn sign(&self, channel: &Channel) -> String {
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        let claims = json!({
            "aws:channel-arn": channel.arn,
            "aws:access-control-allow-origin": channel.origin,
            "exp": now.as_secs() + 60,
        });
        let key = EncodingKey::from_ec_pem(&self.pem).unwrap();
        jsonwebtoken::encode(&Header::new(Algorithm::ES384), &claims, &key).unwrap()
    }
}

/// What `openssl` says of the public half.
fn keys_fingerprint(pem: &[u8]) -> String {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };
    let shell = "openssl pkey -pubout -outform DER | openssl md5 -c";
    let mut openssl = Command::new("sh")
        .args(["-c", shell])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(pem).unwrap();
    let output = openssl.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim().rsplit(' ').next().unwrap().to_owned()
}
