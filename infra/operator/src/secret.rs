//! Secrets Manager: the versions of the secret with the private playback key.

use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata};
use cuepoint_shared::aws::AwsError;
use jiff::Timestamp;

/// The stage of the version that is signed with.
pub const CURRENT: &str = "AWSCURRENT";
/// The stage of the version that comes next.
pub const PENDING: &str = "AWSPENDING";

/// A version of the secret, without what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its id.
    pub id: String,
    /// Its stages; none for one that Secrets Manager will forget sooner or later.
    pub stages: Vec<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
}

impl Version {
    /// Whether it has this stage.
    pub fn is(&self, stage: &str) -> bool {
        self.stages.iter().any(|has| has == stage)
    }
}

/// One secret.
#[derive(Debug, Clone)]
pub struct Secret {
    client: Client,
    id: String,
}

impl Secret {
    /// The secret of this ARN.
    pub fn new(client: Client, id: String) -> Self {
        Self { client, id }
    }

    /// Its name or ARN.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// All its versions, the newest first, also those without a stage.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn versions(&self) -> Result<Vec<Version>, AwsError> {
        let mut pages = self
            .client
            .list_secret_version_ids()
            .secret_id(&self.id)
            .include_deprecated(true)
            .into_paginator()
            .send();
        let mut versions = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| AwsError::new("ListSecretVersionIds", &error))?;
            versions.extend(page.versions().iter().map(|entry| {
                Version {
                    id: entry.version_id().unwrap_or_default().to_owned(),
                    stages: entry.version_stages().to_vec(),
                    created: entry
                        .created_date()
                        .and_then(|date| Timestamp::from_second(date.secs()).ok()),
                }
            }));
        }
        versions.sort_by_key(|version| std::cmp::Reverse(version.created));
        Ok(versions)
    }

    /// What a version holds; none when there is nothing (any more).
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn value(&self, version: &str) -> Result<Option<Vec<u8>>, AwsError> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(&self.id)
            .version_id(version)
            .send()
            .await;
        match answer {
            Ok(value) => Ok(match (value.secret_string, value.secret_binary) {
                (Some(text), _) => Some(text.into_bytes()),
                (None, bytes) => bytes.map(|bytes| bytes.into_inner()),
            }),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(AwsError::new("GetSecretValue", &error)),
        }
    }

    /// Stores a value as the version `id`, staged as the one that comes next and as nothing else.
    /// Idempotent by `id`.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn put_pending(&self, id: &str, value: &str) -> Result<(), AwsError> {
        self.client
            .put_secret_value()
            .secret_id(&self.id)
            .client_request_token(id)
            .secret_string(value)
            .version_stages(PENDING)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::new("PutSecretValue", &error))
    }

    /// Makes the version `to` the current one instead of `from`, which becomes `AWSPREVIOUS`. It
    /// fails when another version than `from` is current.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn make_current(&self, to: &str, from: &str) -> Result<(), AwsError> {
        self.client
            .update_secret_version_stage()
            .secret_id(&self.id)
            .version_stage(CURRENT)
            .move_to_version_id(to)
            .remove_from_version_id(from)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::new("UpdateSecretVersionStage", &error))
    }

    /// Takes the stage of the one that comes next off a version.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn unstage_pending(&self, version: &str) -> Result<(), AwsError> {
        self.client
            .update_secret_version_stage()
            .secret_id(&self.id)
            .version_stage(PENDING)
            .remove_from_version_id(version)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| AwsError::new("UpdateSecretVersionStage", &error))
    }
}
