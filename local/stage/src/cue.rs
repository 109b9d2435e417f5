//! The plain question that the IVS tutorial's generator puts into the live video: no quiz behind it,
//! nobody counts the answers.

use aws_sdk_ivs::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    operation::{RequestId, put_metadata::PutMetadataError},
};
use jiff::civil::DateTime;
use serde::Serialize;
use serde_json::json;

/// The most that one PutMetadata call takes, in bytes of UTF-8
/// (Amazon IVS API reference, `PutMetadata`, 1 KB).
pub const MAX_BYTES: usize = 1024;

/// The tutorial's payload: these three fields, in this order.
#[derive(Serialize)]
struct Payload<'a> {
    current_time: String,
    question: &'a str,
    answers: &'a [String],
}

/// A cue that was not put into the video.
#[derive(Debug, thiserror::Error)]
pub enum CueError {
    /// It does not fit into one call.
    #[error(
        "the cue has {bytes} bytes as JSON in UTF-8; {MAX_BYTES} are the most that one PutMetadata call takes"
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// There is no video to put it into.
    #[error("ChannelNotBroadcasting: nothing is broadcast on the channel {0}")]
    Offline(String),
    /// IVS refused it.
    #[error("PutMetadata was refused: {code}: {message}")]
    Refused {
        /// The error's name, e.g. `ResourceNotFoundException`.
        code: String,
        /// Its message.
        message: String,
    },
    /// IVS did not answer, or it was not reached.
    #[error("PutMetadata failed: {0}")]
    Failed(String),
}

/// The text to be put into the video: compact JSON. `now` is told to the viewers as it is.
///
/// # Errors
/// [`CueError::TooLarge`].
pub fn text(question: &str, answers: &[String], now: DateTime) -> Result<String, CueError> {
    let payload = Payload {
        current_time: now.strftime("%Y-%b-%d-%H%M%S").to_string(),
        question,
        answers,
    };
    let text = serde_json::to_string(&payload).expect("the payload has only string keys");
    match text.len() {
        bytes if bytes > MAX_BYTES => Err(CueError::TooLarge { bytes }),
        _ => Ok(text),
    }
}

/// What is sent to PutMetadata for this text, as JSON.
pub fn request(channel_arn: &str, text: &str) -> serde_json::Value {
    json!({ "channelArn": channel_arn, "metadata": text })
}

/// Puts a text into the video of a channel. Returns what IVS calls the request, if it says so.
///
/// # Errors
/// [`CueError::Offline`], [`CueError::Refused`] and [`CueError::Failed`].
pub async fn put(
    client: &Client,
    channel_arn: &str,
    text: &str,
) -> Result<Option<String>, CueError> {
    let answer = client
        .put_metadata()
        .channel_arn(channel_arn)
        .metadata(text)
        .send()
        .await
        .map_err(|error| failure(error, channel_arn))?;
    Ok(answer.request_id().map(str::to_owned))
}

fn failure(error: SdkError<PutMetadataError>, channel_arn: &str) -> CueError {
    match error.as_service_error() {
        Some(PutMetadataError::ChannelNotBroadcasting(_)) => {
            CueError::Offline(channel_arn.to_owned())
        }
        Some(refusal) => CueError::Refused {
            code: refusal.code().unwrap_or("an unknown error").to_owned(),
            message: refusal.message().unwrap_or("without a message").to_owned(),
        },
        None => CueError::Failed(DisplayErrorContext(error).to_string()),
    }
}

/// The ARN of the channel with this id, beside a channel whose ARN is known; an ARN stays as it is.
pub fn channel_arn(known_arn: &str, channel: &str) -> String {
    match known_arn.rsplit_once('/') {
        Some((rest, _)) if !channel.starts_with("arn:") => format!("{rest}/{channel}"),
        _ => channel.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn answers() -> Vec<String> {
        ["True", "False"].map(str::to_owned).to_vec()
    }

    #[test]
    fn the_payload_is_the_tutorials() {
        let now = date(2022, 4, 14).at(15, 36, 17, 123);
        assert_eq!(
            text("Question : 8", &answers(), now).unwrap(),
            r#"{"current_time":"2022-Apr-14-153617","question":"Question : 8","answers":["True","False"]}"#
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_size_in_bytes() {
        let now = date(2022, 4, 14).at(15, 36, 17, 0);
        let frame = text("", &answers(), now).unwrap().len();
        let fits = "ä".repeat((MAX_BYTES - frame) / 2);
        assert!(text(&fits, &answers(), now).is_ok());
        let error = text(&format!("{fits}ää"), &answers(), now).unwrap_err();
        let size = format!("the cue has {} bytes", frame + fits.len() + 4);
        assert!(error.to_string().starts_with(&size), "{error}");
    }

    #[test]
    fn a_channel_is_named_by_its_id_or_by_its_arn() {
        let known = "arn:aws:ivs:eu-west-1:000000000000:channel/AbC";
        assert_eq!(
            channel_arn(known, "DeF"),
            "arn:aws:ivs:eu-west-1:000000000000:channel/DeF"
        );
        let other = "arn:aws:ivs:us-west-2:000000000000:channel/GhI";
        assert_eq!(channel_arn(known, other), other);
    }
}
