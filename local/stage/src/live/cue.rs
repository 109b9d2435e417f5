//! `stage cue`: the tutorial's generator.

use std::time::Duration;

use anyhow::ensure;
use aws_sdk_ivs::Client;
use jiff::Zoned;
use stage::{Stack, cue};

#[derive(clap::Args)]
pub(crate) struct Cue {
    question: String,
    #[arg(long = "answer", default_values = ["True", "False"])]
    answers: Vec<String>,
    /// The channel's id or ARN; else the channel of the show.
    #[arg(long)]
    channel: Option<String>,
    /// Do it again and again, with this many seconds in between.
    #[arg(long)]
    every: Option<u32>,
    /// How often, with `--every`; else until it is stopped.
    #[arg(long, requires = "every")]
    count: Option<u32>,
}

pub(crate) async fn run(options: Cue) -> anyhow::Result<()> {
    let stack = Stack::load()?;
    let known = &stack.channel.arn;
    let channel = options
        .channel
        .map_or_else(|| known.clone(), |given| cue::channel_arn(known, &given));
    let client = stack.ivs_client().await;
    let Some(seconds) = options.every else {
        return push(&client, &channel, &options.question, &options.answers).await;
    };
    let (mut sent, mut failed) = (0_u64, 0_u64);
    while options.count.is_none_or(|count| sent < u64::from(count)) {
        if sent > 0 {
            tokio::time::sleep(Duration::from_secs(seconds.into())).await;
        }
        sent += 1;
        // One that failed keeps none of the next from being tried: the stream may come back.
        if let Err(error) = push(&client, &channel, &options.question, &options.answers).await {
            eprintln!("error: {error:#}");
            failed += 1;
        }
    }
    ensure!(failed == 0, "{failed} of {sent} cues were not taken");
    Ok(())
}

async fn push(
    client: &Client,
    channel: &str,
    question: &str,
    answers: &[String],
) -> anyhow::Result<()> {
    let text = cue::text(question, answers, Zoned::now().datetime())?;
    println!("request   PutMetadata {}", cue::request(channel, &text));
    let id = cue::put(client, channel, &text).await?;
    let id = id.map_or_else(String::new, |id| format!(" (request {id})"));
    println!("response  taken into the video, {} bytes{id}", text.len());
    Ok(())
}
