//! One person of the audience, from the playback token to the last cue.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Context;
use jiff::Timestamp;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use stage::Channel;
use tokio::{sync::mpsc::UnboundedSender, task::JoinHandle, time::Instant};

use crate::{
    api::{Api, Reply, RunPath},
    player::{PlayError, Player, SeenCue},
};

/// How often a player looks for the next segment.
const POLL: Duration = Duration::from_millis(300);
/// How often someone who should be let in asks again.
const ASK_AGAIN: Duration = Duration::from_millis(500);
/// How often an answer is sent again that may not have arrived.
const SEND_AGAIN: u32 = 5;
/// How long an entitlement may take from the event to the token.
const ENTITLED_WITHIN: Duration = Duration::from_secs(60);

/// Someone with the app open and signed in.
#[derive(Clone)]
pub struct Viewer {
    /// What the leaderboard calls them.
    pub name: String,
    /// The API as they see it.
    pub api: Api,
    /// How their player fetches.
    pub http: Client,
    /// What they came to watch.
    pub channel: Channel,
    /// What they will choose, question by question, and after how much thought.
    pub script: Vec<(u32, Duration)>,
}

/// What just happened to a viewer, for the narration.
#[derive(Debug, Clone)]
pub enum Happening {
    /// The first piece of video is there.
    Playing,
    /// A cue of this type came out of the video.
    Cue(String),
    /// An answer was accepted.
    Answered,
}

/// An answer that was accepted.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The question.
    pub question_id: String,
    /// The question's place in the quiz, from 0.
    pub index: usize,
    /// The option.
    pub choice: u32,
    /// When it was received, by the service's clock.
    pub received_at: Timestamp,
}

/// What a viewer saw and did.
#[derive(Debug, Clone, Default)]
pub struct Experience {
    /// Whose it is.
    pub name: String,
    /// How many segments were played.
    pub segments: u64,
    /// How many were missed.
    pub missed: u64,
    /// Every cue of the quiz, in order.
    pub cues: Vec<SeenCue>,
    /// The answers that were accepted.
    pub answers: Vec<Answered>,
    /// The tallies read out of the video, by question.
    pub results: BTreeMap<String, Vec<u64>>,
    /// The leaderboard read out of the video.
    pub leaderboard: Option<Vec<(String, u64)>>,
    /// Their own place, by the API.
    pub own: Option<Place>,
    /// Whether the video said that the quiz was cancelled.
    pub cancelled: bool,
}

/// Where somebody is among all who took part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// From 1; who has the same points has the same rank, and the next rank counts them all.
    pub rank: u64,
    /// Their points.
    pub points: u64,
    /// How many took part.
    pub players: u64,
}

impl Viewer {
    /// Asks for a playback token until it is given: the entitlement takes a moment to arrive.
    ///
    /// # Errors
    /// When it is not given within a minute, or anything but a refusal comes instead.
    pub async fn token(&self) -> anyhow::Result<Reply> {
        let give_up = Instant::now() + ENTITLED_WITHIN;
        loop {
            let reply = self.api.playback_token(&self.channel.channel_id).await?;
            match reply.status {
                StatusCode::OK => return Ok(reply),
                StatusCode::FORBIDDEN if Instant::now() < give_up => {
                    tokio::time::sleep(ASK_AGAIN).await;
                }
                StatusCode::TOO_MANY_REQUESTS if Instant::now() < give_up => {
                    let wait = reply.retry_after().context("429 without Retry-After")?;
                    tokio::time::sleep(Duration::from_secs(wait)).await;
                }
                _ => return Err(reply.expect(200).expect_err("it is not 200")),
            }
        }
    }

    /// Starts playback with a token, or without.
    ///
    /// # Errors
    /// As [`Player::open`].
    pub async fn open(&self, token: Option<&str>) -> Result<Player, PlayError> {
        let Channel {
            playback_url,
            origin,
            ..
        } = &self.channel;
        Player::open(self.http.clone(), playback_url, token, origin).await
    }

    /// Plays until the quiz is over, answering what is asked.
    ///
    /// # Errors
    /// When the video breaks, an answer is not accepted, or the quiz is not over at `give_up`.
    pub async fn watch(
        &self,
        mut player: Player,
        give_up: Instant,
        happenings: UnboundedSender<Happening>,
    ) -> anyhow::Result<Experience> {
        let tell = |happening| {
            // The narration may have ended; the viewer goes on.
            let _ = happenings.send(happening);
        };
        let mut seen = Experience {
            name: self.name.clone(),
            ..Experience::default()
        };
        let mut answering = Vec::new();
        let mut run = None;
        while seen.leaderboard.is_none() && !seen.cancelled {
            anyhow::ensure!(
                Instant::now() < give_up,
                "{}: the quiz did not end in time",
                self.name
            );
            let was_playing = player.segments > 0;
            for cue in player.advance().await? {
                let text: Value = serde_json::from_str(&cue.text).context("a cue is JSON")?;
                let question = text["type"] == "question";
                if seen.cues.is_empty() && !question {
                    continue; // the end of an earlier quiz, still in the window
                }
                if seen.cues.iter().any(|before| before.text == cue.text) {
                    continue; // pushed again by a retry
                }
                tell(Happening::Cue(
                    text["type"].as_str().unwrap_or_default().to_owned(),
                ));
                seen.cues.push(cue);
                if question {
                    answering.push(self.answer(&text, &happenings)?);
                    run = Some(run_of(&text)?);
                } else {
                    seen.take(&text)?;
                }
            }
            if !was_playing && player.segments > 0 {
                tell(Happening::Playing);
            }
            tokio::time::sleep(POLL).await;
        }
        for answer in answering {
            seen.answers.push(answer.await??);
        }
        if let Some(run) = run.filter(|_| !seen.cancelled) {
            let reply = self.api.leaderboard(&run).await?.expect(200)?;
            seen.own = place(&reply);
        }
        (seen.segments, seen.missed) = (player.segments, player.missed);
        Ok(seen)
    }

    /// Thinks and answers while the video goes on.
    fn answer(
        &self,
        cue: &Value,
        happenings: &UnboundedSender<Happening>,
    ) -> anyhow::Result<JoinHandle<anyhow::Result<Answered>>> {
        let run = run_of(cue)?;
        let question_id = text(cue, "questionId")?;
        let number = cue["n"].as_u64().context("a question's number")?;
        let index = usize::try_from(number)? - 1;
        let (choice, thought) = *self.script.get(index).context("a question too many")?;
        let (api, happenings) = (self.api.clone(), happenings.clone());
        Ok(tokio::spawn(async move {
            tokio::time::sleep(thought).await;
            let accepted = insist(&api, &run, &question_id, choice).await?;
            let _ = happenings.send(Happening::Answered);
            let received_at = accepted["receivedAt"]
                .as_str()
                .context("receivedAt")?
                .parse()?;
            Ok(Answered {
                question_id,
                index,
                choice,
                received_at,
            })
        }))
    }
}

fn run_of(cue: &Value) -> anyhow::Result<RunPath> {
    Ok(RunPath {
        quiz_id: text(cue, "quizId")?,
        run_id: text(cue, "runId")?,
    })
}

fn text(cue: &Value, name: &str) -> anyhow::Result<String> {
    let text = cue[name].as_str().map(str::to_owned);
    text.with_context(|| format!("a question has a {name}"))
}

/// The viewer's own place in an answer of the API; none when it says that they have none.
fn place(leaderboard: &Value) -> Option<Place> {
    Some(Place {
        rank: leaderboard["you"]["rank"].as_u64()?,
        points: leaderboard["you"]["points"].as_u64()?,
        players: leaderboard["players"].as_u64()?,
    })
}

/// Sends an answer as an app does: again, as long as it is unknown whether it arrived. It was taken
/// the first time or a later one, or it was refused.
async fn insist(api: &Api, run: &RunPath, question_id: &str, choice: u32) -> anyhow::Result<Value> {
    for _ in 0..SEND_AGAIN {
        match api.answer(run, question_id, choice).await {
            Ok(reply) if reply.status.is_success() => return Ok(reply.body),
            Ok(reply) if !reply.status.is_server_error() => return reply.expect(201),
            Ok(_) | Err(_) => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
    api.answer(run, question_id, choice).await?.expect(200)
}

impl Experience {
    fn take(&mut self, cue: &Value) -> anyhow::Result<()> {
        match cue["type"].as_str() {
            Some("results") => {
                let question = cue["questionId"].as_str().context("questionId")?.to_owned();
                let counts = serde_json::from_value(cue["counts"].clone())?;
                let other = self.results.insert(question, counts).is_some();
                anyhow::ensure!(!other, "other results for the same question: {cue}");
            }
            Some("leaderboard") => {
                self.leaderboard = Some(serde_json::from_value(cue["top"].clone())?);
            }
            Some("cancelled") => self.cancelled = true,
            _ => anyhow::bail!("an unknown cue: {cue}"),
        }
        Ok(())
    }
}
