//! Drives the segmenters of one stream: the source's, and those of the renditions that follow it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::PackagingError;
use super::segmenter::{CutRule, Mark, Segmenter, SegmenterError, Step};
use super::track::Track;
use crate::broadcast::Broadcast;

/// Bytes read from a transcoder at once.
const READ: usize = 64 << 10;
/// Pieces that wait for the packager.
const PIECES: usize = 32;

/// What comes out of a transcoder.
enum Piece {
    Bytes(Bytes),
    End(std::io::Result<()>),
}

/// A rendition that follows the source.
struct Follower {
    track: Arc<Track>,
    segmenter: Segmenter,
    ended: bool,
}

struct Packager {
    broadcast: Arc<Broadcast>,
    source: Segmenter,
    /// By the number of their output less one; `None` once one has been given up.
    followers: Vec<Option<Follower>>,
}

/// Packages one stream until its transport stream ends; every tag received before is in it.
///
/// The first output is the source's, the others go with the broadcast's other tracks, in order.
///
/// # Errors
/// The source's output is unreadable; the segments until then stay.
pub(super) async fn package<R: AsyncRead + Unpin + Send + 'static>(
    outputs: Vec<R>,
    mut tags: mpsc::Receiver<String>,
    broadcast: Arc<Broadcast>,
) -> Result<(), PackagingError> {
    let ending = EndOnDrop(Arc::clone(&broadcast));
    let (sender, mut pieces) = mpsc::channel(PIECES);
    let mut readers = JoinSet::new();
    for (index, output) in outputs.into_iter().enumerate() {
        readers.spawn(read_all(index, output, sender.clone()));
    }
    drop(sender);
    let mut packager = Packager::new(broadcast);
    let result = packager.lead(&mut pieces, &mut tags).await;
    // No tag is accepted from here on; those that were still go into the last segment.
    tags.close();
    while let Some(text) = tags.recv().await {
        packager.source_did(|source| source.insert(text))?;
    }
    packager.finish(&mut pieces).await;
    drop(ending);
    result
}

/// Ends the broadcast however packaging ends, so that no player waits for more.
struct EndOnDrop(Arc<Broadcast>);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

async fn read_all<R: AsyncRead + Unpin>(
    index: usize,
    mut output: R,
    pieces: mpsc::Sender<(usize, Piece)>,
) {
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(READ);
        let piece = match output.read_buf(&mut buffer).await {
            Ok(0) => Piece::End(Ok(())),
            Ok(_) => Piece::Bytes(buffer.split().freeze()),
            Err(error) => Piece::End(Err(error)),
        };
        let end = matches!(piece, Piece::End(_));
        if pieces.send((index, piece)).await.is_err() || end {
            return;
        }
    }
}

impl Packager {
    fn new(broadcast: Arc<Broadcast>) -> Self {
        let others = broadcast.tracks().into_iter().skip(1);
        let followers = others.map(|track| {
            Some(Follower {
                track,
                segmenter: Segmenter::following(),
                ended: false,
            })
        });
        Self {
            followers: followers.collect(),
            source: Segmenter::new(CutRule::default()),
            broadcast,
        }
    }

    /// Works until the source has ended.
    async fn lead(
        &mut self,
        pieces: &mut mpsc::Receiver<(usize, Piece)>,
        tags: &mut mpsc::Receiver<String>,
    ) -> Result<(), PackagingError> {
        loop {
            tokio::select! {
                Some(text) = tags.recv() => self.source_did(|source| source.insert(text))?,
                piece = pieces.recv() => match piece {
                    None => return Ok(()),
                    Some((0, Piece::Bytes(bytes))) => self.source_did(|source| source.push(&bytes))?,
                    Some((0, Piece::End(result))) => return Ok(result?),
                    Some((index, piece)) => self.follower_piece(index, piece),
                },
            }
        }
    }

    /// Publishes what the source's segmenter does, and has the others follow.
    fn source_did(
        &mut self,
        act: impl FnOnce(&mut Segmenter) -> Result<Vec<Step>, SegmenterError>,
    ) -> Result<(), PackagingError> {
        let steps = act(&mut self.source)?;
        self.broadcast.apply(steps);
        let (marks, newest) = self.source.take_marks();
        let cut = marks.iter().any(|mark| matches!(mark, Mark::Cut(_)));
        for index in 0..self.followers.len() {
            let ended = self.followers[index].as_ref().is_some_and(|f| f.ended);
            if ended && cut {
                self.give_up(index, &"its transcoder has ended");
            }
            self.follower_did(index, |follower| follower.follow(&marks, newest));
        }
        Ok(())
    }

    /// `index` is that of the output.
    fn follower_piece(&mut self, index: usize, piece: Piece) {
        let index = index - 1;
        match piece {
            Piece::Bytes(bytes) => self.follower_did(index, |follower| follower.push(&bytes)),
            // At the stream's end it may come before the source's.
            Piece::End(_) => {
                if let Some(Some(follower)) = self.followers.get_mut(index) {
                    follower.ended = true;
                }
            }
        }
    }

    fn follower_did(
        &mut self,
        index: usize,
        act: impl FnOnce(&mut Segmenter) -> Result<Vec<Step>, SegmenterError>,
    ) {
        let Some(Some(follower)) = self.followers.get_mut(index) else {
            return;
        };
        match act(&mut follower.segmenter) {
            Ok(steps) => self.broadcast.apply_to(&follower.track, steps),
            Err(error) => self.give_up(index, &error),
        }
    }

    /// The stream goes on without a rendition.
    fn give_up(&mut self, index: usize, why: &dyn std::fmt::Display) {
        if let Some(Follower { track, .. }) = self.followers[index].take() {
            tracing::warn!(
                stream.id = self.broadcast.stream_id,
                rendition = track.lines.map(|lines| lines.to_string()),
                "a rendition is given up: {why}"
            );
            self.broadcast.drop_track(&track);
        }
    }

    /// Completes the last segments once the source has ended, the followers' when theirs have.
    async fn finish(mut self, pieces: &mut mpsc::Receiver<(usize, Piece)>) {
        let source = std::mem::replace(&mut self.source, Segmenter::following());
        self.broadcast.apply(source.finish());
        self.broadcast.source().end();
        for index in 0..self.followers.len() {
            self.follower_did(index, Segmenter::source_ended);
        }
        while let Some((index, piece)) = pieces.recv().await {
            if index > 0 {
                self.follower_piece(index, piece);
            }
        }
        for follower in self.followers.into_iter().flatten() {
            let steps = follower.segmenter.finish();
            self.broadcast.apply_to(&follower.track, steps);
            follower.track.end();
        }
    }
}
