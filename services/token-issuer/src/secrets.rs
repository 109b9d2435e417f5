//! Secrets Manager: where the private playback key is kept.

use aws_sdk_secretsmanager::Client;
use cuepoint_shared::aws::AwsError;

use crate::playback_key::{KeyError, PlaybackKey};

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] AwsError),
    /// What the secret holds is no playback key.
    #[error("secret {secret_id}: {source}")]
    Key {
        /// The name or ARN of the secret.
        secret_id: String,
        /// What is wrong with it.
        source: KeyError,
    },
}

/// Reads the current version of the secret. Called once when the function starts.
///
/// # Errors
/// [`SecretError`]: the function must not start.
pub async fn playback_key(client: &Client, secret_id: &str) -> Result<PlaybackKey, SecretError> {
    let answer = client
        .get_secret_value()
        .secret_id(secret_id)
        .send()
        .await
        .map_err(|error| AwsError::new("GetSecretValue", &error))?;
    let secret = match (&answer.secret_string, &answer.secret_binary) {
        (Some(text), _) => text.as_bytes(),
        (None, Some(bytes)) => bytes.as_ref(),
        (None, None) => &[],
    };
    PlaybackKey::read(secret).map_err(|source| SecretError::Key {
        secret_id: secret_id.to_owned(),
        source,
    })
}
