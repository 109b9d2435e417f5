//! `stage`: sets the stage for a show in the local cloud, one step a command.
//!
//! `cargo xtask` runs the steps in order. Each reads and writes files, so that a step can be
//! repeated and looked at by hand.

mod live;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Parser, Subcommand};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stage::{Channel, FaultProxy, Outputs, People, Stack, channel, upstream};
use uuid::Uuid;

/// Sets the stage for a show in the local cloud.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the private channels and their playback key; write what the deployment needs.
    Prepare(Prepare),
    /// Write the description of the deployed stack.
    Describe(Describe),
    /// Make a user who can sign in, and print who it is as JSON.
    User(User),
    /// Put the tutorial's question into the live video.
    Cue(live::cue::Cue),
    /// Schedule a quiz as the ready-made producer.
    Quiz(live::quiz::Quiz),
    /// Say on the bus that a user may watch.
    Entitle(live::entitlement::Change),
    /// Say on the bus that a user may no longer watch.
    Revoke(live::entitlement::Change),
}

#[derive(clap::Args)]
struct Prepare {
    /// Where AWS answers.
    #[arg(long)]
    endpoint_url: String,
    /// Where IVS answers.
    #[arg(long)]
    ivs_endpoint_url: String,
    /// The file that says where the fault proxy is, if the functions are to call the cloud by it.
    #[arg(long)]
    fault_proxy: Option<PathBuf>,
    /// The AWS region to play.
    #[arg(long, default_value = "eu-west-1")]
    region: String,
    /// The page origin that may play the channel.
    #[arg(long, default_value = "http://localhost:8080")]
    origin: String,
    /// How long a playback token lasts at most.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=540))]
    token_seconds: u32,
    /// The private playback key, P-384 in PEM, instead of a new one.
    #[arg(long)]
    playback_key: Option<PathBuf>,
    /// Make the analysts' queue too.
    #[arg(long)]
    analysts_queue: bool,
    /// The file to write: parameters of the template, and the rest for `describe`.
    #[arg(long)]
    out: PathBuf,
}

#[derive(clap::Args)]
struct Describe {
    /// The file that `prepare` wrote.
    #[arg(long)]
    prepared: PathBuf,
    /// The file with the output of `sam list stack-outputs --output json`.
    #[arg(long)]
    outputs: PathBuf,
    /// Where the viewers' page will be served.
    #[arg(long)]
    page_url: Option<String>,
    /// The file to write.
    #[arg(long)]
    out: PathBuf,
}

#[derive(clap::Args)]
struct User {
    /// The stack description; else CUEPOINT_STACK or target/local/stack.json.
    #[arg(long)]
    stack: Option<PathBuf>,
    /// Their name; they sign in with an address made from it.
    #[arg(long, default_value = "viewer")]
    name: String,
    /// Put them into the group `producers`.
    #[arg(long)]
    producer: bool,
    /// Put a `user-entitled` event on the bus for them and the channel.
    #[arg(long)]
    entitled: bool,
}

/// What `prepare` leaves for the deployment and for `describe`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prepared {
    /// Parameters of the template by name.
    parameters: Value,
    region: String,
    endpoint_url: String,
    ivs_endpoint_url: String,
    channel: Channel,
    offline_channel: Channel,
    spare_channels: Vec<Channel>,
    fault_proxy: Option<FaultProxy>,
}

/// How many channels are made for tests that bring a stream of their own. All channels together must
/// fit the functions' environment, which is 4 KB.
const SPARE_CHANNELS: usize = 10;

/// The root user of the emulator's account: a fixed word, known to everyone.
const ROOT: &str = "test";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", stage::in_one_line(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Prepare(options) => prepare(options).await,
        Command::Describe(options) => describe(&options),
        Command::User(options) => user(options).await,
        Command::Cue(options) => live::cue::run(options).await,
        Command::Quiz(options) => live::quiz::run(options).await,
        Command::Entitle(options) => live::entitlement::entitle(options).await,
        Command::Revoke(options) => live::entitlement::revoke(options).await,
    }
}

async fn prepare(options: Prepare) -> anyhow::Result<()> {
    let pair = match &options.playback_key {
        Some(file) => channel::PlaybackKeyPair::from_private_pem(read(file)?)
            .with_context(|| format!("cannot use {}", file.display()))?,
        None => channel::PlaybackKeyPair::generate()?,
    };
    let aws = stage::stack::sdk_config(&options.region, &options.endpoint_url, ROOT, ROOT);
    let ivs = stage::stack::sdk_config(&options.region, &options.ivs_endpoint_url, ROOT, ROOT);
    let secrets = aws_sdk_secretsmanager::Client::new(&aws);
    let secret_arn = channel::store_key(&secrets, &pair).await?;
    let ivs = aws_sdk_ivs::Client::new(&ivs);
    channel::import_key(&ivs, &pair).await?;
    let channel = channel::create(&ivs, "cuepoint-show", &options.origin).await?;
    let offline_channel = channel::create(&ivs, "cuepoint-offline", &options.origin).await?;
    let mut spare_channels = Vec::new();
    for number in 1..=SPARE_CHANNELS {
        let name = format!("cuepoint-spare-{number}");
        spare_channels.push(channel::create(&ivs, &name, &options.origin).await?);
    }
    let all: Vec<_> = [&channel, &offline_channel]
        .into_iter()
        .chain(&spare_channels)
        .collect();
    let fault_proxy = options
        .fault_proxy
        .as_deref()
        .map(fault_proxy)
        .transpose()?;
    let mut parameters = channel::parameters(
        &all,
        options.token_seconds,
        &secret_arn,
        fault_proxy
            .as_ref()
            .map_or(&options.ivs_endpoint_url, |proxy| &proxy.ivs_endpoint_url),
    );
    if options.analysts_queue {
        parameters["AnalystsQueue"] = "on".into();
    }
    let prepared = Prepared {
        parameters,
        region: options.region,
        endpoint_url: options.endpoint_url,
        ivs_endpoint_url: options.ivs_endpoint_url,
        channel,
        offline_channel,
        spare_channels,
        fault_proxy,
    };
    let text = serde_json::to_string_pretty(&prepared)?;
    std::fs::write(&options.out, text)
        .with_context(|| format!("cannot write {}", options.out.display()))
}

fn describe(options: &Describe) -> anyhow::Result<()> {
    let prepared: Prepared = serde_json::from_str(&read(&options.prepared)?)
        .with_context(|| format!("{} is not what prepare writes", options.prepared.display()))?;
    let stack = Stack {
        region: prepared.region,
        endpoint_url: prepared.endpoint_url,
        ivs_endpoint_url: prepared.ivs_endpoint_url,
        access_key_id: ROOT.to_owned(),
        secret_access_key: ROOT.to_owned(),
        outputs: Outputs::from_sam_list(&read(&options.outputs)?)?,
        channel: prepared.channel,
        offline_channel: prepared.offline_channel,
        spare_channels: prepared.spare_channels,
        page_url: options.page_url.clone(),
        fault_proxy: prepared.fault_proxy,
    };
    Ok(stack.save(&options.out)?)
}

fn fault_proxy(file: &Path) -> anyhow::Result<FaultProxy> {
    serde_json::from_str(&read(file)?)
        .with_context(|| format!("{} does not say where the fault proxy is", file.display()))
}

async fn user(options: User) -> anyhow::Result<()> {
    let stack = options
        .stack
        .map_or_else(Stack::load, |path| Stack::load_from(&path))?;
    let people = People::new(&stack)?;
    let random = Uuid::new_v4().simple().to_string();
    let username = format!("{}-{}@example.com", options.name, &random[..8]);
    let person = people
        .create(
            &username,
            &options.name,
            &format!("Cue7-{}", &random[8..20]),
        )
        .await?;
    if options.producer {
        people.add_to_group(&person.username, "producers").await?;
    }
    if options.entitled {
        let event_id = Uuid::new_v4().to_string();
        let channel = &stack.channel.channel_id;
        let detail = upstream::user_entitled(&event_id, Timestamp::now(), &person.user_id, channel);
        let events = aws_sdk_eventbridge::Client::new(&stack.sdk_config().await);
        upstream::put(
            &events,
            &stack.outputs.event_bus_name,
            "user-entitled",
            &detail,
        )
        .await?;
    }
    let id_token = people.sign_in(&person.username, &person.password).await?;
    let report = json!({
        "userId": person.user_id,
        "username": person.username,
        "password": person.password,
        "idToken": id_token,
    });
    println!("{report}");
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
