//! The `ivs-local` program: reads its arguments, binds its sockets and runs the server.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Parser;
use ivs_local::{Config, Listeners, run};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A stand-in for Amazon IVS on one machine.
///
/// Control plane and HLS playback over HTTP, ingest over RTMP, timed metadata in the video. Point
/// an AWS SDK at it with AWS_ENDPOINT_URL_IVS. State is in memory and gone when it ends.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Address of the API and of playback; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    api: SocketAddr,
    /// Address that publishers connect to; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    rtmp: SocketAddr,
    /// The ffmpeg program
    #[arg(
        long,
        value_name = "PATH",
        env = "CUEPOINT_FFMPEG",
        default_value = "ffmpeg"
    )]
    ffmpeg: PathBuf,
    /// Folder that the transcoders run in, made if need be; nothing is written there
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    work_dir: PathBuf,
    /// What to log to stderr, like `info` or `ivs_local=debug`
    #[arg(
        long,
        value_name = "FILTER",
        env = "RUST_LOG",
        default_value = "ivs_local=info"
    )]
    log: EnvFilter,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    tracing_subscriber::fmt()
        .with_env_filter(args.log)
        .with_writer(std::io::stderr)
        .init();
    std::fs::create_dir_all(&args.work_dir)
        .with_context(|| format!("cannot make the folder {}", args.work_dir.display()))?;
    let listeners = Listeners {
        api: TcpListener::bind(args.api)
            .await
            .with_context(|| format!("cannot listen on {}", args.api))?,
        rtmp: TcpListener::bind(args.rtmp)
            .await
            .with_context(|| format!("cannot listen on {}", args.rtmp))?,
    };
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    announce(&listeners)?;
    let config = Config::new(args.ffmpeg, args.work_dir);
    run(listeners, config, async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
    .await
    .context("the server failed")
}

/// Says where the server is, on lines of their own, for whoever started it.
fn announce(listeners: &Listeners) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "api http://{}", listeners.api.local_addr()?)?;
    writeln!(out, "rtmp rtmp://{}/app", listeners.rtmp.local_addr()?)?;
    writeln!(out, "ready")?;
    out.flush()?;
    Ok(())
}
