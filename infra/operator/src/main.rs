//! `operator`: what an operator does to a deployed stack, on AWS and on one machine alike.
//!
//! `cargo xtask redrive`, `rotate-playback-key` and `export-events` run it.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};
use jiff::{SignedDuration, Timestamp};
use operator::{
    export::{Export, folder::Folder},
    failure::{self, Advised},
    function::Functions,
    ivs::KeyPairs,
    queue::Queues,
    redrive::{self, Redrive, report},
    rotation::Rotation,
    saga::Sagas,
    secret::Secret,
    stream::Streams,
    target::Target,
};

/// What an operator does to a deployed stack.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    stack: Stack,
    #[command(subcommand)]
    command: Command,
}

/// Which stack.
#[derive(Args)]
struct Stack {
    /// The description of a stack on this machine.
    #[arg(
        long,
        env = "CUEPOINT_STACK",
        value_name = "FILE",
        conflicts_with = "outputs"
    )]
    stack: Option<PathBuf>,
    /// The outputs of a stack on AWS, as `sam list stack-outputs --output json` prints them. AWS is
    /// reached with the usual chain of credentials.
    #[arg(long, value_name = "FILE")]
    outputs: Option<PathBuf>,
    /// The region of the stack on AWS, instead of the usual one.
    #[arg(long, requires = "outputs")]
    region: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Move dead letters back to where they came from.
    ///
    /// Each is delivered again and deleted then. Only those that are there at the beginning are
    /// moved, 10,000 of a queue at most. Exits with 0 only if all of them were read, none is left,
    /// and none has come back before their consumer had everything.
    Redrive(RedriveOptions),
    /// Make a new playback key, let the functions sign with it, and retire the old one.
    ///
    /// No viewer is refused meanwhile. It may be interrupted at any point; run again, it finishes
    /// the rotation that was interrupted and starts no other.
    RotatePlaybackKey(RotationOptions),
    /// Take what happened off the analysts' queue, into a file of JSON lines per kind of event.
    ///
    /// Each event is written once, whatever comes again, and deleted from the queue when it is on
    /// the disk. It may be interrupted at any point; run again, it goes on. Ends when the queue is
    /// empty, and exits with 0 only if everything in it was an event.
    ExportEvents(ExportOptions),
}

#[derive(Args)]
struct ExportOptions {
    /// The folder that the files are in; it is made if it is not there.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Never end: wait for more events, until Ctrl-C.
    #[arg(long)]
    follow: bool,
}

#[derive(Args)]
struct RedriveOptions {
    /// Only this dead-letter queue.
    #[arg(long, value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(redrive::queue_names()))]
    queue: Option<String>,
    /// List the letters and what would be done with each, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
struct RotationOptions {
    /// Say what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// How long IVS gets to know the new key everywhere before it is used; 30 on AWS and 0 on this
    /// machine unless it is said.
    #[arg(long, value_name = "SECONDS")]
    settle_seconds: Option<u32>,
    /// How far the clocks of whoever signs and whoever checks may differ.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    skew_seconds: u32,
}

/// How long IVS gets to know a key, when nothing else is said.
const SETTLE: u32 = 30;

/// How long a queue has to say that it is empty: SQS counts late, by up to a minute
/// ("GetQueueAttributes", API reference).
const QUIET_ON_AWS: SignedDuration = SignedDuration::from_secs(60);
/// On this machine the counts are exact.
const QUIET_HERE: SignedDuration = SignedDuration::from_secs(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", failure::in_one_line(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run(Arguments { stack, command }: Arguments) -> anyhow::Result<()> {
    let target = match (stack.outputs, stack.stack) {
        (Some(outputs), _) => Target::on_aws(&outputs, stack.region).await?,
        (None, Some(file)) => Target::on_this_machine(&file)?,
        (None, None) => {
            let next = "name it with --stack or --outputs, or use `cargo xtask`, which does";
            return Err(Advised::new("no stack is named", next).into());
        }
    };
    match command {
        Command::Redrive(options) => redrive(&target, &options).await,
        Command::RotatePlaybackKey(options) => rotate(&target, &options).await,
        Command::ExportEvents(options) => export(&target, &options).await,
    }
}

/// How long a queue of this stack has to say that it is empty before it is believed.
fn quiet(target: &Target) -> SignedDuration {
    match target.local {
        true => QUIET_HERE,
        false => QUIET_ON_AWS,
    }
}

async fn export(target: &Target, options: &ExportOptions) -> anyhow::Result<()> {
    let queue = target.output("AnalystsQueueUrl").map_err(|_| {
        let next =
            "deploy it with AnalystsQueue=on (on this machine: cargo xtask up --analysts-queue)";
        Advised::new("this stack keeps no events for analysts", next)
    })?;
    let mut folder = Folder::open(&options.out)?;
    let export = Export {
        queues: Queues::new(aws_sdk_sqs::Client::new(&target.aws)),
        queue: queue.to_owned(),
        now: Timestamp::now,
        quiet: quiet(target),
        follow: options.follow,
    };
    let counts = export.run(&mut folder).await?;
    println!("{}", counts.summary(&options.out));
    Ok(counts.verdict()?)
}

async fn redrive(target: &Target, options: &RedriveOptions) -> anyhow::Result<()> {
    let queues = redrive::queues(target, options.queue.as_deref())?;
    let redrive = Redrive {
        queues: Queues::new(aws_sdk_sqs::Client::new(&target.aws)),
        functions: Functions::new(aws_sdk_lambda::Client::new(&target.aws)),
        streams: Streams::new(aws_sdk_dynamodbstreams::Client::new(&target.aws)),
        sagas: Sagas::new(aws_sdk_sfn::Client::new(&target.aws)),
        now: Timestamp::now,
        quiet: quiet(target),
    };
    let outcomes = redrive.run(&queues, options.dry_run).await;
    print!("\n{}", report::table(&outcomes, options.dry_run));
    Ok(report::verdict(&outcomes)?)
}

async fn rotate(target: &Target, options: &RotationOptions) -> anyhow::Result<()> {
    let secret = target.output("PlaybackKeySecretArn")?.to_owned();
    let settle = options.settle_seconds.unwrap_or(match target.local {
        true => 0,
        false => SETTLE,
    });
    let rotation = Rotation {
        secret: Secret::new(aws_sdk_secretsmanager::Client::new(&target.aws), secret),
        key_pairs: KeyPairs::new(aws_sdk_ivs::Client::new(&target.ivs)),
        functions: Functions::new(aws_sdk_lambda::Client::new(&target.aws)),
        function: target.output("TokenApiFunctionName")?.to_owned(),
        settle: Duration::from_secs(settle.into()),
        skew: Duration::from_secs(options.skew_seconds.into()),
        now: Timestamp::now,
    };
    match options.dry_run {
        true => rotation.dry_run().await,
        false => rotation.run().await,
    }
}
