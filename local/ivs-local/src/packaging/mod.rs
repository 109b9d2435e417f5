//! Packaging: from a publisher's FLV to segments that carry the channel's timed metadata.
//!
//! [`transcoder`] runs ffmpeg, [`segmenter`] cuts its output and puts the tags in through [`ts`]
//! and [`id3`], [`segment`] holds bytes that are read while they grow, [`window`] keeps the newest
//! segments. [`package`] ties them together for one stream.

pub mod id3;
pub mod segment;
pub mod segmenter;
pub mod transcoder;
pub mod ts;
pub mod window;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;

use crate::broadcast::Broadcast;
use segmenter::{CutRule, Segmenter};

/// Bytes read from the transcoder at once.
const READ: usize = 64 << 10;

/// Why packaging a stream stopped early.
#[derive(Debug, thiserror::Error)]
pub enum PackagingError {
    /// The transcoder's output could not be read.
    #[error("reading the transcoder's output")]
    Read(#[from] std::io::Error),
    /// The transcoder's output could not be understood.
    #[error(transparent)]
    Ts(#[from] ts::TsError),
}

/// Packages one stream until its transport stream ends; every tag received before is in it.
///
/// # Errors
/// The output of the transcoder is unreadable; the segments until then stay.
pub async fn package<R: AsyncRead + Unpin>(
    mut output: R,
    mut tags: mpsc::Receiver<String>,
    broadcast: Arc<Broadcast>,
) -> Result<(), PackagingError> {
    let ending = EndOnDrop(&broadcast);
    let mut segmenter = Segmenter::new(CutRule::default());
    let result = feed(&mut segmenter, &mut output, &mut tags, &broadcast).await;
    // No tag is accepted from here on; those that were still go into the last segment.
    tags.close();
    while let Some(text) = tags.recv().await {
        broadcast.apply(segmenter.insert(text)?);
    }
    broadcast.apply(segmenter.finish());
    drop(ending);
    result
}

/// Ends the broadcast however packaging ends, so that no player waits for more.
struct EndOnDrop<'a>(&'a Broadcast);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

async fn feed<R: AsyncRead + Unpin>(
    segmenter: &mut Segmenter,
    output: &mut R,
    tags: &mut mpsc::Receiver<String>,
    broadcast: &Broadcast,
) -> Result<(), PackagingError> {
    let mut buffer = vec![0; READ];
    loop {
        let steps = tokio::select! {
            Some(text) = tags.recv() => segmenter.insert(text)?,
            read = output.read(&mut buffer) => match read? {
                0 => return Ok(()),
                length => segmenter.push(&buffer[..length])?,
            },
        };
        broadcast.apply(steps);
    }
}
