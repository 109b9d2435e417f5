//! What exists: channels, stream keys, playback key pairs and playback restriction policies, in
//! memory.
//!
//! Plain maps and the rules that tie them; no wire format, no locks. Everything is found by ARN.

mod items;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::arn::{self, Kind};

pub use items::{Channel, KeyPair, PlaybackRestrictionPolicy, StreamKey, Tags};

/// Channels per server; IVS allows 20,000 per region.
const CHANNELS: usize = 1_000;
/// Playback key pairs per account and region (IVS service quotas; "a maximum service quota of 3" is
/// also what the Terraform provider's tests of this resource reckon with).
const KEY_PAIRS_A_REGION: usize = 3;
/// Playback restriction policies per region. IVS has such a quota; this figure is this server's.
const POLICIES_A_REGION: usize = 20;

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
    /// Something else needs it.
    #[error("{0} is attached to a channel")]
    InUse(String),
}

/// Everything that exists.
#[derive(Debug, Default)]
pub struct Catalog {
    channels: BTreeMap<String, Channel>,
    stream_keys: BTreeMap<String, StreamKey>,
    key_pairs: BTreeMap<String, KeyPair>,
    policies: BTreeMap<String, PlaybackRestrictionPolicy>,
}

impl Catalog {
    /// Adds a channel with its stream key.
    ///
    /// # Errors
    /// Too many channels, or its playback restriction policy is not one of its region.
    pub fn add_channel(&mut self, channel: Channel, key: StreamKey) -> Result<(), CatalogError> {
        self.check_policy_of(&channel)?;
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

    /// Puts a changed channel in the place of the one with its ARN.
    ///
    /// # Errors
    /// There is none, or its playback restriction policy is not one of its region.
    pub fn replace_channel(&mut self, channel: Channel) -> Result<(), CatalogError> {
        self.channel(&channel.arn)?;
        self.check_policy_of(&channel)?;
        self.channels.insert(channel.arn.clone(), channel);
        Ok(())
    }

    fn check_policy_of(&self, channel: &Channel) -> Result<(), CatalogError> {
        let policy = &channel.playback_restriction_policy_arn;
        if policy.is_empty() {
            return Ok(());
        }
        if arn::region(policy) != arn::region(&channel.arn) {
            return Err(not_found(policy));
        }
        self.policy(policy).map(|_| ())
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

    /// The channel that a publisher with this stream key may publish to. Every key is compared, and
    /// to its end, so that the time taken tells nothing about them.
    pub fn channel_for_key(&self, value: &str) -> Option<&Channel> {
        let mut found = None;
        for key in self.stream_keys.values() {
            if verify_slices_are_equal(key.value.as_bytes(), value.as_bytes()).is_ok() {
                found = Some(key);
            }
        }
        let key = found?;
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

    /// Adds a playback restriction policy.
    ///
    /// # Errors
    /// The region has as many as it may.
    pub fn add_policy(&mut self, policy: PlaybackRestrictionPolicy) -> Result<(), CatalogError> {
        if self.policies(arn::region(&policy.arn)).count() >= POLICIES_A_REGION {
            return Err(CatalogError::Quota(
                "playback restriction policies per region",
            ));
        }
        self.policies.insert(policy.arn.clone(), policy);
        Ok(())
    }

    /// The playback restriction policy with this ARN.
    ///
    /// # Errors
    /// There is none.
    pub fn policy(&self, arn: &str) -> Result<&PlaybackRestrictionPolicy, CatalogError> {
        self.policies.get(arn).ok_or_else(|| not_found(arn))
    }

    /// The policy with this ARN, to change it.
    ///
    /// # Errors
    /// There is none.
    pub fn policy_mut(
        &mut self,
        arn: &str,
    ) -> Result<&mut PlaybackRestrictionPolicy, CatalogError> {
        self.policies.get_mut(arn).ok_or_else(|| not_found(arn))
    }

    /// The playback restriction policies of a region, by ARN.
    pub fn policies<'a>(
        &'a self,
        region: &'a str,
    ) -> impl Iterator<Item = &'a PlaybackRestrictionPolicy> {
        self.policies
            .values()
            .filter(move |policy| arn::region(&policy.arn) == region)
    }

    /// The playback restriction policy that a channel has.
    pub fn policy_of(&self, channel_arn: &str) -> Option<&PlaybackRestrictionPolicy> {
        let channel = self.channels.get(channel_arn)?;
        self.policies.get(&channel.playback_restriction_policy_arn)
    }

    /// Removes a playback restriction policy that no channel has.
    ///
    /// # Errors
    /// There is none with this ARN, or a channel has it.
    pub fn remove_policy(&mut self, arn: &str) -> Result<(), CatalogError> {
        self.policy(arn)?;
        let attached = |channel: &Channel| channel.playback_restriction_policy_arn == arn;
        if self.channels.values().any(attached) {
            return Err(CatalogError::InUse(arn.to_owned()));
        }
        self.policies.remove(arn);
        Ok(())
    }

    /// The tags of a resource of any kind, to change them.
    ///
    /// # Errors
    /// Nothing has this ARN.
    pub fn tags_mut(&mut self, arn: &str) -> Result<&mut Tags, CatalogError> {
        let tags = match Kind::of(arn) {
            Some(Kind::Channel) => self.channels.get_mut(arn).map(|item| &mut item.tags),
            Some(Kind::StreamKey) => self.stream_keys.get_mut(arn).map(|item| &mut item.tags),
            Some(Kind::PlaybackKey) => self.key_pairs.get_mut(arn).map(|item| &mut item.tags),
            Some(Kind::PlaybackRestrictionPolicy) => {
                self.policies.get_mut(arn).map(|item| &mut item.tags)
            }
            None => None,
        };
        tags.ok_or_else(|| not_found(arn))
    }
}

fn not_found(arn: &str) -> CatalogError {
    CatalogError::NotFound(arn.to_owned())
}
