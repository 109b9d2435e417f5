//! `simulator`: plays the answers of an audience against the limits that AWS publishes.
//!
//! `cargo xtask simulate` builds and runs it.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use documents::tables;
use simulator::{
    after,
    cost::{self, page, units::Units},
    house::House,
    limits::{Id, Limits},
    plan::Plan,
    play, report,
};

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
    /// What everything random is drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Instead, write the tables of this page about costs.
    #[arg(long, value_name = "FILE")]
    costs: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let house = House::read();
    if let Some(page) = &arguments.costs {
        page::write(page, &house)?;
        println!("Written to {}.", page.display());
        return Ok(());
    }
    let plan = Plan {
        seed: arguments.seed,
        ..Plan::of(arguments.audience, arguments.window)
    };
    let limits = Limits::default()
        .with(Id::StageRate, house.stage_rate)
        .with(Id::StageBurst, house.stage_burst)
        .with(Id::StreamBatches, house.parallel_batches);
    let played = play::play(&plan, &house, &limits, &mut |_| {});
    let after = after::after(&plan, &house, &limits, &played);
    println!("{}", report::run(&plan, &limits, &played, &after));
    let usage = after::usage(&plan, &house, &limits, &played, &after);
    let bill = cost::bill(&usage, &Units::read());
    println!("What that costs (docs/cost.md says how that is known):");
    println!("{}", tables::plain(&page::rows(&bill)));
    Ok(())
}
