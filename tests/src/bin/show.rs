//! `show`: a whole show on the deployed stack, narrated. `cargo xtask demo` runs it.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use cuepoint_e2e::{
    outcome,
    show::{self, Plan},
};
use stage::Stack;
use tokio::time::Instant;

/// Runs a whole show on the local cloud, and exits with 0 only if every number in it is right.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// How many viewers come; four in five are entitled.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(5..=500))]
    viewers: u32,
    /// How many questions are asked.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    questions: u32,
    /// How long each question may be answered, in seconds.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(5..=120))]
    seconds: u32,
    /// Decides who chooses what.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Writes the report to this file, as JSON.
    #[arg(long)]
    report: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    outcome::exit_code(run(Arguments::parse()).await)
}

/// Runs the show; whether every number was right.
async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let plan = Plan {
        viewers: arguments.viewers as usize,
        questions: arguments.questions as usize,
        seconds: arguments.seconds,
        seed: arguments.seed,
    };
    let began = Instant::now();
    let narrate = |line| println!("{:6.1} s  {line}", began.elapsed().as_secs_f64());
    let report = show::run(&Stack::load()?, &plan, &narrate).await?;
    println!("\n{}", report.table());
    outcome::tell(&report.problems, &report, arguments.report.as_deref())?;
    Ok(report.status == "completed")
}
