//! `revocations`: how long a revocation takes. `cargo xtask bench revocations` runs it.

use std::{path::PathBuf, process::ExitCode};

use bench::{document, machine};
use clap::Parser;
use cuepoint_e2e::{
    outcome,
    revocation::{self, Report},
};
use jiff::Timestamp;
use stage::Stack;
use tokio::time::Instant;

/// Revokes viewers while they play, and exits with 0 only if every playback had ended in less than
/// five seconds after the event was on the bus, and later grants play again.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// How many viewers play.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=200))]
    viewers: u32,
    /// Writes a section with the figures into this page of Markdown.
    #[arg(long)]
    document: Option<PathBuf>,
    /// Writes the figures to this file, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    outcome::exit_code(run(Arguments::parse()).await)
}

/// Measures; whether everything was right.
async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let began = Instant::now();
    let narrate = |line| println!("{:6.1} s  {line}", began.elapsed().as_secs_f64());
    let viewers = arguments.viewers as usize;
    let report = revocation::measure(&Stack::load()?, viewers, &narrate).await?;
    let Report { p50_ms, max_ms, .. } = &report;
    println!("\nFrom the event on the bus to the last piece of video served, {viewers} viewers:");
    println!("  p50 {p50_ms} ms   max {max_ms} ms");
    if let Some(page) = &arguments.document {
        let section = report.section(&machine::describe(Timestamp::now()));
        document::write_section(page, "revocations", &section)?;
        println!("Written to {}.", page.display());
    }
    outcome::tell(&report.problems, &report, arguments.json.as_deref())?;
    Ok(report.problems.is_empty())
}
