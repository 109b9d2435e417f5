//! The private channels of a show, made before the template is deployed: on AWS, `infra/media.yaml`
//! does this.
//!
//! The adapter for IVS and Secrets Manager of this crate. The playback key pair is the user's, or made
//! here, new for each local cloud; its private half goes into the secret and nowhere else.

use anyhow::{Context, anyhow};
use aws_lc_rs::{
    encoding::AsDer,
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use pem::Pem;
use serde_json::{Map, Value, json};

use crate::stack::Channel;

/// The name of the secret that holds the private playback key.
pub const SECRET_NAME: &str = "cuepoint/playback-key";

/// A P-384 key pair in the two forms it is handed over in.
pub struct PlaybackKeyPair {
    /// PKCS#8 or SEC1, PEM.
    private_pem: String,
    /// SubjectPublicKeyInfo, PEM: what `ImportPlaybackKeyPair` takes.
    public_pem: String,
}

impl PlaybackKeyPair {
    /// Makes a new pair from the system's randomness.
    ///
    /// # Errors
    /// Only if the system has no randomness.
    pub fn generate() -> anyhow::Result<Self> {
        let failed = |_| anyhow!("cannot make a P-384 key pair");
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map_err(failed)?;
        let private = pair.to_pkcs8v1().map_err(failed)?;
        let private_pem = pem::encode(&Pem::new("PRIVATE KEY", private.as_ref()));
        Self::of(&pair, private_pem)
    }

    /// The pair of a private key in PEM: SEC1, as `openssl ecparam -genkey` writes it, or PKCS#8.
    ///
    /// # Errors
    /// When it is not the private key of a P-384 pair.
    pub fn from_private_pem(text: String) -> anyhow::Result<Self> {
        let algorithm = &ECDSA_P384_SHA384_FIXED_SIGNING;
        let key = pem::parse(&text).context("the private key is not PEM")?;
        let pair = match key.tag() {
            "EC PRIVATE KEY" => EcdsaKeyPair::from_private_key_der(algorithm, key.contents()),
            "PRIVATE KEY" => EcdsaKeyPair::from_pkcs8(algorithm, key.contents()),
            other => return Err(anyhow!("a private key is wanted, this is: {other}")),
        };
        let pair = pair.map_err(|_| anyhow!("the private key is not one of the curve P-384"))?;
        Self::of(&pair, text)
    }

    fn of(pair: &EcdsaKeyPair, private_pem: String) -> anyhow::Result<Self> {
        let public = pair.public_key().as_der();
        let public = public.map_err(|_| anyhow!("cannot write the public key"))?;
        Ok(Self {
            private_pem,
            public_pem: pem::encode(&Pem::new("PUBLIC KEY", public.as_ref())),
        })
    }

    /// What the secret holds: the PEM text of the private key, in base64.
    pub fn secret_string(&self) -> String {
        STANDARD.encode(&self.private_pem)
    }
}

/// Stores the private key and returns the ARN of its secret.
///
/// # Errors
/// When Secrets Manager refuses, e.g. since the secret exists.
pub async fn store_key(
    client: &aws_sdk_secretsmanager::Client,
    pair: &PlaybackKeyPair,
) -> anyhow::Result<String> {
    let secret = client
        .create_secret()
        .name(SECRET_NAME)
        .secret_string(pair.secret_string())
        .send()
        .await
        .context("cannot store the private playback key in Secrets Manager")?;
    secret.arn.context("Secrets Manager returned no ARN")
}

/// Imports the public key.
///
/// # Errors
/// When IVS refuses.
pub async fn import_key(
    client: &aws_sdk_ivs::Client,
    pair: &PlaybackKeyPair,
) -> anyhow::Result<()> {
    client
        .import_playback_key_pair()
        .name("cuepoint")
        .public_key_material(&pair.public_pem)
        .send()
        .await
        .context("cannot import the public playback key into IVS")?;
    Ok(())
}

/// Makes a private channel with a stream key.
///
/// # Errors
/// When IVS refuses or leaves out what it must return.
pub async fn create(
    client: &aws_sdk_ivs::Client,
    name: &str,
    origin: &str,
) -> anyhow::Result<Channel> {
    let created = client
        .create_channel()
        .name(name)
        .authorized(true)
        .send()
        .await
        .context("cannot create the channel at IVS")?;
    let channel = created
        .channel
        .context("CreateChannel returned no channel")?;
    let key = created
        .stream_key
        .and_then(|key| key.value)
        .context("CreateChannel: no stream key")?;
    let arn = channel.arn.context("CreateChannel returned no ARN")?;
    let ingest = channel
        .ingest_endpoint
        .context("CreateChannel: no ingest endpoint")?;
    Ok(Channel {
        channel_id: channel_id(&arn)?.to_owned(),
        playback_url: channel
            .playback_url
            .context("CreateChannel: no playback URL")?,
        rtmp_url: format!("rtmp://{ingest}/app/{key}"),
        origin: origin.to_owned(),
        arn,
    })
}

/// The last part of a channel's ARN.
fn channel_id(arn: &str) -> anyhow::Result<&str> {
    match arn.rsplit_once("channel/") {
        Some((_, id)) if !id.is_empty() => Ok(id),
        _ => Err(anyhow!("not the ARN of a channel: {arn}")),
    }
}

/// The template's parameters that depend on the channels.
/// `token_seconds` is how long a playback token lasts at most.
pub fn parameters(
    channels: &[&Channel],
    token_seconds: u32,
    secret_arn: &str,
    ivs_endpoint_url: &str,
) -> Value {
    let entry = |channel: &&Channel| {
        let entry = json!({
            "arn": channel.arn,
            "playbackUrl": channel.playback_url,
            "origins": [channel.origin],
            "tokenSeconds": token_seconds,
        });
        (channel.channel_id.clone(), entry)
    };
    let channels: Map<_, _> = channels.iter().map(entry).collect();
    json!({
        "Channels": Value::from(channels).to_string(),
        "PlaybackKeySecretArn": secret_arn,
        "IvsEndpoint": ivs_endpoint_url,
    })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::EcPrivateKeyRfc5915Der,
        rand::SystemRandom,
        signature::{ECDSA_P384_SHA384_FIXED, UnparsedPublicKey},
    };

    use super::*;

    #[test]
    fn the_stored_key_signs_what_the_imported_key_verifies() {
        let pair = PlaybackKeyPair::generate().unwrap();
        let text = STANDARD.decode(pair.secret_string()).unwrap();
        let private = pem::parse(text).unwrap();
        assert_eq!(private.tag(), "PRIVATE KEY");
        let signer =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, private.contents()).unwrap();
        let signature = signer.sign(&SystemRandom::new(), b"a token").unwrap();

        let public = pem::parse(&pair.public_pem).unwrap();
        assert_eq!(public.tag(), "PUBLIC KEY");
        let verifier = UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, public.contents());
        assert!(verifier.verify(b"a token", signature.as_ref()).is_ok());
        assert!(verifier.verify(b"another", signature.as_ref()).is_err());
    }

    #[test]
    fn a_key_is_taken_as_openssl_writes_it_and_kept_as_it_is() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        let sec1: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
        let sec1 = pem::encode(&Pem::new("EC PRIVATE KEY", sec1.as_ref()));
        let taken = PlaybackKeyPair::from_private_pem(sec1.clone()).unwrap();
        assert_eq!(
            STANDARD.decode(taken.secret_string()).unwrap(),
            sec1.as_bytes()
        );
        let public = pem::parse(&taken.public_pem).unwrap();
        assert_eq!(
            public.contents(),
            pair.public_key().as_der().unwrap().as_ref()
        );

        let other = PlaybackKeyPair::generate().unwrap();
        let again = PlaybackKeyPair::from_private_pem(other.private_pem.clone()).unwrap();
        assert_eq!(again.public_pem, other.public_pem);
    }

    #[test]
    fn what_is_no_private_key_of_the_curve_is_refused() {
        let refused = |text: &str| PlaybackKeyPair::from_private_pem(text.to_owned()).err();
        assert!(refused("no key").is_some());
        let public = PlaybackKeyPair::generate().unwrap().public_pem;
        let error = refused(&public).unwrap().to_string();
        assert!(error.ends_with("PUBLIC KEY"), "{error}");
        let broken = pem::encode(&Pem::new("EC PRIVATE KEY", [1, 2, 3]));
        assert!(refused(&broken).is_some());
    }

    #[test]
    fn the_channel_id_is_the_end_of_the_arn() {
        let id = |arn| channel_id(arn).ok().map(str::to_owned);
        assert_eq!(
            id("arn:aws:ivs:eu-west-1:000000000000:channel/AbC"),
            Some("AbC".into())
        );
        assert_eq!(id("arn:aws:ivs:eu-west-1:000000000000:channel/"), None);
        assert_eq!(
            id("arn:aws:ivs:eu-west-1:000000000000:stream-key/AbC"),
            None
        );
    }

    #[test]
    fn the_parameter_channels_is_json_in_a_string() {
        let channel = Channel {
            channel_id: "AbC".into(),
            arn: "arn:aws:ivs:eu-west-1:000000000000:channel/AbC".into(),
            playback_url: "http://127.0.0.1:1/AbC.m3u8".into(),
            rtmp_url: "rtmp://127.0.0.1:2/app/sk_secret".into(),
            origin: "http://localhost:3".into(),
        };
        let parameters = parameters(&[&channel], 20, "arn:secret", "http://127.0.0.1:1");
        let text = parameters["Channels"].as_str().unwrap();
        assert!(
            !text.contains("sk_secret"),
            "the stream key is not for the functions"
        );
        let channels: Value = serde_json::from_str(text).unwrap();
        assert_eq!(channels["AbC"]["arn"], channel.arn);
        assert_eq!(channels["AbC"]["origins"], json!(["http://localhost:3"]));
        assert_eq!(channels["AbC"]["tokenSeconds"], 20);
        assert_eq!(parameters["PlaybackKeySecretArn"], "arn:secret");
    }
}
