//! One publisher's connection, from its first byte to its last.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::flv::Description;
use super::publishing::Publishing;
use super::rtmp::{Event, Protocol, ProtocolError};
use super::stopped;
use crate::app::App;
use crate::events::EventName;

/// A publisher that sends nothing for this long is starving.
const STARVATION: Duration = Duration::from_secs(2);
/// A publisher that sends nothing for this long has vanished.
const SILENCE: Duration = Duration::from_secs(6);
/// How long a connection may take to be let in: each has a place that a publisher may need.
const LET_IN: Duration = Duration::from_secs(10);
/// How long the transcoder may take to read one message, or a publisher one answer.
pub(super) const WRITE: Duration = Duration::from_secs(10);
/// How long a refused publisher may take to read its answer and close.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes read from a socket at once.
const READ: usize = 64 << 10;

/// Why a publisher's connection ended before the publisher said so.
#[derive(Debug, thiserror::Error)]
pub(super) enum IngestError {
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error("reading or writing: {0}")]
    Io(#[from] std::io::Error),
    #[error("nothing was published within {LET_IN:?}")]
    Late,
    #[error("nothing was heard for {SILENCE:?}")]
    Silence,
    #[error("the transcoder or the publisher does not read")]
    Stalled,
    #[error("the stream key is not valid")]
    WrongKey,
    #[error("{0}")]
    Busy(#[from] crate::broadcast::AlreadyOnAir),
    #[error("the video is {0}, and only H.264 is taken")]
    ForeignCodec(String),
    #[error("there is no video")]
    NoVideo,
    #[error("the transcoder has ended")]
    TranscoderEnded,
    #[error("the stream was stopped")]
    Stopped,
}

/// Serves one connection until it ends, in whatever way.
pub(super) async fn serve(socket: TcpStream, app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut connection = Connection {
        socket,
        app,
        let_in_by: Instant::now() + LET_IN,
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
    let_in_by: Instant,
    publishing: Option<Publishing>,
    description: Description,
}

impl Connection {
    async fn run(&mut self) -> Result<(), IngestError> {
        let mut protocol = Protocol::new()?;
        self.send(&mut protocol).await?;
        let mut buffer = vec![0; READ];
        loop {
            let length = self.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            let events = protocol.receive(&buffer[..length])?;
            self.send(&mut protocol).await?;
            for event in events {
                if matches!(event, Event::Finished) {
                    return Ok(());
                }
                if let Err(error) = self.handle(event, &mut protocol).await {
                    self.say_why(&error, &mut protocol).await?;
                    return Err(error);
                }
            }
        }
    }

    /// Reads what comes next, unless the stream is stopped; 0 bytes at the connection's end.
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, IngestError> {
        let broadcast = self
            .publishing
            .as_ref()
            .map(|publishing| Arc::clone(publishing.broadcast()));
        let Some(broadcast) = broadcast else {
            let read = timeout_at(self.let_in_by, self.socket.read(buffer));
            return Ok(read.await.map_err(|_| IngestError::Late)??);
        };
        let read = async {
            if let Ok(read) = timeout(STARVATION, self.socket.read(buffer)).await {
                return Ok(read?);
            }
            if broadcast.set_starving(true) {
                self.app.note(&broadcast, EventName::StarvationStart);
            }
            let read = timeout(SILENCE - STARVATION, self.socket.read(buffer));
            let length = read.await.map_err(|_| IngestError::Silence)??;
            if length > 0 && broadcast.set_starving(false) {
                self.app.note(&broadcast, EventName::StarvationEnd);
            }
            Ok(length)
        };
        tokio::select! {
            read = read => read,
            () = broadcast.until_stop_asked() => Err(IngestError::Stopped),
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
                if let Some(publishing) = &mut self.publishing {
                    publishing
                        .audio(&self.description, timestamp, &data)
                        .await?;
                }
            }
            Event::Video { timestamp, data } => {
                if let Some(publishing) = &mut self.publishing {
                    publishing
                        .video(&self.description, timestamp, &data)
                        .await?;
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
        Publishing::begin(&self.app, key)
    }

    /// Tells a publisher that was let in why it cannot go on, as far as it is to blame.
    async fn say_why(
        &mut self,
        error: &IngestError,
        protocol: &mut Protocol,
    ) -> Result<(), IngestError> {
        if !matches!(error, IngestError::ForeignCodec(_) | IngestError::NoVideo) {
            return Ok(());
        }
        if let Some(publishing) = self.publishing.take() {
            publishing.end().await;
        }
        protocol.fail(&error.to_string());
        self.send(protocol).await?;
        self.linger().await
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
