//! The benchmark of playback tokens: `token-api`, its plain part beside the bare signature, and the
//! whole function beside the same in Python and Node.

pub mod conformance;
pub mod fixture;
mod handler;
mod report;

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, ensure};
use jiff::Timestamp;

use self::{fixture::Fixture, report::Results};
use crate::{
    aws_stub::AwsStub,
    cpus::Cpus,
    document::Output,
    machine,
    peers::{Peers, Sources},
    statistics::rounded,
    steps::Step,
    whole::{self, Plan},
};

/// What functions are written with, beside their interpreter.
const PYTHON_PACKAGES: [&str; 4] = ["awslambdaric", "boto3", "cryptography", "PyJWT"];
/// The same for Node.
const NODE_PACKAGES: [&str; 4] = [
    "@aws-sdk/client-dynamodb",
    "@aws-sdk/client-eventbridge",
    "@aws-sdk/client-secrets-manager",
    "jsonwebtoken",
];

/// Where everything is.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// The function in Rust.
    #[arg(long, value_name = "PROGRAM")]
    token_api: PathBuf,
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    output: Output,
}

/// Measures, prints, and writes down; `cpus` says where.
///
/// # Errors
/// When something cannot be measured, when the functions do not do the same, and, after everything
/// was written, when the figures are not good enough.
pub async fn run(options: &Options, cpus: Cpus) -> anyhow::Result<()> {
    let fixture = Arc::new(Fixture::new()?);
    let stub = AwsStub::serve().await.context("cannot play AWS")?;
    let peers = Peers::lay_out(&options.sources, "token-api")?;
    let folder = peers.empty_folder("rust")?;
    let rust = fixture.launch("rust", &options.token_api, &folder, &stub);
    let launches = peers.launches(rust, cpus.measured);

    let step = Step::start("Compare what the functions answer");
    let compared = conformance::check(&launches, &fixture, &stub).await?;
    step.done(&format!("{compared} requests, the same answers"));

    let step = Step::start("Sign in this process");
    let measured = Arc::clone(&fixture);
    let measuring = tokio::task::spawn_blocking(move || handler::measure(&measured, cpus.measured));
    let handler = measuring.await??;
    step.done("");

    fixture.prepare(&stub);
    let plan = Plan::full(cpus.are_two());
    let functions = whole::measure(&launches, &*fixture, plan).await?;
    let results = Results {
        handler_per_second: rounded(handler.handler, 0),
        raw_per_second: rounded(handler.raw, 0),
        // Not rounded up to what is accepted.
        ratio: (handler.handler / handler.raw * 1_000.0).floor() / 1_000.0,
        with_json_per_second: rounded(handler.with_json, 0),
        functions,
    };
    println!("\n{}", results.tables());
    options.output.write_json(&results)?;
    let versions = [
        peers.python_versions(&PYTHON_PACKAGES)?,
        peers.node_versions(&NODE_PACKAGES)?,
    ];
    let machine = machine::describe(Timestamp::now());
    let section = results.section(&machine, plan, &versions);
    options.output.write_section("tokens", &section)?;
    let complaints = results.complaints();
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(())
}
