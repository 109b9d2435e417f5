//! Ingest: publishers over RTMP.
//!
//! [`rtmp`] is the protocol, [`guard`] keeps what crashes it away from it, [`flv`] and [`amf`]
//! the format that goes on to the transcoder, [`publisher`] one connection from its first byte to its last,
//! [`publishing`] what it has on air.

mod amf;
mod flv;
mod guard;
mod publisher;
mod publishing;
mod rtmp;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::app::App;

/// Publishers at once.
const CONNECTIONS: usize = 64;
/// How long publishers may take to end when the server stops.
const DRAIN: Duration = Duration::from_secs(5);
/// Pause after a failed accept, which is mostly a shortage of file descriptors.
const BACKOFF: Duration = Duration::from_millis(100);

/// Accepts publishers until `stop` turns true, then ends those that are there.
pub async fn run(listener: TcpListener, app: Arc<App>, mut stop: watch::Receiver<bool>) {
    let mut publishers = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(ended) = publishers.join_next() => note(ended),
            accepted = listener.accept(), if publishers.len() < CONNECTIONS => match accepted {
                Ok((socket, _)) => {
                    publishers.spawn(publisher::serve(socket, Arc::clone(&app), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a publisher could not be accepted");
                    tokio::time::sleep(BACKOFF).await;
                }
            },
        }
    }
    let drained = tokio::time::timeout(DRAIN, async {
        while let Some(ended) = publishers.join_next().await {
            note(ended);
        }
    });
    if drained.await.is_err() {
        tracing::warn!("publishers did not end in time and are cut off");
        publishers.shutdown().await;
    }
}

/// Waits until the server stops; a sender that is gone means the same.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// A panic in the RTMP library ends its own connection and nothing else.
fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::warn!("a publisher's connection ended in a panic");
    }
}
