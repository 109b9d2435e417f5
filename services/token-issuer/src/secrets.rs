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
    #[error("secret {secret_id}, version {version}: {source}")]
    Key {
        /// The name or ARN of the secret.
        secret_id: String,
        /// The id of its version that was read.
        version: String,
        /// What is wrong with it.
        source: KeyError,
    },
}

/// Reads one version of the secret, or the current one (staged `AWSCURRENT`). Called once when the
/// function starts. A rotation names the new version, so that every function that starts from then
/// on signs with the same key.
///
/// # Errors
/// [`SecretError`]: the function must not start.
pub async fn playback_key(
    client: &Client,
    secret_id: &str,
    version: Option<&str>,
) -> Result<PlaybackKey, SecretError> {
    let answer = client
        .get_secret_value()
        .secret_id(secret_id)
        .set_version_id(version.map(str::to_owned))
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
        version: answer.version_id.clone().unwrap_or_default(),
        source,
    })
}
