//! The `ivs-local` program: reads its arguments, binds its sockets and runs the server.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use axum::http::Uri;
use clap::Parser;
use ivs_local::control::state_file;
use ivs_local::events::eventbridge::Target;
use ivs_local::packaging::ladder::{self, Lines};
use ivs_local::{Config, Listeners, run};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A stand-in for Amazon IVS on one machine.
///
/// Control plane and HLS playback over HTTP, ingest over RTMP, timed metadata in the video. Point
/// an AWS SDK at it with AWS_ENDPOINT_URL_IVS. State is in memory and gone when it ends; `--state` gives it
/// something to start from.
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
    /// Make these renditions beside each source, like 360p,160p; each costs an encoder per stream
    #[arg(long, value_name = "LINES", value_delimiter = ',')]
    renditions: Vec<Lines>,
    /// Folder that the transcoders run in, made if need be; nothing is written there
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    work_dir: PathBuf,
    /// Start with the channels, keys and policies of this JSON file
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Put events about streams on the EventBridge at this address
    #[arg(long, value_name = "URL", value_parser = web_address)]
    events_endpoint: Option<String>,
    /// Name or ARN of the bus that events are put on
    #[arg(
        long,
        value_name = "NAME",
        default_value = "default",
        requires = "events_endpoint"
    )]
    events_bus: String,
    /// Source of the events; on AWS it is `aws.ivs`, which only AWS may use
    #[arg(
        long,
        value_name = "SOURCE",
        default_value = "local.ivs",
        requires = "events_endpoint"
    )]
    events_source: String,
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
async fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        // Help was asked for.
        Err(asked) if !asked.use_stderr() => asked.exit(),
        Err(wrong) => {
            // What follows the first paragraph repeats the usage.
            let text = wrong.render().to_string();
            let first = text.lines().take_while(|line| !line.is_empty());
            eprintln!("{}", first.map(str::trim).collect::<Vec<_>>().join(" "));
            return ExitCode::from(2);
        }
    };
    match serve(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The renditions asked for, tallest first and each once.
fn renditions(mut asked: Vec<Lines>) -> anyhow::Result<Vec<Lines>> {
    asked.sort_unstable_by(|a, b| b.cmp(a));
    asked.dedup();
    anyhow::ensure!(
        asked.len() <= ladder::MOST,
        "--renditions: at most {} of them",
        ladder::MOST
    );
    Ok(asked)
}

async fn serve(args: Args) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(args.log)
        .with_writer(std::io::stderr)
        .init();
    std::fs::create_dir_all(&args.work_dir)
        .with_context(|| format!("cannot make the folder {}", args.work_dir.display()))?;
    must_run(&args.ffmpeg).await?;
    let mut config = Config::new(args.ffmpeg, args.work_dir);
    config.renditions = renditions(args.renditions)?;
    if let Some(file) = &args.state {
        config.catalog =
            state_file::load(file).with_context(|| format!("the state file {}", file.display()))?;
    }
    config.events = args.events_endpoint.map(|endpoint_url| Target {
        endpoint_url,
        bus: args.events_bus,
        source: args.events_source,
    });
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
    run(listeners, config, async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
    .await
    .context("the server failed")
}

/// Fails early where every publisher would fail later.
async fn must_run(ffmpeg: &Path) -> anyhow::Result<()> {
    let ran = Command::new(ffmpeg).arg("-version").output().await;
    let ran = ran.with_context(|| format!("cannot run {}", ffmpeg.display()))?;
    anyhow::ensure!(ran.status.success(), "{} is not ffmpeg", ffmpeg.display());
    Ok(())
}

fn web_address(text: &str) -> Result<String, String> {
    let uri: Uri = text.parse().map_err(|_| "it is not a URL")?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(_)) => Ok(text.to_owned()),
        _ => Err("it must start with http:// or https://".into()),
    }
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
