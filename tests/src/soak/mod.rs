//! A soak: ivs-local with one publisher, many players and a steady flow of cues, for a long time.
//!
//! Every player must see every cue exactly once and in order, at rising places of the video, and the
//! server's memory and file descriptors must stay where they are. [`server`] runs the program,
//! [`audience`] plays, [`growth`] watches the program, [`report`] judges.

pub mod audience;
pub mod growth;
pub mod report;
pub mod server;

use std::{path::PathBuf, time::Duration};

use anyhow::ensure;
use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use crate::publisher::Publisher;
use audience::Audience;
use growth::Growth;
use report::Report;
use server::Server;

/// How often the server's size is taken.
const SAMPLE: Duration = Duration::from_secs(1);
/// How often progress is told.
const PROGRESS: Duration = Duration::from_secs(30);

/// What is done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How long cues are put.
    pub seconds: u64,
    /// How many players there are; every other one follows announced segments.
    pub players: usize,
    /// Cues a second, from 1 to 5.
    pub cues_per_second: u32,
    /// The program.
    pub ivs_local: PathBuf,
    /// ffmpeg, to publish and for the program.
    pub ffmpeg: PathBuf,
}

/// A cue that was taken.
#[derive(Debug, Clone, Copy)]
pub struct PutCue {
    /// When the call began, in milliseconds since 1970.
    pub at: i64,
}

/// The text of a cue: its number can be found in the middle of a segment.
pub fn cue_text(number: usize) -> String {
    format!("soak cue {number:08}")
}

/// Soaks, and judges.
///
/// # Errors
/// When something does not even start. What goes wrong later is in the report.
pub async fn run(plan: &Plan, narrate: &dyn Fn(String)) -> anyhow::Result<Report> {
    let server = Server::start(&plan.ivs_local, &plan.ffmpeg).await?;
    let channel = server.channel().await?;
    let mut publisher = Publisher::start(&plan.ffmpeg, &channel.rtmp_url)?;
    server.until_live(&channel).await?;
    let (stop, stopped) = watch::channel(false);
    let audience = Audience::gather(plan.players, &channel.playback_url, &stopped).await?;
    narrate(format!("{} players watch", plan.players));

    let mut growth = Growth::of(server.pid());
    let put = put_cues(plan, &server, &channel, &mut growth, narrate).await?;
    narrate(format!("{} cues were put", put.len()));
    audience.until_seen(put.len()).await;
    // A cue that came twice would come with the next segments.
    sleep(Duration::from_secs(3)).await;
    let publishing = publisher.is_running()?;
    stop.send_replace(true);
    let seen = audience.end().await;
    let mut report = Report::new(plan, &put, &seen, &growth);
    if !publishing {
        report.problems.push("the publisher has ended".into());
    }
    if let Err(error) = server.end().await {
        report.problems.push(format!("the server: {error:#}"));
    }
    Ok(report)
}

/// Puts cues for the time of the plan, one after the other, and takes the server's size meanwhile.
async fn put_cues(
    plan: &Plan,
    server: &Server,
    channel: &server::Channel,
    growth: &mut Growth,
    narrate: &dyn Fn(String),
) -> anyhow::Result<Vec<PutCue>> {
    ensure!(
        (1..=5).contains(&plan.cues_per_second),
        "from 1 to 5 cues a second"
    );
    let began = Instant::now();
    let mut cues = interval(Duration::from_secs(1) / plan.cues_per_second);
    let mut samples = interval(SAMPLE);
    let mut told = Instant::now();
    // Calls that were late are not made up for: IVS takes five a second.
    cues.set_missed_tick_behavior(MissedTickBehavior::Delay);
    samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut put = Vec::new();
    while began.elapsed().as_secs() < plan.seconds {
        tokio::select! {
            _ = cues.tick() => {
                let at = Timestamp::now().as_millisecond();
                server.put_metadata(channel, &cue_text(put.len())).await?;
                put.push(PutCue { at });
            }
            _ = samples.tick() => growth.sample(began.elapsed())?,
        }
        if told.elapsed() >= PROGRESS {
            told = Instant::now();
            narrate(format!("{} cues, {}", put.len(), growth.now()));
        }
    }
    Ok(put)
}
