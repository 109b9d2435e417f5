//! The benchmark of answers: how fast one is taken, counted live, counted in the end, ranked and
//! recorded, and the whole function `answer-api` beside the same in Python and Node.

mod accept;
mod audience;
pub mod conformance;
pub mod fixture;
mod record;
mod report;
mod rows;
mod stream;
mod tally;

use std::path::PathBuf;

use anyhow::{Context, ensure};
use jiff::Timestamp;

use self::{fixture::Fixture, report::Results, tally::Case};
use crate::{
    aws_stub::AwsStub,
    cpus::Cpus,
    document::Output,
    machine,
    part::{self, Figures},
    peers::{Peers, Sources},
    steps::Step,
    whole::{self, Plan},
};

/// What functions are written with, beside their interpreter.
const PYTHON_PACKAGES: [&str; 2] = ["awslambdaric", "boto3"];
/// The same for Node.
const NODE_PACKAGES: [&str; 1] = ["@aws-sdk/client-dynamodb"];

/// Where everything is.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The function in Rust.
    #[arg(long, value_name = "PROGRAM")]
    answer_api: PathBuf,
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    output: Output,
}

/// A measurement in a process of its own.
#[derive(Debug, Clone, clap::Args)]
pub struct Part {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum What {
    /// Answers through the handler.
    Accept(Figures),
    /// Records of the stream through the live tally.
    Stream(Figures),
    /// An audience's answers through the recorder.
    Record(Figures),
    /// The final tally and the leaderboard.
    Tally {
        /// How many answers there are.
        #[arg(long)]
        answers: u64,
        /// In how many shards.
        #[arg(long)]
        shards: u64,
        #[command(flatten)]
        figures: Figures,
    },
}

impl Part {
    /// Measures, and leaves the figures.
    ///
    /// # Errors
    /// When it cannot be measured.
    pub fn run(&self) -> anyhow::Result<()> {
        match &self.what {
            What::Accept(figures) => figures.leave(&accept::measure()?),
            What::Record(figures) => figures.leave(&record::measure()?),
            What::Stream(figures) => figures.leave(&stream::measure()?),
            What::Tally {
                answers,
                shards,
                figures,
            } => figures.leave(&tally::measure(*answers, *shards)?),
        }
    }
}

/// Measures, prints, and writes down; `cpus` says where.
///
/// # Errors
/// When something cannot be measured, when the functions do not do the same, and, after everything
/// was written, when the figures are not good enough.
pub async fn run(options: &Options, cpus: Cpus) -> anyhow::Result<()> {
    let fixture = Fixture::new(Timestamp::now());
    let stub = AwsStub::serve().await.context("cannot play AWS")?;
    let peers = Peers::lay_out(&options.sources, "answer-api")?;
    let folder = peers.empty_folder("rust")?;
    let rust = fixture.launch("rust", &options.answer_api, &folder, &stub);
    let launches = peers.launches(rust, cpus.measured);

    let step = Step::start("Compare what the functions answer");
    let compared = conformance::check(&launches, &stub).await?;
    step.done(&format!("{compared} requests, the same answers"));

    let step = Step::start("Take answers in one process");
    let accept = part::measure(&["accept"], &[cpus.measured]).await?;
    step.done("");
    let step = Step::start("Count the stream's records in one process");
    let stream = part::measure(&["stream"], &[cpus.measured]).await?;
    step.done("");
    let tallies = tallies(cpus).await?;
    let step = Step::start("Record an audience's answers in one process");
    let recorded = part::measure(&["record"], &[cpus.measured]).await?;
    step.done("");

    fixture.prepare(&stub);
    let plan = Plan::full(cpus.are_two());
    let functions = whole::measure(&launches, &fixture, plan).await?;
    let results = Results::new(accept, stream, tallies, recorded, functions);
    println!("\n{}", results.tables());
    options.output.write_json(&results)?;
    let versions = [
        peers.python_versions(&PYTHON_PACKAGES)?,
        peers.node_versions(&NODE_PACKAGES)?,
    ];
    let machine = machine::describe(Timestamp::now());
    let section = results.section(&machine, plan, &versions);
    options.output.write_section("answers", &section)?;
    options.output.write_figures("answers", &results)?;
    let complaints = results.complaints();
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(())
}

/// Every audience in a process of its own.
async fn tallies(cpus: Cpus) -> anyhow::Result<Vec<Case>> {
    let step = Step::start("Tally and rank audiences");
    let mut cases: Vec<Case> = Vec::new();
    for answers in tally::ANSWERS_OF {
        for shards in tally::SHARDS_OF {
            let (answers, shards) = (answers.to_string(), shards.to_string());
            let part = ["tally", "--answers", &answers, "--shards", &shards];
            cases.push(part::measure(&part, &cpus.both()).await?);
        }
    }
    step.done(&format!("{} audiences", cases.len()));
    Ok(cases)
}
