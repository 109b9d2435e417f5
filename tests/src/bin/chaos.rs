//! `chaos`: answers while everything fails that may. `cargo xtask chaos` runs it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use cuepoint_e2e::{
    chaos::{self, Plan},
    outcome,
};
use stage::Stack;
use tokio::time::Instant;

/// Asks questions while the functions are killed, their calls fail and the stream comes again, and
/// exits with 0 only if every tally is what the viewers were told.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// What everything random is drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long questions are asked; less than the hour for which viewers are signed in.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3_000))]
    seconds: u64,
    /// How many viewers answer each question.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    viewers: u32,
    /// Writes the report to this file, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    outcome::exit_code(run(Arguments::parse()).await)
}

/// Runs; whether everything was right.
async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let plan = Plan {
        seed: arguments.seed,
        seconds: arguments.seconds,
        viewers: arguments.viewers as usize,
    };
    let began = Instant::now();
    let narrate = |line| println!("{:6.1} s  {line}", began.elapsed().as_secs_f64());
    let judged = judge(&plan, &narrate, arguments.report.as_deref()).await;
    if !matches!(judged, Ok(true)) {
        let Plan {
            seed,
            seconds,
            viewers,
        } = plan;
        eprintln!(
            "again with: cargo xtask chaos --seed {seed} --seconds {seconds} --viewers {viewers}"
        );
    }
    judged
}

async fn judge(plan: &Plan, narrate: &dyn Fn(String), file: Option<&Path>) -> anyhow::Result<bool> {
    let report = chaos::run(Stack::load()?, plan, narrate).await?;
    println!("\n{}", report.lines().join("\n"));
    outcome::tell(&report.problems, &report, file)?;
    Ok(report.problems.is_empty())
}
