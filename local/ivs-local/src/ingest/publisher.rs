//! One publisher's connection, from its first byte to its last.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::ChildStdin;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::flv::{self, Description, TagKind, Video};
use super::rtmp::{Event, Protocol, ProtocolError};
use super::stopped;
use crate::app::App;
use crate::broadcast::OnAir;
use crate::packaging::transcoder::Transcoder;
use crate::packaging::{self, PackagingError};

/// A publisher that sends nothing for this long has vanished.
const SILENCE: Duration = Duration::from_secs(6);
/// How long the transcoder may take to read one message, or a publisher one answer.
const WRITE: Duration = Duration::from_secs(10);
/// How long a refused publisher may take to read its answer and close.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes read from a socket at once.
const READ: usize = 64 << 10;
/// Characters of a stream's id after `st-` (service model, `StreamId`).
const STREAM_ID: usize = 23;

/// Why a publisher's connection ended before the publisher said so.
#[derive(Debug, thiserror::Error)]
enum IngestError {
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error("reading or writing: {0}")]
    Io(#[from] std::io::Error),
    #[error("nothing was heard for {SILENCE:?}")]
    Silence,
    #[error("the transcoder or the publisher does not read")]
    Stalled,
    #[error("the stream key is not valid")]
    WrongKey,
    #[error("{0}")]
    Busy(#[from] crate::broadcast::AlreadyOnAir),
    #[error("the video is not H.264")]
    ForeignCodec,
}

/// Serves one connection until it ends, in whatever way.
pub(super) async fn serve(socket: TcpStream, app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut connection = Connection {
        socket,
        app,
        publishing: None,
        description: Description::default(),
    };
    let ended = tokio::select! {
        ended = connection.run() => ended,
        () = stopped(&mut stop) => Ok(()),
    };
    match ended {
        Ok(()) => tracing::debug!("a publisher's connection ended"),
        Err(error) => tracing::info!(%error, "a publisher's connection was ended"),
    }
    if let Some(publishing) = connection.publishing.take() {
        publishing.end().await;
    }
}

struct Connection {
    socket: TcpStream,
    app: Arc<App>,
    publishing: Option<Publishing>,
    description: Description,
}

impl Connection {
    async fn run(&mut self) -> Result<(), IngestError> {
        let mut protocol = Protocol::new()?;
        self.send(&mut protocol).await?;
        let mut buffer = vec![0; READ];
        loop {
            let read = timeout(SILENCE, self.socket.read(&mut buffer));
            let length = read.await.map_err(|_| IngestError::Silence)??;
            if length == 0 {
                return Ok(());
            }
            let events = protocol.receive(&buffer[..length])?;
            self.send(&mut protocol).await?;
            for event in events {
                if matches!(event, Event::Finished) {
                    return Ok(());
                }
                self.handle(event, &mut protocol).await?;
            }
        }
    }

    async fn handle(&mut self, event: Event, protocol: &mut Protocol) -> Result<(), IngestError> {
        match event {
            Event::Publish {
                request,
                stream_key,
            } => self.admit(request, &stream_key, protocol).await?,
            Event::Described(description) => self.description = description,
            Event::Audio { timestamp, data } => {
                let description = self.description;
                if let Some(publishing) = &mut self.publishing {
                    publishing.audio(&description, timestamp, &data).await?;
                }
            }
            Event::Video { timestamp, data } => {
                let description = self.description;
                if let Some(publishing) = &mut self.publishing {
                    publishing.video(&description, timestamp, &data).await?;
                }
            }
            Event::Finished => {}
        }
        Ok(())
    }

    /// Lets a publisher with a channel's stream key in, if the channel is free.
    async fn admit(
        &mut self,
        request: u32,
        key: &str,
        protocol: &mut Protocol,
    ) -> Result<(), IngestError> {
        match self.begin(key) {
            Ok(publishing) => {
                self.publishing = Some(publishing);
                protocol.accept(request)?;
                self.send(protocol).await
            }
            Err(refused) => {
                protocol.refuse(request, &refused.to_string())?;
                self.send(protocol).await?;
                self.linger().await?;
                Err(refused)
            }
        }
    }

    fn begin(&self, key: &str) -> Result<Publishing, IngestError> {
        // Publishers put options behind the key, like `?bandwidthtest=true`.
        let key = key.split('?').next().unwrap_or_default();
        let channel = self
            .app
            .catalog()
            .channel_for_key(key)
            .map(|channel| channel.arn.clone());
        let channel = channel.ok_or(IngestError::WrongKey)?;
        let stream_id = format!("st-{}", self.app.context.short_id(STREAM_ID));
        let (on_air, tags) =
            self.app
                .broadcasts
                .begin(&channel, stream_id.clone(), self.app.context.now())?;
        let (transcoder, pipes) = Transcoder::start(&self.app.ffmpeg, &stream_id)?;
        let packager = tokio::spawn(packaging::package(
            pipes.output,
            tags,
            Arc::clone(on_air.broadcast()),
        ));
        tracing::info!(
            channel.arn = channel,
            stream.id = stream_id,
            "publishing started"
        );
        Ok(Publishing {
            on_air,
            transcoder,
            packager,
            input: pipes.input,
            header_written: false,
        })
    }

    async fn send(&mut self, protocol: &mut Protocol) -> Result<(), IngestError> {
        let outgoing = protocol.take_outgoing();
        timeout(WRITE, self.socket.write_all(&outgoing))
            .await
            .map_err(|_| IngestError::Stalled)??;
        Ok(())
    }

    /// Closes our side and reads the rest: closing with unread input would reset the connection and
    /// lose the answer.
    async fn linger(&mut self) -> Result<(), IngestError> {
        self.socket.shutdown().await?;
        let mut rest = vec![0; READ];
        let drained = timeout(LINGER, async {
            while self
                .socket
                .read(&mut rest)
                .await
                .is_ok_and(|length| length > 0)
            {}
        });
        if drained.await.is_err() {
            tracing::debug!("a refused publisher did not close");
        }
        Ok(())
    }
}

/// A stream on air: the channel it holds, the transcoder it feeds.
///
/// Dropped in a panic, it frees the channel, closes the pipe and kills the child all the same.
struct Publishing {
    on_air: OnAir,
    transcoder: Transcoder,
    packager: JoinHandle<Result<(), PackagingError>>,
    input: ChildStdin,
    header_written: bool,
}

impl Publishing {
    async fn video(
        &mut self,
        said: &Description,
        timestamp: u32,
        data: &[u8],
    ) -> Result<(), IngestError> {
        match flv::video(data) {
            Video::Avc(codec) => self
                .on_air
                .broadcast()
                .describe(|rendition| rendition.video_codec = Some(codec)),
            Video::Frame => {}
            Video::Foreign => return Err(IngestError::ForeignCodec),
        }
        self.write(said, TagKind::Video, timestamp, data).await
    }

    async fn audio(
        &mut self,
        said: &Description,
        timestamp: u32,
        data: &[u8],
    ) -> Result<(), IngestError> {
        self.on_air
            .broadcast()
            .describe(|rendition| rendition.audio = true);
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
            self.on_air
                .broadcast()
                .describe(|rendition| rendition.resolution = said.width.zip(said.height));
        }
        bytes.extend(flv::tag(kind, timestamp, data));
        timeout(WRITE, self.input.write_all(&bytes))
            .await
            .map_err(|_| IngestError::Stalled)??;
        Ok(())
    }

    /// Frees the channel at once, then lets the transcoder and the packager finish.
    async fn end(self) {
        let stream_id = self.on_air.broadcast().stream_id.clone();
        drop(self.on_air);
        drop(self.input);
        self.transcoder.end().await;
        match self.packager.await {
            Ok(Ok(())) => tracing::info!(stream.id = stream_id, "publishing ended"),
            Ok(Err(error)) => tracing::warn!(stream.id = stream_id, %error, "packaging failed"),
            Err(error) => {
                tracing::warn!(stream.id = stream_id, %error, "packaging ended in a panic")
            }
        }
    }
}
