//! What exists: channels, stream keys and playback key pairs, in memory.
//!
//! Plain maps and the rules that tie them; no wire format, no locks. Everything is found by ARN.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::arn;
use crate::tokens::key::PlaybackKey;

/// Tags of a resource.
pub type Tags = BTreeMap<String, String>;

/// Channels per server; IVS allows 20,000 per region.
const CHANNELS: usize = 1_000;
/// Playback key pairs per region (IVS service quotas).
const KEY_PAIRS_A_REGION: usize = 3;

/// A channel, as the service model shapes it, without what follows from its ARN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Channel {
    /// `arn:aws:ivs:REGION:ACCOUNT:channel/ID`.
    pub arn: String,
    /// Need not be unique; may be empty.
    pub name: String,
    /// `NORMAL` or `LOW`.
    pub latency_mode: String,
    /// `BASIC`, `STANDARD`, `ADVANCED_SD` or `ADVANCED_HD`.
    #[serde(rename = "type")]
    pub channel_type: String,
    /// Whether a playback token is needed.
    pub authorized: bool,
    /// Whether RTMP without TLS is allowed; kept as asked for, since all ingest here is without.
    pub insecure_ingest: bool,
    /// Free labels.
    pub tags: Tags,
}

/// A stream key; its value is a secret.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamKey {
    /// `arn:aws:ivs:REGION:ACCOUNT:stream-key/ID`.
    pub arn: String,
    /// What a publisher must know.
    pub value: String,
    /// The channel it opens.
    pub channel_arn: String,
    /// Free labels.
    pub tags: Tags,
}

impl std::fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StreamKey({})", self.arn)
    }
}

/// An imported public key.
#[derive(Debug, Clone)]
pub struct KeyPair {
    /// `arn:aws:ivs:REGION:ACCOUNT:playback-key/ID`.
    pub arn: String,
    /// May be empty.
    pub name: String,
    /// Free labels.
    pub tags: Tags,
    /// The key itself.
    pub key: PlaybackKey,
}

/// Why the catalog refuses a change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Nothing has this ARN.
    #[error("resource {0} does not exist")]
    NotFound(String),
    /// One more would be too many.
    #[error("the quota of {0} is used up")]
    Quota(&'static str),
    /// The same key was imported before.
    #[error("a key pair with this fingerprint exists: {0}")]
    DuplicateKey(String),
}

/// Everything that exists.
#[derive(Debug, Default)]
pub struct Catalog {
    channels: BTreeMap<String, Channel>,
    stream_keys: BTreeMap<String, StreamKey>,
    key_pairs: BTreeMap<String, KeyPair>,
}

impl Catalog {
    /// Adds a channel with its stream key.
    ///
    /// # Errors
    /// Too many channels.
    pub fn add_channel(&mut self, channel: Channel, key: StreamKey) -> Result<(), CatalogError> {
        if self.channels.len() >= CHANNELS {
            return Err(CatalogError::Quota("channels"));
        }
        self.stream_keys.insert(key.arn.clone(), key);
        self.channels.insert(channel.arn.clone(), channel);
        Ok(())
    }

    /// The channel with this ARN.
    ///
    /// # Errors
    /// There is none.
    pub fn channel(&self, arn: &str) -> Result<&Channel, CatalogError> {
        self.channels.get(arn).ok_or_else(|| not_found(arn))
    }

    /// The channels of a region, by ARN.
    pub fn channels<'a>(&'a self, region: &'a str) -> impl Iterator<Item = &'a Channel> {
        self.channels
            .values()
            .filter(move |channel| arn::region(&channel.arn) == region)
    }

    /// Removes a channel and its stream key.
    ///
    /// # Errors
    /// There is none with this ARN.
    pub fn remove_channel(&mut self, arn: &str) -> Result<(), CatalogError> {
        self.channels.remove(arn).ok_or_else(|| not_found(arn))?;
        self.stream_keys.retain(|_, key| key.channel_arn != arn);
        Ok(())
    }

    /// Adds a stream key to a channel that has none.
    ///
    /// # Errors
    /// No such channel, or it has a key: IVS allows one.
    pub fn add_stream_key(&mut self, key: StreamKey) -> Result<(), CatalogError> {
        self.channel(&key.channel_arn)?;
        if self.stream_keys_of(&key.channel_arn).next().is_some() {
            return Err(CatalogError::Quota("stream keys per channel"));
        }
        self.stream_keys.insert(key.arn.clone(), key);
        Ok(())
    }

    /// The stream key with this ARN.
    ///
    /// # Errors
    /// There is none.
    pub fn stream_key(&self, arn: &str) -> Result<&StreamKey, CatalogError> {
        self.stream_keys.get(arn).ok_or_else(|| not_found(arn))
    }

    /// The stream keys of a channel.
    pub fn stream_keys_of<'a>(
        &'a self,
        channel_arn: &'a str,
    ) -> impl Iterator<Item = &'a StreamKey> {
        self.stream_keys
            .values()
            .filter(move |key| key.channel_arn == channel_arn)
    }

    /// Removes a stream key. A publisher that came in with it stays.
    ///
    /// # Errors
    /// There is none with this ARN.
    pub fn remove_stream_key(&mut self, arn: &str) -> Result<(), CatalogError> {
        self.stream_keys
            .remove(arn)
            .map(|_| ())
            .ok_or_else(|| not_found(arn))
    }

    /// The channel that a publisher with this stream key may publish to.
    pub fn channel_for_key(&self, value: &str) -> Option<&Channel> {
        let key = self.stream_keys.values().find(|key| key.value == value)?;
        self.channels.get(&key.channel_arn)
    }

    /// Adds a playback key pair.
    ///
    /// # Errors
    /// The region has this key already, or as many as it may.
    pub fn add_key_pair(&mut self, pair: KeyPair) -> Result<(), CatalogError> {
        let region = arn::region(&pair.arn);
        let fingerprint = pair.key.fingerprint();
        if self
            .key_pairs(region)
            .any(|other| other.key.fingerprint() == fingerprint)
        {
            return Err(CatalogError::DuplicateKey(fingerprint.to_owned()));
        }
        if self.key_pairs(region).count() >= KEY_PAIRS_A_REGION {
            return Err(CatalogError::Quota("playback key pairs per region"));
        }
        self.key_pairs.insert(pair.arn.clone(), pair);
        Ok(())
    }

    /// The playback key pair with this ARN.
    ///
    /// # Errors
    /// There is none.
    pub fn key_pair(&self, arn: &str) -> Result<&KeyPair, CatalogError> {
        self.key_pairs.get(arn).ok_or_else(|| not_found(arn))
    }

    /// The playback key pairs of a region, by ARN.
    pub fn key_pairs<'a>(&'a self, region: &'a str) -> impl Iterator<Item = &'a KeyPair> {
        self.key_pairs
            .values()
            .filter(move |pair| arn::region(&pair.arn) == region)
    }

    /// Removes a playback key pair: its tokens start nothing from now on.
    ///
    /// # Errors
    /// There is none with this ARN.
    pub fn remove_key_pair(&mut self, arn: &str) -> Result<(), CatalogError> {
        self.key_pairs
            .remove(arn)
            .map(|_| ())
            .ok_or_else(|| not_found(arn))
    }
}

fn not_found(arn: &str) -> CatalogError {
    CatalogError::NotFound(arn.to_owned())
}
