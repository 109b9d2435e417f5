//! The rules that tie resources together.

use super::*;

fn channel(id: &str, policy: &str) -> Channel {
    Channel {
        arn: Kind::Channel.arn("us-east-1", id),
        playback_restriction_policy_arn: policy.to_owned(),
        ..Channel::default()
    }
}

fn key(channel: &Channel) -> StreamKey {
    StreamKey {
        arn: Kind::StreamKey.arn("us-east-1", "key"),
        value: "sk".into(),
        channel_arn: channel.arn.clone(),
        tags: Tags::default(),
    }
}

fn policy(region: &str, id: &str) -> PlaybackRestrictionPolicy {
    PlaybackRestrictionPolicy {
        arn: Kind::PlaybackRestrictionPolicy.arn(region, id),
        ..PlaybackRestrictionPolicy::default()
    }
}

#[test]
fn a_policy_belongs_to_its_channels_until_it_is_detached() {
    let mut catalog = Catalog::default();
    let policy = policy("us-east-1", "p");
    catalog.add_policy(policy.clone()).unwrap();
    let mut channel = channel("c", &policy.arn);
    catalog.add_channel(channel.clone(), key(&channel)).unwrap();
    assert_eq!(catalog.policy_of(&channel.arn), Some(&policy));
    assert_eq!(
        catalog.remove_policy(&policy.arn),
        Err(CatalogError::InUse(policy.arn.clone()))
    );
    channel.playback_restriction_policy_arn.clear();
    catalog.replace_channel(channel.clone()).unwrap();
    assert_eq!(catalog.policy_of(&channel.arn), None);
    assert_eq!(catalog.remove_policy(&policy.arn), Ok(()));
    assert_eq!(
        catalog.remove_policy(&policy.arn),
        Err(CatalogError::NotFound(policy.arn))
    );
}

#[test]
fn a_policy_must_exist_in_the_region_of_the_channel() {
    let mut catalog = Catalog::default();
    let elsewhere = policy("eu-west-1", "p");
    catalog.add_policy(elsewhere.clone()).unwrap();
    let missing = Kind::PlaybackRestrictionPolicy.arn("us-east-1", "p");
    for wrong in [elsewhere.arn, missing] {
        let channel = channel("c", &wrong);
        assert_eq!(
            catalog.add_channel(channel.clone(), key(&channel)),
            Err(CatalogError::NotFound(wrong))
        );
        assert!(catalog.channel(&channel.arn).is_err());
    }
}

#[test]
fn quotas_hold_for_each_region() {
    let mut catalog = Catalog::default();
    for index in 0..POLICIES_A_REGION {
        catalog
            .add_policy(policy("us-east-1", &format!("p{index}")))
            .unwrap();
    }
    assert!(matches!(
        catalog.add_policy(policy("us-east-1", "more")),
        Err(CatalogError::Quota(_))
    ));
    assert_eq!(catalog.add_policy(policy("eu-west-1", "p")), Ok(()));
}
