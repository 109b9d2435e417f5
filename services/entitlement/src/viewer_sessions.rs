//! Viewer sessions at Amazon IVS: what a viewer is playing, by the version in their token.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_ivs::{
    Client,
    operation::batch_start_viewer_session_revocation::BatchStartViewerSessionRevocationOutput,
    types::BatchStartViewerSessionRevocationViewerSession as SessionsOfViewer,
};
use cuepoint_shared::{
    aws::AwsError,
    channels::Channels,
    ids::{ChannelId, UserId},
};
use futures::{StreamExt, stream};
use tokio::time::{Instant, sleep_until};

/// The operation, for errors.
const OPERATION: &str = "BatchStartViewerSessionRevocation";
/// Pairs of channel and viewer that one call takes (IVS API reference).
const PAIRS_A_CALL: usize = 20;
/// IVS takes two such calls a second (IVS service quotas), so the next one begins this much later.
/// What other functions call meanwhile is left to the retries of the SDK.
const APART: Duration = Duration::from_millis(500);
/// How many calls may be under way, which matters only when IVS is slow.
const PARALLEL: usize = 4;

/// Why sessions were not revoked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RevokeError {
    /// This deployment does not serve the channel, so it knows no ARN to name it by.
    #[error("this deployment does not serve the channel {0}")]
    UnknownChannel(ChannelId),
    /// The call failed, or IVS refused this pair of it.
    #[error(transparent)]
    Call(#[from] AwsError),
}

impl RevokeError {
    /// Whether the same call may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::UnknownChannel(_) => false,
            Self::Call(error) => error.may_pass(),
        }
    }
}

/// Whose sessions, and on which channel.
pub type Pair = (ChannelId, UserId);

/// What is to end: a pair's sessions up to a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Whose sessions, and on which channel.
    pub pair: Pair,
    /// The highest version that ends.
    pub up_to_version: u32,
}

/// Ends what viewers are playing.
#[derive(Debug, Clone)]
pub struct ViewerSessions {
    client: Client,
    channels: Channels,
}

impl ViewerSessions {
    /// The sessions on these channels.
    pub fn new(client: Client, channels: Channels) -> Self {
        Self { client, channels }
    }

    /// Ends viewers' sessions, and refuses their tokens, up to a version each. Doing it again, or
    /// with a lower version later, changes nothing.
    ///
    /// Returns the pairs for which it failed. Then nothing was revoked, or it is unknown whether it
    /// was.
    pub async fn revoke(&self, revocations: &[Revocation]) -> BTreeMap<Pair, RevokeError> {
        let mut failed = BTreeMap::new();
        let mut calls = Vec::new();
        for (channel_id, viewers) in highest(revocations) {
            let Some(channel) = self.channels.get(channel_id) else {
                let unknown = RevokeError::UnknownChannel(channel_id.clone());
                let pairs = viewers.into_iter().map(|(user_id, _)| {
                    let pair = (channel_id.clone(), user_id.clone());
                    (pair, unknown.clone())
                });
                failed.extend(pairs);
                continue;
            };
            // A call is about one channel, so that one that IVS refuses takes no other with it.
            let of_channel = viewers.chunks(PAIRS_A_CALL).map(|viewers| Call {
                channel_id,
                arn: &channel.arn,
                viewers: viewers.to_vec(),
            });
            calls.extend(of_channel);
        }
        let start = Instant::now();
        let calls = (0..).zip(calls).map(|(place, call)| async move {
            sleep_until(start + APART.saturating_mul(place)).await;
            self.call(&call).await
        });
        let mut calls = stream::iter(calls).buffer_unordered(PARALLEL);
        while let Some(refused) = calls.next().await {
            failed.extend(refused);
        }
        failed
    }

    /// Makes a call; the pairs for which it failed.
    async fn call(&self, call: &Call<'_>) -> Vec<(Pair, RevokeError)> {
        let answer = self
            .client
            .batch_start_viewer_session_revocation()
            .set_viewer_sessions(Some(call.sessions()))
            .send()
            .await
            .map_err(|error| AwsError::new(OPERATION, &error));
        call.failed(answer)
    }
}

/// A call about some viewers of a channel, each up to a version.
struct Call<'a> {
    channel_id: &'a ChannelId,
    arn: &'a str,
    viewers: Vec<(&'a UserId, u32)>,
}

impl Call<'_> {
    fn sessions(&self) -> Vec<SessionsOfViewer> {
        let sessions = self.viewers.iter().map(|(user_id, up_to_version)| {
            // The API's versions are signed; a viewer who is revoked two billion times stays revoked.
            let up_to_version = i32::try_from(*up_to_version).unwrap_or(i32::MAX);
            SessionsOfViewer::builder()
                .channel_arn(self.arn)
                .viewer_id(user_id.as_str())
                .viewer_session_versions_less_than_or_equal_to(up_to_version)
                .build()
                .expect("channel and viewer are set")
        });
        sessions.collect()
    }

    /// The pairs for which it failed: all of them, or those that the answer lists.
    fn failed(
        &self,
        answer: Result<BatchStartViewerSessionRevocationOutput, AwsError>,
    ) -> Vec<(Pair, RevokeError)> {
        let error_of = |user_id: &UserId| match &answer {
            Err(error) => Some(error.clone()),
            Ok(answer) => {
                let mut listed = answer.errors().iter();
                let listed = listed.find(|listed| listed.viewer_id() == user_id.as_str())?;
                Some(AwsError::listed(OPERATION, listed.code(), listed.message()))
            }
        };
        let failed = self.viewers.iter().filter_map(|(user_id, _)| {
            let mut error = error_of(user_id)?;
            // IVS may quote what it refuses, and errors are logged.
            for (user_id, _) in &self.viewers {
                error.message = error.message.replace(user_id.as_str(), "(viewer)");
            }
            let pair = (self.channel_id.clone(), (*user_id).clone());
            Some((pair, error.into()))
        });
        failed.collect()
    }
}

/// The highest version to revoke of each viewer, by channel.
fn highest(revocations: &[Revocation]) -> BTreeMap<&ChannelId, Vec<(&UserId, u32)>> {
    let mut highest: BTreeMap<&ChannelId, BTreeMap<&UserId, u32>> = BTreeMap::new();
    for Revocation {
        pair: (channel_id, user_id),
        up_to_version,
    } in revocations
    {
        let viewers = highest.entry(channel_id).or_default();
        let version = viewers.entry(user_id).or_default();
        *version = (*version).max(*up_to_version);
    }
    highest
        .into_iter()
        .map(|(channel_id, viewers)| (channel_id, viewers.into_iter().collect()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn revocation(channel: &str, user: &str, up_to_version: u32) -> Revocation {
        Revocation {
            pair: (channel.parse().unwrap(), user.parse().unwrap()),
            up_to_version,
        }
    }

    #[test]
    fn a_pair_is_named_once_with_its_highest_version() {
        let revocations = [
            revocation("c", "ada", 1),
            revocation("d", "ada", 7),
            revocation("c", "bob", 1),
            revocation("c", "ada", 3),
            revocation("c", "ada", 2),
        ];
        let named: Vec<_> = highest(&revocations)
            .into_iter()
            .map(|(channel, viewers)| {
                let viewers = viewers
                    .into_iter()
                    .map(|(user, up_to)| (user.as_str(), up_to));
                (channel.as_str(), viewers.collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(
            named,
            [("c", vec![("ada", 3), ("bob", 1)]), ("d", vec![("ada", 7)])]
        );
    }

    #[test]
    fn what_ivs_says_is_repeated_without_the_viewer() {
        let (channel, ada, bob) = (
            "c".parse().unwrap(),
            "ada-1".parse().unwrap(),
            "bob-2".parse().unwrap(),
        );
        let call = Call {
            channel_id: &channel,
            arn: "arn",
            viewers: vec![(&ada, 1), (&bob, 1)],
        };
        let code = Some("ValidationException");
        let refused = AwsError::listed(OPERATION, code, Some("no such viewer: bob-2"));
        let failed = call.failed(Err(refused));
        assert_eq!(failed.len(), 2, "the whole call");
        for (_, error) in failed {
            let text = error.to_string();
            assert!(text.ends_with("no such viewer: (viewer)"), "{text}");
        }
        assert!(
            call.failed(Ok(
                BatchStartViewerSessionRevocationOutput::builder().build()
            ))
            .is_empty()
        );
    }
}
