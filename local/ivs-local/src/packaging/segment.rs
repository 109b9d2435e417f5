//! The bytes of one segment: written once, read by any number of players meanwhile and afterwards.
//!
//! Players share the bytes; each keeps only its place. A reader is never told less or more than
//! another, whenever it comes.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

/// Most bytes that a reader takes at once.
const PIECE: usize = 64 << 10;
/// A writer that adds nothing for this long has gone. Longer than a publisher may be silent.
const SILENCE: Duration = Duration::from_secs(10);

/// The reader's segment will not be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the segment was left unfinished")]
pub struct Unfinished;

#[derive(Debug)]
enum Contents {
    /// What there is so far, in the pieces in which it came.
    Open(Vec<Bytes>),
    Complete(Bytes),
}

/// A segment, for the one who writes it. Dropped before it is complete, it ends its readers.
#[derive(Debug)]
pub struct Segment {
    contents: watch::Sender<Contents>,
}

impl Segment {
    /// A segment without any bytes yet.
    pub fn open() -> Self {
        let (contents, _) = watch::channel(Contents::Open(Vec::new()));
        Self { contents }
    }

    /// Adds bytes, which waiting readers get at once.
    pub fn append(&self, bytes: Bytes) {
        self.contents.send_modify(|contents| {
            if let Contents::Open(pieces) = contents {
                pieces.push(bytes);
            }
        });
    }

    /// Says that no bytes follow, and how many there are.
    pub fn complete(&self) -> usize {
        let mut length = 0;
        self.contents.send_modify(|contents| {
            if let Contents::Open(pieces) = contents {
                let whole = pieces.concat();
                length = whole.len();
                *contents = Contents::Complete(whole.into());
            }
        });
        length
    }

    /// A reader that begins at the first byte.
    pub fn reader(&self) -> SegmentReader {
        SegmentReader {
            contents: self.contents.subscribe(),
            pieces: 0,
            bytes: 0,
            patience: SILENCE,
        }
    }
}

/// One player's place in a segment.
#[derive(Debug)]
pub struct SegmentReader {
    contents: watch::Receiver<Contents>,
    /// Pieces read while the segment was open.
    pieces: usize,
    /// Bytes read.
    bytes: usize,
    /// How long to wait for the next bytes.
    patience: Duration,
}

impl SegmentReader {
    /// How many bytes there are in all, if that is known yet.
    pub fn length(&self) -> Option<usize> {
        match &*self.contents.borrow() {
            Contents::Open(_) => None,
            Contents::Complete(whole) => Some(whole.len()),
        }
    }

    /// The next bytes, waiting for them if need be; `None` at the end.
    ///
    /// # Errors
    /// The rest will never come.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Unfinished> {
        loop {
            match &*self.contents.borrow_and_update() {
                Contents::Complete(whole) => {
                    let end = whole.len().min(self.bytes + PIECE);
                    let piece = whole.slice(self.bytes..end);
                    self.bytes = end;
                    return Ok((!piece.is_empty()).then_some(piece));
                }
                Contents::Open(pieces) => {
                    if let Some(piece) = pieces.get(self.pieces) {
                        self.pieces += 1;
                        self.bytes += piece.len();
                        return Ok(Some(piece.clone()));
                    }
                }
            }
            match tokio::time::timeout(self.patience, self.contents.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return Err(Unfinished),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn rest(mut reader: SegmentReader) -> Result<Vec<u8>, Unfinished> {
        let mut all = Vec::new();
        while let Some(piece) = reader.next().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn readers_of_every_moment_get_the_same_bytes() {
        let segment = Segment::open();
        let early = tokio::spawn(rest(segment.reader()));
        let mut halfway = segment.reader();
        let mut expected = Vec::new();
        for number in 0..40u8 {
            let piece = vec![number; 5_000];
            expected.extend_from_slice(&piece);
            segment.append(piece.into());
            if number % 2 == 0 {
                assert_eq!(halfway.next().await.unwrap().unwrap()[0], number / 2);
            }
        }
        assert_eq!(halfway.length(), None);
        let read = halfway.bytes;
        assert_eq!(segment.complete(), expected.len());
        assert_eq!(halfway.length(), Some(expected.len()));
        assert_eq!(rest(halfway).await.unwrap(), expected[read..]);
        assert_eq!(early.await.unwrap().unwrap(), expected);
        assert_eq!(rest(segment.reader()).await.unwrap(), expected);
    }

    #[tokio::test]
    async fn a_reader_of_a_segment_that_is_given_up_is_told() {
        let segment = Segment::open();
        segment.append(Bytes::from_static(b"begun"));
        let reader = tokio::spawn(rest(segment.reader()));
        drop(segment);
        assert_eq!(reader.await.unwrap(), Err(Unfinished));
    }

    #[tokio::test]
    async fn a_writer_that_falls_silent_is_not_waited_for_for_ever() {
        let segment = Segment::open();
        segment.append(Bytes::from_static(b"begun"));
        let mut reader = segment.reader();
        reader.patience = Duration::from_millis(10);
        assert_eq!(rest(reader).await, Err(Unfinished));
    }

    #[tokio::test]
    async fn a_complete_segment_outlives_its_writer() {
        let segment = Segment::open();
        segment.append(Bytes::from_static(b"all"));
        segment.complete();
        let reader = segment.reader();
        drop(segment);
        assert_eq!(rest(reader).await.unwrap(), b"all");
    }
}
