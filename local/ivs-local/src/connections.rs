//! The connections of the HTTP side: no more than a process can hold, and none for ever whose
//! client has stopped reading or writing, since it would keep a segment in memory.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// Connections at once; others wait to be accepted.
const CONNECTIONS: usize = 4_096;
/// How long a client may send nothing: longer than any answer takes, and than players pause.
const UNHEARD: Duration = Duration::from_secs(120);
/// How long a client may take nothing of its answer.
const UNREAD: Duration = Duration::from_secs(30);

/// A listener that keeps to these limits.
#[derive(Debug)]
pub(crate) struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    unheard: Duration,
    unread: Duration,
}

impl Bounded {
    /// The limits of a server, on a listener that is bound.
    pub(crate) fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            places: Arc::new(Semaphore::new(CONNECTIONS)),
            unheard: UNHEARD,
            unread: UNREAD,
        }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.expect("the semaphore is never closed");
        let (socket, address) = Listener::accept(&mut self.listener).await;
        // A segment is sent as it grows, a few hundred bytes at a time, which must not wait for more.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection may hold small writes back");
        }
        let connection = Connection {
            socket,
            reading: Patience::new(self.unheard),
            writing: Patience::new(self.unread),
            _place: place,
        };
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that fails when its client does nothing for too long.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    reading: Patience,
    writing: Patience,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.socket).poll_read(cx, buffer);
        self.reading.limit(cx, polled)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.writing.limit(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.socket).poll_write_vectored(cx, bytes);
        self.writing.limit(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

/// How long one direction may stand still.
#[derive(Debug)]
struct Patience {
    limit: Duration,
    /// Runs while it does.
    still: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    fn new(limit: Duration) -> Self {
        Self { limit, still: None }
    }

    /// What was polled, or an error once that has been pending for too long.
    fn limit<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.still = None;
            return polled;
        }
        let limit = self.limit;
        let still = self.still.get_or_insert_with(|| Box::pin(sleep(limit)));
        still
            .as_mut()
            .poll(cx)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A listener with these limits in milliseconds, and a client that it will accept.
    async fn pair(unheard: u64, unread: u64) -> (Bounded, TcpStream) {
        let mut bounded = Bounded::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
        bounded.unheard = Duration::from_millis(unheard);
        bounded.unread = Duration::from_millis(unread);
        let address = bounded.local_addr().unwrap();
        (bounded, TcpStream::connect(address).await.unwrap())
    }

    #[tokio::test]
    async fn who_reads_nothing_is_cut_off() {
        let (mut bounded, _client) = pair(60_000, 20).await;
        let (mut connection, _) = bounded.accept().await;
        let bytes = vec![0; 1 << 20];
        let error = loop {
            // Until the sockets' buffers are full.
            if let Err(error) = connection.write_all(&bytes).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_writes_nothing_is_cut_off_and_not_before() {
        let (mut bounded, mut client) = pair(20, 60_000).await;
        let (mut connection, _) = bounded.accept().await;
        client.write_all(b"x").await.unwrap();
        let mut byte = [0];
        connection.read_exact(&mut byte).await.unwrap();
        let error = connection.read_exact(&mut byte).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn one_too_many_waits_for_a_place() {
        let (mut bounded, _first) = pair(60_000, 60_000).await;
        bounded.places = Arc::new(Semaphore::new(1));
        let (connection, _) = bounded.accept().await;
        let _second = TcpStream::connect(bounded.local_addr().unwrap())
            .await
            .unwrap();
        let limit = Duration::from_millis(50);
        assert!(tokio::time::timeout(limit, bounded.accept()).await.is_err());
        drop(connection);
        bounded.accept().await;
    }
}
