//! Amazon IVS: puts cues into the live video, and knows since when there is one.

use aws_sdk_ivs::{Client, types::StreamState};
use cuepoint_shared::{
    aws::AwsError,
    cues::{Cue, CueTooLarge},
};
use jiff::Timestamp;

/// How exactly IVS says when a stream began: to the second, cut off.
const PRECISION_MILLIS: i64 = 1_000;

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

    /// Since when somebody broadcasts on a channel; `None` when nobody does. What it says may be
    /// seconds old: whether a cue gets into the video, only [`Self::push`] knows.
    ///
    /// # Errors
    /// [`AwsError`]
    pub async fn live_since(&self, channel_arn: &str) -> Result<Option<Timestamp>, AwsError> {
        let asked = self
            .client
            .get_stream()
            .channel_arn(channel_arn)
            .send()
            .await;
        match asked {
            Ok(answer) => {
                let live = answer
                    .stream
                    .filter(|stream| stream.state() == Some(&StreamState::StreamLive));
                // A stream of which IVS does not say since when is taken as one that has held.
                Ok(live.map(|stream| {
                    let started = stream.start_time().and_then(|at| at.to_millis().ok());
                    let started = started.and_then(|at| Timestamp::from_millisecond(at).ok());
                    started.unwrap_or(Timestamp::UNIX_EPOCH)
                }))
            }
            Err(error) => {
                let off_air = error
                    .as_service_error()
                    .is_some_and(|e| e.is_channel_not_broadcasting());
                match off_air {
                    true => Ok(None),
                    false => Err(AwsError::new("GetStream", &error)),
                }
            }
        }
    }
}

/// Whether a stream has held from a moment on, in milliseconds of the epoch, when it is live now. IVS
/// says its start in whole seconds: one that may have begun after that moment is taken as another
/// one than there was then.
pub(crate) fn held(live_since: Timestamp, since: i64) -> bool {
    live_since.as_millisecond() + PRECISION_MILLIS <= since
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_has_held_only_if_it_began_before_for_certain() {
        let since = 1_000_000_000_900;
        for (began, expected) in [
            (since - 10_000, true),
            (1_000_000_000_000 - 1_000, true),
            // It came back in the second in which the question was pushed.
            (1_000_000_000_000, false),
            (1_000_000_001_000, false),
        ] {
            let live_since = Timestamp::from_millisecond(began).unwrap();
            assert_eq!(held(live_since, since), expected, "{began}");
        }
        assert!(held(Timestamp::UNIX_EPOCH, since));
    }
}
