//! How the function starts, or says why it does not.

use std::process::Command;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair},
};
use pem::Pem;
use serde_json::Value;

use crate::cloud::Cloud;

/// Starts the program with these variables, and returns the one line that it logs.
fn cannot_start(cloud: &Cloud, variables: &[(&str, &str)]) -> String {
    let stack = &cloud.stack;
    let ended = Command::new(env!("CARGO_BIN_EXE_token-api"))
        .env_clear()
        .env("AWS_ENDPOINT_URL", &stack.endpoint_url)
        .env("AWS_REGION", &stack.region)
        .env("AWS_ACCESS_KEY_ID", &stack.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", &stack.secret_access_key)
        .env("ENTITLEMENTS_TABLE", &stack.outputs.entitlements_table)
        .env("EVENT_BUS_NAME", &stack.outputs.event_bus_name)
        .env("CHANNELS", "{}")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    let line: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(line["level"], "ERROR");
    assert_eq!(line["message"], "cannot start");
    line["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_start_that_cannot_work_is_one_clear_line() {
    let cloud = Cloud::new().await;
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap();
    let public: PublicKeyX509Der = pair.public_key().as_der().unwrap();
    let public = pem::encode(&Pem::new("PUBLIC KEY", public.as_ref()));
    let private = pair.to_pkcs8v1().unwrap();
    let private = pem::encode(&Pem::new("PRIVATE KEY", private.as_ref()));
    let (public, private) = (cloud.secret(&public).await, cloud.secret(&private).await);
    let secret = "PLAYBACK_KEY_SECRET_ARN";

    let error = cannot_start(&cloud, &[(secret, &public)]);
    assert!(error.starts_with(&format!("secret {public}")), "{error}");
    let why = ": a public key; the private key of the pair is needed to sign";
    assert!(error.ends_with(why), "{error}");

    let channel =
        r#"{"AbC":{"arn":"arn:aws:ivs:r:1:channel/AbC","playbackUrl":"","origins":["*"]}}"#;
    for (variables, why) in [
        (
            vec![],
            "environment variable PLAYBACK_KEY_SECRET_ARN is not set",
        ),
        (
            vec![(secret, private.as_str()), ("CHANNELS", channel)],
            "environment variable CHANNELS: \"*\" is not an origin",
        ),
        (
            vec![(secret, private.as_str()), ("TOKEN_REQUEST_BURST", "0")],
            "environment variable TOKEN_REQUEST_BURST is not a usable number",
        ),
        (
            vec![(secret, "no-such-secret")],
            "GetSecretValue failed: ResourceNotFoundException",
        ),
    ] {
        let error = cannot_start(&cloud, &variables);
        assert!(error.starts_with(why), "{error}");
    }
}
