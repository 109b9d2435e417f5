//! ivs-local: a stand-in for Amazon IVS on one machine.
//!
//! A channel is created over the control plane ([`control`]), a publisher sends video to it over
//! RTMP ([`ingest`]), the video is cut into HLS segments that carry the channel's timed metadata
//! ([`packaging`]), and players get it over HTTP ([`playback`]) if their token ([`tokens`]) allows
//! it. [`catalog`] holds what exists, [`broadcast`] what is on air, [`history`] what was; nothing
//! touches the disk. What happens to streams is told to an EventBridge ([`events`]), if wanted.
//!
//! [`run`] is the whole server: it takes bound listeners, a configuration and a signal to stop.

pub mod app;
pub mod arn;
pub mod broadcast;
pub mod catalog;
pub mod context;
pub mod control;
pub mod events;
pub mod history;
pub mod ingest;
pub mod metadata_rate;
pub mod packaging;
pub mod playback;
pub mod tokens;

mod connections;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use app::App;
use catalog::Catalog;
use connections::Bounded;
use context::Context;
use events::Outbox;
use events::eventbridge::{self, Target};
use packaging::ladder::Lines;

/// How long open HTTP requests, and the last events, may take when the server stops.
const DRAIN: Duration = Duration::from_secs(2);
/// How often idle playback sessions are forgotten.
const SWEEP: Duration = Duration::from_secs(15);

/// The sockets a server listens on, bound by the caller so that port 0 can be used and told.
#[derive(Debug)]
pub struct Listeners {
    /// The control plane and playback, over HTTP.
    pub api: TcpListener,
    /// Publishers, over RTMP.
    pub rtmp: TcpListener,
}

/// What a server is told at its start.
#[derive(Debug)]
pub struct Config {
    /// The ffmpeg program; one with the `flv` demuxer, the `mpegts` muxer and the `aac` encoder.
    pub ffmpeg: PathBuf,
    /// The folder that ffmpeg runs in; it must exist, and nothing is written there.
    pub work_dir: PathBuf,
    /// Renditions to make beside each source, tallest first; at most [`packaging::ladder::MOST`].
    pub renditions: Vec<Lines>,
    /// Clock and randomness.
    pub context: Context,
    /// What exists at the start.
    pub catalog: Catalog,
    /// Where events about streams go; none are sent without it.
    pub events: Option<Target>,
}

impl Config {
    /// A server that starts empty, with the system's clock, and sends no events.
    pub fn new(ffmpeg: PathBuf, work_dir: PathBuf) -> Self {
        Self {
            ffmpeg,
            work_dir,
            renditions: Vec::new(),
            context: Context::system(),
            catalog: Catalog::default(),
            events: None,
        }
    }
}

/// Runs a server until `shutdown` completes; then ends publishers, their transcoders and players.
///
/// # Errors
/// A listener has no address, or serving HTTP fails.
pub async fn run(
    listeners: Listeners,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (api, rtmp) = (listeners.api.local_addr()?, listeners.rtmp.local_addr()?);
    let (stop_events, no_more_events) = oneshot::channel();
    let (outbox, sender) = start_events(config.events.clone(), no_more_events);
    let app = Arc::new(App::new(config, outbox, api, rtmp));
    let (stop, stopped) = watch::channel(false);

    let ingest = tokio::spawn(ingest::run(
        listeners.rtmp,
        Arc::clone(&app),
        stopped.clone(),
    ));
    let sweeper = tokio::spawn(sweep(Arc::clone(&app)));
    let mut http = tokio::spawn(serve_http(listeners.api, router(&app), stopped));

    tokio::select! {
        () = shutdown => {}
        ended = &mut http => return ended.map_err(std::io::Error::other)?,
    }
    tracing::info!("stopping");
    // A receiver that is gone has stopped by itself.
    stop.send_replace(true);
    sweeper.abort();
    ingest.await.map_err(std::io::Error::other)?;
    // Publishers have ended, which was the last that there is to tell.
    drop(stop_events);
    if let Some(mut sender) = sender
        && timeout(DRAIN, &mut sender).await.is_err()
    {
        tracing::warn!("the last events were not sent in time");
        sender.abort();
    }
    match timeout(DRAIN, &mut http).await {
        Ok(ended) => ended.map_err(std::io::Error::other)?,
        Err(_) => {
            http.abort();
            Ok(())
        }
    }
}

/// An outbox, and the task that empties it until `stop` is dropped, if events are wanted.
fn start_events(
    target: Option<Target>,
    stop: oneshot::Receiver<()>,
) -> (Outbox, Option<JoinHandle<()>>) {
    match target {
        None => (Outbox::default(), None),
        Some(target) => {
            let (outbox, queue) = Outbox::new();
            let sender = tokio::spawn(eventbridge::send_all(target, queue, stop));
            (outbox, Some(sender))
        }
    }
}

fn router(app: &Arc<App>) -> Router {
    control::router(Arc::clone(app)).nest(playback::PREFIX, playback::router(Arc::clone(app)))
}

async fn serve_http(
    listener: TcpListener,
    router: Router,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    axum::serve(Bounded::new(listener), router)
        .with_graceful_shutdown(async move {
            let _ = stop.wait_for(|stop| *stop).await;
        })
        .await
}

async fn sweep(app: Arc<App>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        app.sessions().sweep(app.context.now());
    }
}
