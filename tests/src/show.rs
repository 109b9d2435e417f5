//! A whole show: people become entitled, watch, answer a scheduled quiz, and see its results.

use std::time::Duration;

use anyhow::Context;
use futures::{StreamExt, TryStreamExt, future, stream};
use jiff::{Timestamp, ToSpan};
use reqwest::StatusCode;
use serde_json::json;
use stage::Stack;
use tokio::{
    sync::mpsc::{self, UnboundedReceiver},
    task::JoinHandle,
    time::Instant,
};
use uuid::Uuid;

use crate::{
    api::{Api, RunPath},
    audience::{self, Audience},
    backstage, comparison,
    player::{PlayError, Player},
    questions,
    report::{Latency, Report, Viewers},
    viewer::{Happening, Viewer},
};

/// How many viewers ask for something at the same time.
const AT_ONCE: usize = 8;
/// The pause between two questions, in seconds.
const PAUSE: u32 = 2;
/// How long after the producer's call the quiz starts, in seconds.
const LEAD: i64 = 3;
/// How long after the last cue the run may take to end.
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// What kind of show it is to be.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many people come; four in five of them are entitled.
    pub viewers: usize,
    /// How many questions are asked.
    pub questions: usize,
    /// How long each may be answered, in seconds.
    pub seconds: u32,
    /// Decides who chooses what, and when.
    pub seed: u64,
}

impl Plan {
    /// How many of the viewers are entitled.
    pub fn entitled(&self) -> usize {
        self.viewers * 4 / 5
    }

    /// By when the quiz must be over, from its start: generous, since machines are slow at times.
    fn at_most(&self) -> Duration {
        Duration::from_secs(60)
            + Duration::from_secs(u64::from(self.seconds) + 30) * self.questions as u32
    }
}

/// Tells the user what happens, as it happens.
pub type Narrate<'a> = &'a dyn Fn(String);

/// Runs a show on a deployed stack and judges it.
///
/// # Errors
/// When something fails that leaves no report to make. A wrong number is no error: the report's
/// status says it.
pub async fn run(stack: &Stack, plan: &Plan, narrate: Narrate<'_>) -> anyhow::Result<Report> {
    let began = Instant::now();
    let scripts = audience::scripts(plan.seed, plan.entitled(), plan.questions);
    let Audience { entitled, others } =
        audience::gather(stack, &scripts, plan.viewers - plan.entitled()).await?;
    narrate(format!(
        "{} viewers signed in through Cognito",
        plan.viewers
    ));

    let channel_id = stack.channel.channel_id.as_str();
    let tickets: Vec<_> = entitled
        .iter()
        .map(|(person, _)| (person, channel_id))
        .collect();
    audience::entitle(stack, &tickets).await?;
    narrate(format!(
        "the ticket office put {} user-entitled events on the bus",
        tickets.len()
    ));
    let tokens = admit(&entitled).await?;
    narrate(format!("{} viewers got a playback token", tokens.len()));
    let refused = turn_away(&others, &tokens[0]).await?;
    narrate(format!(
        "{} without a ticket were refused a token, {} the video (without a token, and with a forged one)",
        refused.token, refused.video
    ));
    let players = open(&entitled, &tokens).await?;

    let (happenings, told) = mpsc::unbounded_channel();
    let give_up = Instant::now() + plan.at_most();
    let watching: Vec<JoinHandle<_>> = entitled
        .iter()
        .zip(players)
        .map(|((_, viewer), player)| {
            let (viewer, happenings) = (viewer.clone(), happenings.clone());
            tokio::spawn(async move { viewer.watch(player, give_up, happenings).await })
        })
        .collect();
    drop(happenings);

    let (producer, run) = schedule(stack, plan).await?;
    narrate(format!(
        "the producer scheduled a quiz of {} questions; it starts in {LEAD} s",
        plan.questions
    ));
    let (experiences, ()) = future::join(
        future::join_all(watching),
        relay(told, entitled.len(), narrate),
    )
    .await;
    let mut problems = Vec::new();
    let mut watched = Vec::new();
    for experience in experiences {
        match experience? {
            Ok(experience) => watched.push(experience),
            Err(error) => {
                narrate(format!("a viewer left: {error:#}"));
                problems.push(format!("a viewer left: {error:#}"));
            }
        }
    }

    let completed = finished(&producer, &run).await?;
    narrate(format!(
        "the quiz is {completed}; comparing what everyone saw"
    ));
    let saga = backstage::saga(stack, &run.run_id).await?;
    let questions = comparison::tallies(&producer, &run, &scripts, &watched).await?;
    problems.extend(comparison::disagreements(&watched));
    problems.extend(comparison::misplaced(&watched, &saga));
    Ok(Report {
        status: "",
        viewers: Viewers {
            total: plan.viewers,
            entitled: entitled.len(),
            played: watched
                .iter()
                .filter(|one| one.answers.len() == plan.questions)
                .count(),
            refused_token: refused.token,
            refused_video: refused.video,
        },
        leaderboard: comparison::leaderboard(&watched, &saga),
        cue_latency_ms: Latency::of(comparison::latencies(&watched, &saga, &mut problems)),
        questions,
        saga: saga.states,
        dead_letters: backstage::dead_letters(stack).await?,
        seconds: began.elapsed().as_secs_f64(),
        problems,
    }
    .judged())
}

/// A playback token for everyone who is entitled.
async fn admit(entitled: &[(stage::Person, Viewer)]) -> anyhow::Result<Vec<String>> {
    stream::iter(entitled)
        .map(|(_, viewer)| async move {
            let reply = viewer.token().await?;
            let token = reply.body["token"].as_str();
            token.map(str::to_owned).context("the answer has a token")
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// The video for everyone who has a token.
async fn open(
    entitled: &[(stage::Person, Viewer)],
    tokens: &[String],
) -> anyhow::Result<Vec<Player>> {
    stream::iter(entitled.iter().zip(tokens))
        .map(|((_, viewer), token)| async move { Ok(viewer.open(Some(token)).await?) })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// How many were refused.
struct Refused {
    token: usize,
    video: usize,
}

/// Everyone else tries all the same: for a token, without one, and with someone else's whose
/// signature they had to change.
async fn turn_away(others: &[(stage::Person, Viewer)], genuine: &str) -> anyhow::Result<Refused> {
    let forged = forged(genuine);
    let mut refused = Refused { token: 0, video: 0 };
    for (_, viewer) in others {
        let reply = viewer
            .api
            .playback_token(&viewer.channel.channel_id)
            .await?;
        refused.token += usize::from(reply.status == StatusCode::FORBIDDEN);
        let attempts = [viewer.open(None).await, viewer.open(Some(&forged)).await];
        let all = attempts.iter().all(|attempt| {
            matches!(attempt, Err(PlayError::Refused(status)) if *status == StatusCode::FORBIDDEN)
        });
        refused.video += usize::from(all);
    }
    Ok(refused)
}

/// A signed token with one character of its signature changed.
pub fn forged(token: &str) -> String {
    let place = token.len() - 20;
    let other = if token[place..].starts_with('A') {
        "B"
    } else {
        "A"
    };
    format!("{}{other}{}", &token[..place], &token[place + 1..])
}

/// Makes a producer, who writes the quiz and schedules it.
async fn schedule(stack: &Stack, plan: &Plan) -> anyhow::Result<(Api, RunPath)> {
    let api = Api::new(stack.http_client()?, &stack.outputs.api_url);
    let tag = &Uuid::new_v4().simple().to_string()[..8];
    let username = format!("producer-{tag}@example.com");
    let (_, producer) = audience::person(stack, &api, &username, "Producer", true).await?;
    let quiz = questions::quiz(plan.questions, plan.seconds);
    let quiz = producer.create_quiz(&quiz).await?.expect(201)?;
    let quiz_id = quiz["quizId"].as_str().context("quizId")?.to_owned();
    let starts_at = Timestamp::now() + LEAD.seconds();
    let run = json!({
        "channelId": stack.channel.channel_id,
        "startsAt": starts_at.to_string(),
        "expectedAudience": 10_000,
        "pauseSeconds": PAUSE,
    });
    let run = producer.schedule(&quiz_id, &run).await?.expect(201)?;
    let run_id = run["runId"].as_str().context("runId")?.to_owned();
    Ok((producer, RunPath { quiz_id, run_id }))
}

/// Narrates what reaches the viewers, once for all of them.
async fn relay(mut told: UnboundedReceiver<Happening>, viewers: usize, narrate: Narrate<'_>) {
    let (mut playing, mut answers, mut question, mut cues) = (0, 0, 0, 0);
    while let Some(happening) = told.recv().await {
        match happening {
            Happening::Playing => {
                playing += 1;
                if playing == viewers {
                    narrate(format!("the picture moves for all {viewers} of them"));
                }
            }
            Happening::Cue(kind) => {
                if cues % viewers == 0 && kind == "question" {
                    (question, answers) = (question + 1, 0);
                    narrate(format!("question {question} pops up in the video"));
                }
                cues += 1;
                if cues % viewers == 0 && kind != "question" {
                    narrate(format!("all viewers read the {kind} out of the video"));
                }
            }
            Happening::Answered => {
                answers += 1;
                if answers == viewers {
                    narrate(format!(
                        "{answers} answers to question {question} were accepted"
                    ));
                }
            }
        }
    }
}

/// How the run ended, once it has.
async fn finished(producer: &Api, run: &RunPath) -> anyhow::Result<String> {
    let give_up = Instant::now() + ENDS_WITHIN;
    loop {
        let body = producer.run(run).await?.expect(200)?;
        let status = body["status"].as_str().unwrap_or_default().to_owned();
        let over = ["completed", "aborted", "cancelled"].contains(&status.as_str());
        if over || Instant::now() > give_up {
            return Ok(status);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
