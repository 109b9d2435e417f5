//! `soak`: many players on ivs-local for a long time. `cargo xtask soak` runs it.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use cuepoint_e2e::{
    outcome,
    soak::{self, Plan},
};
use tokio::time::Instant;

/// Runs ivs-local with many players, and exits with 0 only if each saw every cue once and in order
/// and the server did not grow.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// How long cues are put.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(10..=86_400))]
    seconds: u64,
    /// How many players watch; every other one follows announced segments.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..=500))]
    players: u32,
    /// How many cues are put a second.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=5))]
    cues_per_second: u32,
    /// The program.
    #[arg(long)]
    ivs_local: PathBuf,
    /// ffmpeg.
    #[arg(long)]
    ffmpeg: PathBuf,
    /// Writes the figures to this file, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    outcome::exit_code(run(Arguments::parse()).await)
}

/// Soaks; whether everything was right.
async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let plan = Plan {
        seconds: arguments.seconds,
        players: arguments.players as usize,
        cues_per_second: arguments.cues_per_second,
        ivs_local: arguments.ivs_local,
        ffmpeg: arguments.ffmpeg,
    };
    let began = Instant::now();
    let narrate = |line| println!("{:6.1} s  {line}", began.elapsed().as_secs_f64());
    let report = soak::run(&plan, &narrate).await?;
    println!("\n{}", report.lines().join("\n"));
    outcome::tell(&report.problems, &report, arguments.report.as_deref())?;
    Ok(report.problems.is_empty())
}
