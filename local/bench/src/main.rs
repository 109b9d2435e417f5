//! `bench`: measures the services side by side with what they are compared with.
//!
//! `cargo xtask bench` builds and installs what it needs and runs it.

use std::process::ExitCode;

use bench::{
    answers,
    cpus::{self, Cpus},
    tokens,
};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// Measures the services side by side with what they are compared with.
#[derive(Debug, Parser)]
#[command(version)]
enum Arguments {
    /// Answers: how fast they are taken and counted.
    Answers(answers::Options),
    /// Playback tokens: how fast they are issued.
    Tokens(tokens::Options),
    /// What one of these measures in a process of its own.
    #[command(hide = true)]
    Part(answers::Part),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if let Arguments::Part(part) = arguments {
        return part.run();
    }
    // Before there is any other thread: those that follow stay where this one is.
    let cpus = Cpus::choose()?;
    cpus::stay_on(cpus.driver)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        let benchmark = async {
            match arguments {
                Arguments::Answers(options) => answers::run(options, cpus).await,
                Arguments::Tokens(options) => tokens::run(options, cpus).await,
                // Was run before.
                Arguments::Part(_) => Ok(()),
            }
        };
        // Whichever ends first, the functions are killed with the benchmark.
        tokio::select! {
            result = benchmark => result,
            stopped = stopped() => stopped,
        }
    });
    // What still measures in a thread of its own is not waited for.
    runtime.shutdown_background();
    result
}

/// Waits until an end is asked for, by Ctrl-C or from outside.
async fn stopped() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    anyhow::bail!("stopped before the end")
}
