//! `fault-proxy`: stands between the functions and the local cloud. `cargo xtask` starts it.

use std::{io::Write, process::ExitCode, sync::Arc};

use anyhow::Context;
use axum::http::uri::Authority;
use clap::Parser;
use fault_proxy::{Rules, Watches, control, proxy::Proxy};
use tokio::net::TcpListener;

/// Stands between the functions and the local cloud, and makes their calls fail as a test asks.
///
/// Prints where it listens, and `ready`: functions take `aws` for AWS and `ivs` for IVS; rules are
/// made, and calls counted, at `control`. It says on stderr what it does to which call.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Host and port of the server that plays AWS.
    #[arg(long, value_name = "HOST:PORT")]
    aws: Authority,
    /// Host and port of the server that plays IVS.
    #[arg(long, value_name = "HOST:PORT")]
    ivs: Authority,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match serve(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let rules = Arc::new(Rules::default());
    let watches = Arc::new(Watches::default());
    let (aws, ivs, control) = (listen().await?, listen().await?, listen().await?);
    let mut out = std::io::stdout().lock();
    for (name, listener) in [("aws", &aws), ("ivs", &ivs), ("control", &control)] {
        writeln!(out, "{name} http://{}", listener.local_addr()?)?;
    }
    writeln!(out, "ready")?;
    drop(out);
    let proxy = |upstream| Proxy::new(upstream, rules.clone(), watches.clone());
    tokio::spawn(proxy(arguments.aws).serve(aws));
    tokio::spawn(proxy(arguments.ivs).serve(ivs));
    control::serve(control, rules, watches)
        .await
        .context("the control server failed")
}

async fn listen() -> anyhow::Result<TcpListener> {
    TcpListener::bind("127.0.0.1:0")
        .await
        .context("cannot listen on 127.0.0.1")
}
