//! Amazon IVS: the public halves that playback tokens are checked with.

use aws_sdk_ivs::{Client, error::ProvideErrorMetadata};
use cuepoint_shared::aws::AwsError;

use crate::keys::PublicHalf;

/// A key pair that IVS knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Its ARN.
    pub arn: String,
    /// What whoever imported it called it.
    pub name: String,
    /// What tells it from every other.
    pub fingerprint: String,
}

/// What came of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// IVS knows it now.
    Done,
    /// IVS takes no more key pairs in this region.
    Full,
}

/// The key pairs of this account and region.
#[derive(Debug, Clone)]
pub struct KeyPairs {
    client: Client,
}

impl KeyPairs {
    /// The key pairs that this client sees.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// All of them. There are few: IVS takes three a region unless the quota was raised.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn list(&self) -> Result<Vec<Pair>, AwsError> {
        let mut pages = self
            .client
            .list_playback_key_pairs()
            .into_paginator()
            .send();
        let mut pairs = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| AwsError::new("ListPlaybackKeyPairs", &error))?;
            for item in page.key_pairs() {
                // The list does not have the fingerprints. A pair may be deleted in between.
                pairs.extend(self.get(item.arn().unwrap_or_default()).await?);
            }
        }
        Ok(pairs)
    }

    async fn get(&self, arn: &str) -> Result<Option<Pair>, AwsError> {
        let answer = self.client.get_playback_key_pair().arn(arn).send().await;
        match answer {
            Ok(answer) => Ok(answer.key_pair.map(|pair| Pair {
                arn: arn.to_owned(),
                name: pair.name.unwrap_or_default(),
                fingerprint: pair.fingerprint.unwrap_or_default(),
            })),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(AwsError::new("GetPlaybackKeyPair", &error)),
        }
    }

    /// Makes a public half known. One that IVS knows already is fine.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn import(&self, name: &str, half: &PublicHalf) -> Result<Imported, AwsError> {
        let answer = self
            .client
            .import_playback_key_pair()
            .name(name)
            .public_key_material(&half.pem)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Imported::Done),
            Err(error) => match error.code() {
                Some("ConflictException") => Ok(Imported::Done),
                Some("ServiceQuotaExceededException") => Ok(Imported::Full),
                _ => Err(AwsError::new("ImportPlaybackKeyPair", &error)),
            },
        }
    }

    /// Lets IVS forget a pair: from now on it refuses what was signed with it. One that is gone
    /// already is fine.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn delete(&self, arn: &str) -> Result<(), AwsError> {
        let answer = self.client.delete_playback_key_pair().arn(arn).send().await;
        match answer {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(()),
            Err(error) => Err(AwsError::new("DeletePlaybackKeyPair", &error)),
        }
    }
}
