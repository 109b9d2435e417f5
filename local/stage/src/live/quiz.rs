//! `stage quiz`: a producer schedules a quiz, and looks on.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use stage::{
    People, Stack,
    followed::Followed,
    producer::{Producer, Scheduled},
};

/// How often a run that is watched is looked at.
const POLL: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
pub(crate) struct Quiz {
    /// A quiz as `POST /quizzes` takes it.
    file: PathBuf,
    /// In how many seconds it starts.
    #[arg(long = "in", default_value_t = 5)]
    seconds: u32,
    /// When it starts, as RFC 3339 has it, instead.
    #[arg(long)]
    at: Option<Timestamp>,
    /// How long it pauses after a question's results, in seconds.
    #[arg(long)]
    pause: Option<u32>,
    /// How long it is at least from one question to the next, in seconds.
    #[arg(long)]
    every: Option<u32>,
    /// What becomes of a question when the stream breaks off: wait, repeat or abort.
    #[arg(long)]
    on_stream_loss: Option<String>,
    /// The channel's id; else the channel of the show.
    #[arg(long)]
    channel: Option<String>,
    /// Show how it goes, until it has ended.
    #[arg(long)]
    watch: bool,
}

pub(crate) async fn run(options: Quiz) -> anyhow::Result<()> {
    let stack = Stack::load()?;
    let text = std::fs::read_to_string(&options.file)
        .with_context(|| format!("cannot read {}", options.file.display()))?;
    let quiz: Value = serde_json::from_str(&text)
        .with_context(|| format!("{} is not JSON", options.file.display()))?;
    let producer = sign_in(&stack).await?;
    let scheduled = producer.schedule(&quiz, &run_of(&options, &stack)).await?;
    println!("quiz       {}", scheduled.quiz_id);
    println!("run        {}", scheduled.run_id);
    println!("starts at  {}", scheduled.starts_at);
    if options.watch {
        watch(&producer, &scheduled, &quiz).await?;
    }
    Ok(())
}

/// The run as `POST /quizzes/{quizId}/runs` takes it. What it may be is for the API to say.
fn run_of(options: &Quiz, stack: &Stack) -> Value {
    let soon = || Timestamp::now() + SignedDuration::from_secs(options.seconds.into());
    let channel = options.channel.as_ref();
    let mut run = json!({
        "channelId": channel.unwrap_or(&stack.channel.channel_id),
        "startsAt": options.at.unwrap_or_else(soon),
    });
    let settings = [
        ("pauseSeconds", options.pause.map(Value::from)),
        ("everySeconds", options.every.map(Value::from)),
        (
            "onStreamLoss",
            options.on_stream_loss.clone().map(Value::from),
        ),
    ];
    for (name, value) in settings {
        if let Some(value) = value {
            run[name] = value;
        }
    }
    run
}

/// The producer that `cargo xtask up` has made.
async fn sign_in(stack: &Stack) -> anyhow::Result<Producer> {
    let users = super::users()?
        .context("there is no ready-made producer: `cargo xtask up` makes one, a demo does not")?;
    let word = |field: &str| {
        let value = users["producer"][field].as_str();
        value.with_context(|| format!("users.json has no {field} of the producer"))
    };
    let people = People::new(stack)?;
    let id_token = people.sign_in(word("username")?, word("password")?).await?;
    Ok(Producer::new(stack, id_token)?)
}

/// Says how the run goes, and fails unless it completes.
async fn watch(producer: &Producer, scheduled: &Scheduled, quiz: &Value) -> anyhow::Result<()> {
    let questions = quiz["questions"].as_array().map_or(&[][..], Vec::as_slice);
    let mut followed: Vec<_> = (1..=questions.len()).map(Followed::new).collect();
    loop {
        // The run first: what it had done by then is all seen below.
        let run = producer.run(scheduled).await?;
        for (question, followed) in questions.iter().zip(&mut followed) {
            while let Some(results) = producer.results(scheduled, &followed.id()).await? {
                if !followed.is_news(&results) {
                    break;
                }
                println!("{}", line(followed.n, question, &results));
            }
            if followed.is_unheard() {
                break;
            }
        }
        match run["status"].as_str().unwrap_or_default() {
            "completed" => break,
            "aborted" => bail!("the quiz was aborted: {}", run["reason"]),
            "cancelled" => bail!("the quiz was cancelled"),
            _ => tokio::time::sleep(POLL).await,
        }
    }
    let best = producer.leaderboard(scheduled).await?;
    for place in best.as_array().into_iter().flatten() {
        let name = place["name"].as_str().unwrap_or_default();
        let rank = place["rank"].as_u64().unwrap_or_default();
        println!("{rank:>3}. {name}  {}", place["points"]);
    }
    println!("The quiz is completed.");
    Ok(())
}

/// How a question stands, in a line.
fn line(n: usize, question: &Value, results: &Value) -> String {
    let status = results["status"].as_str().unwrap_or_default();
    let text = question["question"].as_str().unwrap_or_default();
    let counts = match results["final"].as_array() {
        Some(counts) if status == "tallied" => counts,
        _ => return format!("question {n} is {status}: {text}"),
    };
    let options: Vec<_> = question["answers"]
        .as_array()
        .into_iter()
        .flatten()
        .zip(counts)
        .enumerate()
        .map(|(index, (option, count))| {
            let right = question["correct"] == index;
            let mark = if right { " (right)" } else { "" };
            format!("{}{mark} {count}", option.as_str().unwrap_or_default())
        })
        .collect();
    format!("question {n} is {status}: {}", options.join(", "))
}
