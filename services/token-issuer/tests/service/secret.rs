//! The key as Secrets Manager hands it out.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
};
use aws_sdk_secretsmanager::primitives::Blob;
use pem::Pem;
use token_issuer::{playback_key::PlaybackKey, secrets};
use uuid::Uuid;

use crate::cloud::Cloud;

#[tokio::test]
async fn a_secret_that_is_no_playback_key_is_named_with_the_reason() {
    let cloud = Cloud::new().await;
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let document = pair.to_pkcs8v1().unwrap();
    let pem = pem::encode(&Pem::new("PRIVATE KEY", document.as_ref()));
    let secret = cloud.secret(&pem).await;
    let error = secrets::playback_key(&cloud.secrets, &secret, None).await;
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains(&secret) && error.contains("P-256"),
        "{error}"
    );
}

fn new_key() -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
    let document = pair.to_pkcs8v1().unwrap();
    pem::encode(&Pem::new("PRIVATE KEY", document.as_ref()))
}

#[tokio::test]
async fn the_version_that_is_named_is_read_and_else_the_current_one() {
    let cloud = Cloud::new().await;
    let (current, pending) = (new_key(), new_key());
    let secret = cloud.secret(&current).await;
    let put = cloud
        .secrets
        .put_secret_value()
        .secret_id(&secret)
        .secret_string(&pending)
        .version_stages("AWSPENDING")
        .send()
        .await;
    let version = put.unwrap().version_id.unwrap();
    for (version, expected) in [(None, current), (Some(version.as_str()), pending)] {
        let key = secrets::playback_key(&cloud.secrets, &secret, version).await;
        let expected = PlaybackKey::read(expected.as_bytes()).unwrap();
        assert_eq!(key.unwrap().fingerprint(), expected.fingerprint());
    }
    let unknown = Uuid::new_v4().to_string();
    let error = secrets::playback_key(&cloud.secrets, &secret, Some(&unknown)).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("ResourceNotFoundException"), "{error}");
}

#[tokio::test]
async fn a_missing_secret_is_an_error_at_start() {
    let cloud = Cloud::new().await;
    let error = secrets::playback_key(&cloud.secrets, "no-such-secret", None).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("ResourceNotFoundException"), "{error}");
}

#[tokio::test]
async fn a_binary_secret_is_read_like_a_text() {
    let cloud = Cloud::new().await;
    let pem = new_key();
    let made = cloud
        .secrets
        .create_secret()
        .name(format!("test-{}", Uuid::new_v4()))
        .secret_binary(Blob::new(pem.clone()))
        .send()
        .await;
    let secret = made.unwrap().arn.unwrap();
    let key = secrets::playback_key(&cloud.secrets, &secret, None)
        .await
        .unwrap();
    let expected = PlaybackKey::read(pem.as_bytes()).unwrap();
    assert_eq!(key.fingerprint(), expected.fingerprint());
}
