//! Amazon IVS: puts cues into the live video.

use aws_sdk_ivs::Client;
use cuepoint_shared::{
    aws::AwsError,
    cues::{Cue, CueTooLarge},
};

/// A cue did not get into the video.
#[derive(Debug, thiserror::Error)]
pub enum VideoError {
    /// Nobody broadcasts on the channel.
    #[error("the channel {0} is not broadcasting")]
    NotBroadcasting(String),
    /// It would not fit.
    #[error(transparent)]
    TooLarge(#[from] CueTooLarge),
    /// The call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// The video of the channels.
#[derive(Debug, Clone)]
pub struct Video {
    client: Client,
}

impl Video {
    /// Talks to IVS through this client.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Puts a cue into a channel's video and returns its size in bytes. A repeat puts it there
    /// once more: viewers tell repeats by the ids in it.
    ///
    /// # Errors
    /// [`VideoError`]
    pub async fn push(&self, channel_arn: &str, cue: &Cue) -> Result<usize, VideoError> {
        let metadata = cue.encode()?;
        let bytes = metadata.len();
        let pushed = self
            .client
            .put_metadata()
            .channel_arn(channel_arn)
            .metadata(metadata)
            .send()
            .await;
        match pushed {
            Ok(_) => Ok(bytes),
            Err(error) => {
                let off_air = error
                    .as_service_error()
                    .is_some_and(|e| e.is_channel_not_broadcasting());
                match off_air {
                    true => Err(VideoError::NotBroadcasting(channel_arn.to_owned())),
                    false => Err(AwsError::new("PutMetadata", &error).into()),
                }
            }
        }
    }
}
