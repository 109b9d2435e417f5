//! `simulator`: plays the answers of an audience against the limits that AWS publishes.
//!
//! `cargo xtask simulate` builds and runs it.

use std::{fs, path::PathBuf, process::ExitCode, time::Instant};

use anyhow::Context;
use clap::Parser;
use documents::tables;
use quiz_orchestrator::capacity::shards;
use simulator::{
    advice, capacity,
    cost::{self, units::Units},
    house::House,
    plan::Plan,
    plot, report,
};

/// How long is waited before it is said what is going on.
const PATIENCE_SECONDS: u64 = 1;

/// Plays the answers of an audience against the limits that AWS publishes.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// How many watch, and answer.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    audience: u32,
    /// How long they have to answer, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(5..=120))]
    window: u32,
    /// How many questions the quiz has.
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=50))]
    questions: u32,
    /// What everything random is drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many shards the answers are spread over, instead of what the audience would get.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    shards: Option<u32>,
    /// How late the video is at the soonest, in milliseconds.
    #[arg(long, default_value_t = 2_000)]
    video_from: u32,
    /// How late it is at the latest.
    #[arg(long, default_value_t = 4_000)]
    video_to: u32,
    /// How long half of the audience thinks at most, in milliseconds.
    #[arg(long, default_value_t = 3_500, value_parser = clap::value_parser!(u32).range(1..))]
    median: u32,
    /// How much thinking times differ: the standard deviation of their logarithm.
    #[arg(long, default_value_t = 0.45)]
    spread: f64,
    /// How long the audience takes to come in, in seconds.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..))]
    joining: u32,
    /// Give a request to the environment that was used last, not to the one that has waited longest.
    #[arg(long)]
    last_used_first: bool,
    /// Draw a picture of it, as SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Instead, play all audiences of this page and write its tables.
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// Instead, write the tables of this page about costs.
    #[arg(long, value_name = "FILE")]
    costs: Option<PathBuf>,
}

impl Arguments {
    fn plan(&self) -> Plan {
        Plan {
            questions: self.questions,
            shards: self.shards.unwrap_or_else(|| shards(self.audience)),
            video_from_ms: self.video_from,
            video_to_ms: self.video_to,
            median_ms: self.median,
            spread: self.spread,
            joining_seconds: self.joining,
            last_used_first: self.last_used_first,
            seed: self.seed,
            ..Plan::of(self.audience, self.window)
        }
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let house = House::read();
    let started = Instant::now();
    let mut say = |what: &str| {
        if started.elapsed().as_secs() >= PATIENCE_SECONDS {
            eprintln!("  .. {what}");
        }
    };
    if let Some(page) = &arguments.costs {
        cost::page::write(page, &house)?;
        println!("Written to {}.", page.display());
        return Ok(());
    }
    if let Some(page) = &arguments.document {
        let mut outcomes = Vec::new();
        for audience in capacity::AUDIENCES {
            say(&format!("{} viewers", report::number(audience.into())));
            outcomes.push(advice::outcome(&capacity::plan(audience), &house, &mut say));
        }
        capacity::write(page, &house, &outcomes)?;
        println!("Written to {}.", page.display());
        return Ok(());
    }
    let outcome = advice::outcome(&arguments.plan(), &house, &mut say);
    println!("{}", report::terminal(&house, &outcome));
    let bill = cost::bill(&outcome.usage, &Units::read());
    println!("\nWhat a show with everything raised costs (docs/cost.md says how that is known):");
    println!("{}", tables::plain(&cost::page::rows(&bill)));
    if let Some(file) = &arguments.json {
        let text = serde_json::to_string_pretty(&report::json(&house, &outcome))?;
        fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(file) = &arguments.plot {
        plot::write(file, &outcome)?;
        println!("Drawn in {}.", file.display());
    }
    Ok(())
}
