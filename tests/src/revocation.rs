//! How long a revocation takes, from the event on the bus to the last piece of video served.
//!
//! Viewers play; one after the other is revoked while the others go on; each is granted anew then.
//! The old token must stay refused, and the new one must play.

use std::time::Duration;

use anyhow::{Context, ensure};
use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_eventbridge::Client as EventBridge;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde::Serialize;
use stage::{Person, Stack, entitlements, upstream};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use crate::{
    audience,
    player::{PlayError, Player},
    viewer::Viewer,
};

/// How often a player asks for the next piece of video: as often as it can, for a measurement.
const POLL: Duration = Duration::from_millis(20);
/// How long anything may take before it is said not to happen.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a revocation is to take at most.
pub const LIMIT: Duration = Duration::from_secs(5);

/// What was measured of one revocation, in milliseconds since the bus had taken the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measured {
    /// The table was seen to say so; it is looked at twenty times a second.
    pub applied_ms: u64,
    /// The last piece of video or playlist had been served; 0 when that was before.
    pub last_served_ms: u64,
    /// The first request had been refused.
    pub refused_ms: u64,
}

/// The figures of all revocations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Half of the viewers were served no longer than this.
    pub p50_ms: u64,
    /// No viewer was served longer than this.
    pub max_ms: u64,
    /// What it is to be less than.
    pub limit_ms: u64,
    /// One by one.
    pub revocations: Vec<Measured>,
    /// What was not as it should be.
    pub problems: Vec<String>,
}

impl Report {
    /// Judges what was measured.
    pub fn new(revocations: Vec<Measured>, mut problems: Vec<String>) -> Self {
        let (p50_ms, max_ms) = middle_and_most(&revocations, |one| one.last_served_ms);
        let limit_ms = millis(LIMIT);
        if revocations.is_empty() {
            problems.push("nothing was measured".to_owned());
        }
        if max_ms >= limit_ms {
            problems.push(format!(
                "a viewer was served for {max_ms} ms, not less than {limit_ms}"
            ));
        }
        Self {
            p50_ms,
            max_ms,
            limit_ms,
            revocations,
            problems,
        }
    }

    /// The results in Markdown, for the page with all results; `machine` says where they come from.
    pub fn section(&self, machine: &str) -> String {
        let row = |what: &str, of: fn(&Measured) -> u64| {
            let (p50, max) = middle_and_most(&self.revocations, of);
            format!("| {what} | {p50} | {max} |\n")
        };
        let rows = [
            row("the table shows it (looked at every 50 ms)", |one| {
                one.applied_ms
            }),
            row("last segment or playlist served", |one| one.last_served_ms),
            row("first request refused", |one| one.refused_ms),
        ];
        format!(
            "## Revocations\n\n\
             `cargo xtask bench revocations`: milliseconds from when the bus had taken\n\
             `user-entitlement-revoked`, with {} viewers who play at the same time and are revoked one after\n\
             the other. The whole local cloud runs on the machine beside the players.\n\n\
             | until | p50 | max |\n| --- | ---: | ---: |\n{}\n\
             The last segment served must be there in less than {} ms.\n\n{machine}\n",
            self.revocations.len(),
            rows.concat(),
            self.limit_ms,
        )
    }
}

/// The value in the middle, the upper one of two, and the greatest; 0 when there is none.
fn middle_and_most(revocations: &[Measured], of: fn(&Measured) -> u64) -> (u64, u64) {
    let mut values: Vec<_> = revocations.iter().map(of).collect();
    values.sort_unstable();
    let at = |place: usize| values.get(place).copied().unwrap_or_default();
    (at(values.len() / 2), at(values.len().saturating_sub(1)))
}

/// Someone who may watch, and whose entitlement is changed.
pub struct Subject {
    person: Person,
    viewer: Viewer,
    stack: Stack,
    bus: EventBridge,
    table: DynamoDb,
}

/// A playback under way, as the one who measures it sees it.
pub struct Playing {
    segments: watch::Receiver<u64>,
    end: JoinHandle<anyhow::Result<Ended>>,
}

/// How a playback was ended.
#[derive(Debug, Clone, Copy)]
struct Ended {
    last_served: Instant,
    refused: Instant,
}

impl Subject {
    /// So many people who have signed in, and may not watch yet.
    ///
    /// # Errors
    /// When they cannot be made.
    pub async fn gather(stack: &Stack, count: usize) -> anyhow::Result<Vec<Self>> {
        let config = stack.sdk_config().await;
        let (bus, table) = (EventBridge::new(&config), DynamoDb::new(&config));
        let audience = audience::gather(stack, &vec![Vec::new(); count], 0).await?;
        let subject = |(person, viewer)| Self {
            person,
            viewer,
            stack: stack.clone(),
            bus: bus.clone(),
            table: table.clone(),
        };
        Ok(audience.entitled.into_iter().map(subject).collect())
    }

    /// Grants the entitlement; a playback token that comes with it.
    ///
    /// # Errors
    /// When there is none within the time for it.
    pub async fn grant(&self) -> anyhow::Result<String> {
        let event_id = Uuid::new_v4().to_string();
        let (user_id, channel_id) = self.pair();
        let event = upstream::user_entitled(&event_id, Timestamp::now(), user_id, channel_id);
        self.put("user-entitled", &event).await?;
        self.applied(&event_id).await?;
        let token = self.viewer.token().await?.body["token"].take();
        Ok(token.as_str().context("a playback token")?.to_owned())
    }

    /// Starts a playback that goes on until it is refused.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn play(&self, token: &str) -> anyhow::Result<Playing> {
        let mut player = self.viewer.open(Some(token)).await?;
        let (tell, segments) = watch::channel(0);
        let end = tokio::spawn(async move {
            let mut cut = None;
            loop {
                match player.advance().await {
                    Ok(_) => drop(tell.send_replace(player.segments)),
                    Err(PlayError::Refused(StatusCode::FORBIDDEN)) => {
                        return Ok(Ended {
                            last_served: player.last_served,
                            refused: Instant::now(),
                        });
                    }
                    // A segment that is under way is cut off; the next request says why.
                    Err(PlayError::Broken(error)) if cut.is_none() => {
                        cut = Some(error);
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                }
                if let Some(cut) = cut.take() {
                    return Err(cut.context("the video was cut off without a reason"));
                }
                sleep(POLL).await;
            }
        });
        Ok(Playing { segments, end })
    }

    /// Whether a new playback with this token is let in.
    ///
    /// # Errors
    /// When it is neither let in nor refused.
    pub async fn is_let_in(&self, token: &str) -> anyhow::Result<bool> {
        match self.viewer.open(Some(token)).await {
            Ok(Player { .. }) => Ok(true),
            Err(PlayError::Refused(StatusCode::FORBIDDEN)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Revokes the entitlement, and watches a playback end.
    ///
    /// # Errors
    /// When it goes on, or breaks.
    pub async fn revoke(&self, playing: Playing) -> anyhow::Result<Measured> {
        let event_id = Uuid::new_v4().to_string();
        let (user_id, channel_id) = self.pair();
        let now = Timestamp::now();
        let event =
            upstream::user_entitlement_revoked(&event_id, now, user_id, channel_id, "measured");
        self.put("user-entitlement-revoked", &event).await?;
        let put = Instant::now();
        let applied = async {
            self.applied(&event_id).await?;
            anyhow::Ok(put.elapsed())
        };
        let ended = async {
            let ended = timeout(PATIENCE, playing.end).await;
            ended.context("a revoked viewer plays on")??
        };
        let (applied, ended) = tokio::try_join!(applied, ended)?;
        let since = |moment: Instant| millis(moment.saturating_duration_since(put));
        Ok(Measured {
            applied_ms: millis(applied),
            last_served_ms: since(ended.last_served),
            refused_ms: since(ended.refused),
        })
    }

    fn pair(&self) -> (&str, &str) {
        (&self.person.user_id, &self.stack.channel.channel_id)
    }

    async fn put(&self, detail_type: &str, event: &serde_json::Value) -> anyhow::Result<()> {
        let bus = &self.stack.outputs.event_bus_name;
        Ok(upstream::put(&self.bus, bus, detail_type, event).await?)
    }

    async fn applied(&self, event_id: &str) -> anyhow::Result<()> {
        let table = &self.stack.outputs.entitlements_table;
        entitlements::applied(&self.table, table, self.pair(), event_id, PATIENCE).await?;
        Ok(())
    }
}

impl Playing {
    /// Waits until so many more segments have been played.
    ///
    /// # Errors
    /// When they do not come, or the playback has ended.
    pub async fn plays_on(&mut self, segments: u64) -> anyhow::Result<()> {
        let enough = *self.segments.borrow() + segments;
        let more = self.segments.wait_for(|played| *played >= enough);
        let played = timeout(PATIENCE, more).await;
        played
            .context("no video comes")?
            .context("the playback has ended")?;
        Ok(())
    }
}

/// Revokes viewers one after the other while they play, and grants them anew.
///
/// # Errors
/// When something does not even start. What goes wrong later is in the report.
pub async fn measure(
    stack: &Stack,
    viewers: usize,
    narrate: &dyn Fn(String),
) -> anyhow::Result<Report> {
    ensure!(viewers > 0, "at least one viewer is needed");
    let subjects = Subject::gather(stack, viewers).await?;
    let mut waiting = Vec::new();
    for subject in subjects {
        let token = subject.grant().await?;
        let playing = subject.play(&token).await?;
        waiting.push((subject, token, playing));
    }
    for (_, _, playing) in &mut waiting {
        playing.plays_on(2).await?;
    }
    narrate(format!("{viewers} viewers play"));
    let (mut measured, mut problems) = (Vec::new(), Vec::new());
    while let Some((subject, old_token, playing)) = waiting.pop() {
        let one = subject.revoke(playing).await?;
        narrate(format!(
            "revoked: in the table after {} ms, last served after {} ms, refused after {} ms",
            one.applied_ms, one.last_served_ms, one.refused_ms
        ));
        measured.push(one);
        let new_token = subject.grant().await?;
        if subject.is_let_in(&old_token).await? {
            problems.push("an old token plays again".to_owned());
        }
        if let Err(error) = plays(&subject, &new_token).await {
            problems.push(format!("a viewer who was granted anew: {error:#}"));
        }
        if let Some((_, _, other)) = waiting.last_mut()
            && let Err(error) = other.plays_on(1).await
        {
            problems.push(format!("another viewer: {error:#}"));
        }
    }
    narrate("all were granted anew: their new tokens play, the old ones are refused".to_owned());
    Ok(Report::new(measured, problems))
}

async fn plays(subject: &Subject, token: &str) -> anyhow::Result<()> {
    let mut playing = subject.play(token).await?;
    let played = playing.plays_on(1).await;
    playing.end.abort();
    played
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(served: &[u64]) -> Report {
        let measured = served.iter().map(|&last_served_ms| Measured {
            applied_ms: 1,
            last_served_ms,
            refused_ms: last_served_ms + 1,
        });
        Report::new(measured.collect(), Vec::new())
    }

    #[test]
    fn the_slowest_revocation_decides() {
        let fine = report(&[300, 100, 4_999, 200]);
        assert_eq!((fine.p50_ms, fine.max_ms), (300, 4_999));
        assert_eq!(fine.problems, Vec::<String>::new());
        let section = fine.section("Here.");
        let row = "| last segment or playlist served | 300 | 4999 |";
        assert!(section.contains(row), "{section}");
        let slow = report(&[5_000, 100]);
        assert!(slow.problems[0].contains("5000 ms"), "{:?}", slow.problems);
        assert!(!report(&[]).problems.is_empty());
    }
}
