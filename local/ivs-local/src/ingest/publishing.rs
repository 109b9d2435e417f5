//! A stream on air: the channel that it holds, the transcoder that it feeds, the history it makes.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::flv::{self, Description, TagKind, Video};
use super::publisher::{IngestError, WRITE};
use crate::app::App;
use crate::broadcast::{Broadcast, OnAir};
use crate::catalog::Channel;
use crate::events::EventName;
use crate::history::Ingest;
use crate::packaging::pipeline::Pipeline;

/// Characters of a stream's id after `st-` (service model, `StreamId`).
const STREAM_ID: usize = 23;

/// A stream on air: the channel it holds, the transcoder it feeds.
///
/// Dropped in a panic, it frees the channel, closes the pipe and kills the child all the same.
pub(super) struct Publishing {
    session: Session,
    pipeline: Pipeline,
    header_written: bool,
    ingest: Ingest,
}

impl Publishing {
    /// Takes the channel that a stream key opens on air, if it is free.
    pub(super) fn begin(app: &Arc<App>, key: &str) -> Result<Self, IngestError> {
        let stream_id = format!("st-{}", app.context.short_id(STREAM_ID));
        let now = app.context.now();
        let (channel, on_air, tags) = {
            // Locked until the channel is taken, so that it is not changed or deleted meanwhile.
            let catalog = app.catalog();
            let channel = catalog.channel_for_key(key).ok_or(IngestError::WrongKey)?;
            let (on_air, tags) = app.broadcasts.begin(&channel.arn, stream_id.clone(), now)?;
            (channel.clone(), on_air, tags)
        };
        let pipeline = Pipeline::start(&app.ffmpeg, &app.renditions, on_air.broadcast(), tags)?;
        tracing::info!(
            channel.arn = channel.arn,
            stream.id = stream_id,
            "publishing started"
        );
        Ok(Self {
            session: Session::begin(app, channel, on_air),
            pipeline,
            header_written: false,
            ingest: Ingest::default(),
        })
    }

    /// What is on air.
    pub(super) fn broadcast(&self) -> &Arc<Broadcast> {
        self.session.on_air.broadcast()
    }

    pub(super) async fn video(
        &mut self,
        said: &Description,
        timestamp: u32,
        data: &[u8],
    ) -> Result<(), IngestError> {
        match flv::video(data) {
            Video::Avc(codec) => {
                self.broadcast()
                    .describe(|rendition| rendition.video_codec = Some(codec.clone()));
                self.learn(|ingest| ingest.video_codec = Some(codec));
            }
            Video::Frame => {}
            Video::Foreign(codec) => return Err(IngestError::ForeignCodec(codec)),
        }
        self.write(said, TagKind::Video, timestamp, data).await
    }

    pub(super) async fn audio(
        &mut self,
        said: &Description,
        timestamp: u32,
        data: &[u8],
    ) -> Result<(), IngestError> {
        if said.is_without_video() {
            return Err(IngestError::NoVideo);
        }
        self.broadcast()
            .describe(|rendition| rendition.audio = true);
        if let Some(codec) = flv::audio(data)
            && self.ingest.audio_codec.as_ref() != Some(&codec)
        {
            self.learn(|ingest| ingest.audio_codec = Some(codec));
        }
        self.write(said, TagKind::Audio, timestamp, data).await
    }

    async fn write(
        &mut self,
        said: &Description,
        kind: TagKind,
        timestamp: u32,
        data: &[u8],
    ) -> Result<(), IngestError> {
        let mut bytes = Vec::new();
        if !self.header_written {
            self.header_written = true;
            // A publisher that says nothing about itself may have audio.
            let audio = said.audio_codec.is_some() || *said == Description::default();
            bytes.extend(flv::header(audio));
            bytes.extend(flv::metadata(said));
            self.broadcast()
                .describe(|rendition| rendition.resolution = said.width.zip(said.height));
            self.learn(|ingest| said.fill(ingest));
        }
        bytes.extend(flv::tag(kind, timestamp, data));
        timeout(WRITE, self.pipeline.write(bytes))
            .await
            .map_err(|_| IngestError::Stalled)?
            .map_err(|_| IngestError::TranscoderEnded)
    }

    /// Keeps what becomes known about the stream in the channel's history.
    fn learn(&mut self, change: impl FnOnce(&mut Ingest)) {
        change(&mut self.ingest);
        let Broadcast {
            channel_arn,
            stream_id,
            ..
        } = &**self.session.on_air.broadcast();
        let ingest = self.ingest.clone();
        let mut history = self.session.app.history();
        history.describe(channel_arn, stream_id, ingest);
    }

    /// Frees the channel at once, then lets the transcoder and the packager finish.
    pub(super) async fn end(self) {
        let stream_id = self.broadcast().stream_id.clone();
        drop(self.session);
        match self.pipeline.end().await {
            Ok(()) => tracing::info!(stream.id = stream_id, "publishing ended"),
            Err(error) => tracing::warn!(stream.id = stream_id, %error, "packaging failed"),
        }
    }
}

/// A stream session: dropping it ends it, whatever ended the publisher.
struct Session {
    app: Arc<App>,
    on_air: OnAir,
    announcer: JoinHandle<()>,
}

impl Session {
    fn begin(app: &Arc<App>, channel: Channel, on_air: OnAir) -> Self {
        app.session_created(channel, on_air.broadcast());
        let (told, broadcast) = (Arc::clone(app), Arc::clone(on_air.broadcast()));
        let announcer = tokio::spawn(async move {
            broadcast.until_playable().await;
            told.note(&broadcast, EventName::StreamStart);
        });
        Self {
            app: Arc::clone(app),
            on_air,
            announcer,
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.announcer.abort();
        self.app.session_ended(self.on_air.broadcast());
    }
}
