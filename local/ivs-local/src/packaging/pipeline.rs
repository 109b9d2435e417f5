//! A stream's way from FLV to segments: the transcoders, what feeds them, and the packager.

use std::sync::Arc;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use super::PackagingError;
use super::ladder::Lines;
use super::packager::package;
use super::transcoder::{FfmpegAt, Transcoder};
use crate::broadcast::Broadcast;

/// FLV tags that wait for a rendition's transcoder: a few seconds. One that is slower than the
/// stream is given up, since the source must not wait for it.
const QUEUE: usize = 512;

/// The work on one stream. Dropping it kills the transcoders.
#[derive(Debug)]
pub struct Pipeline {
    source: ChildStdin,
    renditions: Vec<mpsc::Sender<Bytes>>,
    feeders: JoinSet<()>,
    transcoders: Vec<Transcoder>,
    packager: JoinHandle<Result<(), PackagingError>>,
}

impl Pipeline {
    /// Starts the transcoders and the packager. `tags` go into the video where they come.
    ///
    /// # Errors
    /// A transcoder cannot be started.
    pub fn start(
        ffmpeg: &FfmpegAt,
        ladder: &[Lines],
        broadcast: &Arc<Broadcast>,
        tags: mpsc::Receiver<String>,
    ) -> std::io::Result<Self> {
        let (transcoder, pipes) = Transcoder::start(ffmpeg, &broadcast.stream_id, None)?;
        let (mut transcoders, mut outputs) = (vec![transcoder], vec![pipes.output]);
        let (mut renditions, mut feeders) = (Vec::new(), JoinSet::new());
        for lines in ladder {
            let (transcoder, pipes) =
                Transcoder::start(ffmpeg, &broadcast.stream_id, Some(*lines))?;
            broadcast.add_track(*lines);
            let (queue, waiting) = mpsc::channel(QUEUE);
            feeders.spawn(feed(pipes.input, waiting));
            renditions.push(queue);
            transcoders.push(transcoder);
            outputs.push(pipes.output);
        }
        Ok(Self {
            source: pipes.input,
            renditions,
            feeders,
            transcoders,
            packager: tokio::spawn(package(outputs, tags, Arc::clone(broadcast))),
        })
    }

    /// Writes FLV to every transcoder, and waits for the source's only.
    ///
    /// # Errors
    /// The source's transcoder has ended.
    pub async fn write(&mut self, flv: Vec<u8>) -> std::io::Result<()> {
        let flv = Bytes::from(flv);
        // The packager sees a rendition that is let go by its transcoder's end, and says so.
        self.renditions
            .retain(|queue| queue.try_send(flv.clone()).is_ok());
        self.source.write_all(&flv).await
    }

    /// Lets the transcoders and the packager finish.
    ///
    /// # Errors
    /// The stream could not be packaged to its end.
    pub async fn end(self) -> Result<(), PackagingError> {
        drop(self.source);
        drop(self.renditions);
        for transcoder in self.transcoders {
            transcoder.end().await;
        }
        drop(self.feeders);
        self.packager.await?
    }
}

async fn feed(mut input: ChildStdin, mut waiting: mpsc::Receiver<Bytes>) {
    while let Some(flv) = waiting.recv().await {
        if let Err(error) = input.write_all(&flv).await {
            tracing::debug!(%error, "a rendition's transcoder has ended");
            return;
        }
    }
}
