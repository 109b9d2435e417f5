//! Packaging: from a publisher's FLV to segments that carry the channel's timed metadata.
//!
//! [`pipeline`] runs it all for one stream: [`transcoder`] is an ffmpeg, [`segmenter`] cuts what
//! comes out of it and puts the tags in through [`ts`] and [`id3`], [`segment`] holds bytes that are
//! read while they grow, [`window`] keeps the newest segments, [`track`] is one rendition of them.
//! [`ladder`] says which renditions there are beside the source.

pub mod id3;
pub mod ladder;
pub mod pipeline;
pub mod segment;
pub mod segmenter;
pub mod track;
pub mod transcoder;
pub mod ts;
pub mod window;

mod clock;
mod lead;
mod packager;

#[cfg(test)]
mod tests;

/// Why packaging a stream stopped early.
#[derive(Debug, thiserror::Error)]
pub enum PackagingError {
    /// The transcoder's output could not be read.
    #[error("reading the transcoder's output")]
    Read(#[from] std::io::Error),
    /// The transcoder's output could not be understood.
    #[error(transparent)]
    Segmenter(#[from] segmenter::SegmenterError),
    /// A fault in this program.
    #[error("the packager ended in a panic")]
    Panic(#[from] tokio::task::JoinError),
}
