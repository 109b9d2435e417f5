//! A stream's way from FLV to segments: the transcoders, what feeds them, and the packager.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::join_all;
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
/// stream is killed, since the source must not wait for it.
const QUEUE: usize = 512;

/// The work on one stream. Dropping it kills the transcoders.
#[derive(Debug)]
pub struct Pipeline {
    input: ChildStdin,
    source: Transcoder,
    renditions: Vec<Rendition>,
    feeders: JoinSet<()>,
    packager: JoinHandle<Result<(), PackagingError>>,
}

/// A transcoder beside the source's, and what waits for it.
#[derive(Debug)]
struct Rendition {
    queue: mpsc::Sender<Bytes>,
    transcoder: Transcoder,
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
        let (source, source_pipes) = Transcoder::start(ffmpeg, &broadcast.stream_id, None)?;
        let mut outputs = vec![source_pipes.output];
        let (mut renditions, mut feeders) = (Vec::new(), JoinSet::new());
        for lines in ladder {
            let (transcoder, pipes) =
                Transcoder::start(ffmpeg, &broadcast.stream_id, Some(*lines))?;
            broadcast.add_track(*lines);
            let (queue, waiting) = mpsc::channel(QUEUE);
            feeders.spawn(feed(pipes.input, waiting));
            renditions.push(Rendition { queue, transcoder });
            outputs.push(pipes.output);
        }
        Ok(Self {
            input: source_pipes.input,
            source,
            renditions,
            feeders,
            packager: tokio::spawn(package(outputs, tags, Arc::clone(broadcast))),
        })
    }

    /// Writes FLV to every transcoder, and waits for the source's only.
    ///
    /// # Errors
    /// The source's transcoder has ended.
    pub async fn write(&mut self, flv: Vec<u8>) -> std::io::Result<()> {
        let flv = Bytes::from(flv);
        // Dropping a transcoder kills it; the packager sees its end, and says so.
        self.renditions
            .retain(|rendition| rendition.queue.try_send(flv.clone()).is_ok());
        self.input.write_all(&flv).await
    }

    /// Lets the transcoders and the packager finish.
    ///
    /// # Errors
    /// The stream could not be packaged to its end.
    pub async fn end(self) -> Result<(), PackagingError> {
        drop(self.input);
        // Dropping the queues closes the inputs once they are empty.
        let renditions = self.renditions.into_iter().map(|one| one.transcoder);
        let transcoders = std::iter::once(self.source).chain(renditions);
        join_all(transcoders.map(Transcoder::end)).await;
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
