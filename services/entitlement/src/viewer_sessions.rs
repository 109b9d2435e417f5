//! Viewer sessions at Amazon IVS: what a viewer is playing, by the version in their token.

use aws_sdk_ivs::Client;
use cuepoint_shared::{
    aws::AwsError,
    channels::Channels,
    ids::{ChannelId, UserId},
};

/// Why sessions were not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// This deployment does not serve the channel, so it knows no ARN to name it by.
    #[error("this deployment does not serve the channel {0}")]
    UnknownChannel(ChannelId),
    /// The call failed.
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

    /// Ends a viewer's sessions on a channel, and refuses their tokens, up to a version. Doing it
    /// again changes nothing.
    ///
    /// # Errors
    /// [`RevokeError`]: nothing was revoked, or it is unknown whether it was.
    pub async fn revoke(
        &self,
        channel_id: &ChannelId,
        user_id: &UserId,
        up_to_version: u32,
    ) -> Result<(), RevokeError> {
        let channel = self
            .channels
            .get(channel_id)
            .ok_or_else(|| RevokeError::UnknownChannel(channel_id.clone()))?;
        // The API's versions are signed; a viewer who is revoked two billion times stays revoked.
        let up_to_version = i32::try_from(up_to_version).unwrap_or(i32::MAX);
        self.client
            .start_viewer_session_revocation()
            .channel_arn(&channel.arn)
            .viewer_id(user_id.as_str())
            .viewer_session_versions_less_than_or_equal_to(up_to_version)
            .send()
            .await
            .map_err(|error| AwsError::new("StartViewerSessionRevocation", &error))?;
        Ok(())
    }
}
