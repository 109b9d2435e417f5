//! Chaos: thousands of answers while everything fails that may, and a ledger that knows better.
//!
//! Questions are opened and tallied task by task, without a video. Meanwhile viewers answer over the
//! HTTP API, and the functions are killed, their calls refused, lost or late, and the stream is
//! delivered again in other pieces. In the end the tallies must be what the viewers were told:
//! [`ledger`] knows. Whatever is random comes from the seed: [`crowd`] draws what viewers do, and
//! [`trouble`] what fails. [`question`] and [`stream`] call the functions, [`identities`] makes the
//! viewers, [`recordings`] hears what is recorded, [`report`] judges.

pub mod crowd;
pub mod identities;
pub mod ledger;
pub mod question;
pub mod recordings;
pub mod report;
pub mod stream;
pub mod trouble;

use std::time::Duration;

use anyhow::ensure;
use fastrand::Rng;
use stage::{Faults, Stack};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::api::{Api, RunPath};
use crowd::{Part, Viewer};
use identities::Mint;
use ledger::Ledger;
use question::{Functions, Question};
use recordings::Recordings;
use report::{Report, Verdict};
use trouble::Trouble;

/// How long a question takes, from its opening to its tally, in seconds.
pub const QUESTION_SECONDS: u64 = 30;
/// How long viewers have for it, in seconds; the latency allowance comes on top.
const ANSWERING_SECONDS: u32 = 20;
/// How many shards the answers of a question are spread over at most.
const SHARDS: u32 = 4;
/// How long the stream may take to drain when nothing fails any more.
const DRAINED_WITHIN: Duration = Duration::from_secs(120);
/// How long it may take until all answers are recorded, while that still fails.
const RECORDED_WITHIN: Duration = Duration::from_secs(120);

/// What is done.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// What everything random is drawn from.
    pub seed: u64,
    /// How long questions are asked.
    pub seconds: u64,
    /// How many viewers answer each.
    pub viewers: usize,
}

/// A question that was asked, answered and tallied.
pub struct Round {
    /// The question.
    pub question: Question,
    /// What each viewer did.
    pub parts: Vec<Part>,
    /// What they were told.
    pub ledger: Ledger,
    /// The final tally.
    pub counts: Vec<u64>,
}

/// The deployed system, and who answers.
pub struct Scene {
    /// The description of the stack.
    pub stack: Stack,
    /// Makes calls fail.
    pub faults: Faults,
    /// Calls functions.
    pub functions: Functions,
    /// The API for someone who is not signed in.
    pub api: Api,
    /// Who answers.
    pub crowd: Vec<Viewer>,
}

impl Scene {
    /// So many viewers of the stack, drawn from `random`.
    ///
    /// # Errors
    /// When the cloud has no fault proxy, or no viewers can be made.
    pub async fn set(stack: Stack, viewers: usize, random: &mut Rng) -> anyhow::Result<Self> {
        let mint = Mint::of(&stack).await?;
        let api = Api::new(stack.http_client()?, &stack.outputs.api_url);
        Ok(Self {
            faults: Faults::new(&stack)?,
            functions: Functions::of(&stack).await,
            crowd: crowd::gather(&mint, &api, viewers, random)?,
            api,
            stack,
        })
    }

    /// A run that nobody else has.
    pub fn new_run() -> RunPath {
        RunPath {
            quiz_id: Uuid::new_v4().to_string(),
            run_id: Uuid::new_v4().to_string(),
        }
    }

    /// Lets the crowd answer a question and tallies it.
    ///
    /// # Errors
    /// When it cannot be tallied.
    pub async fn play(&self, question: &Question, parts: Vec<Part>) -> anyhow::Result<Round> {
        // It is tallied when its time has come, whoever is still being told.
        let answers = crowd::answer(&self.crowd, &parts, question);
        let (ledger, counts) = tokio::join!(answers, self.functions.tally(question));
        Ok(Round {
            counts: counts?,
            question: question.clone(),
            parts,
            ledger,
        })
    }

    /// Compares a round's tally with what its viewers were told, when nothing fails any more.
    ///
    /// # Errors
    /// As [`Scene::settle`], [`Scene::drain`] and [`Scene::verdict`].
    pub async fn judge(&self, mut round: Round) -> anyhow::Result<Verdict> {
        self.settle(&mut round).await?;
        self.drain().await?;
        self.verdict(&round).await
    }

    /// Tells everyone who was not told, when nothing fails any more.
    ///
    /// # Errors
    /// When a viewer cannot be told.
    pub async fn settle(&self, round: &mut Round) -> anyhow::Result<()> {
        let (question, ledger) = (&round.question, &mut round.ledger);
        crowd::settle(&self.crowd, &round.parts, question, ledger).await
    }

    /// Waits until the stream has drained: a last answer, in a run of its own, is counted. The local
    /// cloud delivers one after the other.
    ///
    /// # Errors
    /// When that takes too long, or the last answer cannot be given.
    pub async fn drain(&self) -> anyhow::Result<()> {
        let run = Scene::new_run();
        let rules = (question::SECONDS, 1);
        let last = self.functions.open(&run, "last", rules).await?;
        let some = self.crowd.get(..1).unwrap_or_default();
        let given = crowd::answer(some, &[Part::plain(0)], &last).await;
        ensure!(given.acknowledged() == 1, "the last answer is not taken");
        let give_up = Instant::now() + DRAINED_WITHIN;
        while self.live(&last).await?.iter().sum::<u64>() == 0 {
            ensure!(Instant::now() < give_up, "the stream does not drain");
            sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// The verdict on a round whose viewers were all told, when the stream has drained.
    ///
    /// # Errors
    /// When the results cannot be read.
    pub async fn verdict(&self, round: &Round) -> anyhow::Result<Verdict> {
        let live = self.live(&round.question).await?;
        Ok(Verdict::new(round, &live))
    }

    /// The live tally as it is, as soon as it can be read.
    async fn live(&self, question: &Question) -> anyhow::Result<Vec<u64>> {
        let viewer = self.crowd.first().map_or(&self.api, Viewer::api);
        let give_up = Instant::now() + DRAINED_WITHIN;
        loop {
            let reply = viewer.results(&question.run, &question.id).await?;
            if !reply.status.is_server_error() || Instant::now() > give_up {
                return Ok(serde_json::from_value(reply.expect(200)?["live"].clone())?);
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Asks questions while things fail, and judges.
///
/// # Errors
/// When the cloud cannot be used at all. What it does wrong is in the report.
pub async fn run(stack: Stack, plan: &Plan, narrate: &dyn Fn(String)) -> anyhow::Result<Report> {
    let mut random = Rng::with_seed(plan.seed);
    let scene = Scene::set(stack, plan.viewers, &mut random).await?;
    narrate(format!("{} viewers are there", scene.crowd.len()));
    let mut recordings = Recordings::listen(&scene.stack).await?;
    let report = go_through(&scene, plan, &mut random, &mut recordings, narrate).await;
    let ended = recordings.end().await;
    let mut report = report?;
    if let Err(error) = ended {
        report.problem(format!("cannot stop listening: {error:#}"));
    }
    Ok(report)
}

async fn go_through(
    scene: &Scene,
    plan: &Plan,
    random: &mut Rng,
    recordings: &mut Recordings,
    narrate: &dyn Fn(String),
) -> anyhow::Result<Report> {
    let questions = (plan.seconds / QUESTION_SECONDS).max(1);
    let mut report = Report::new(plan);
    let mut asked = Vec::new();
    for number in 1..=questions {
        // Each question draws from a generator of its own, so that none depends on how another went.
        let mut random = random.fork();
        match ask(scene, (number, questions), &mut random, narrate).await {
            Ok(done) => asked.push(done),
            Err(error) => report.problem(format!("question {number}: {error:#}")),
        }
    }
    narrate("nothing more is asked; waiting until the answers are recorded".to_owned());
    recordings.settle(RECORDED_WITHIN).await?;
    let mut rounds = Vec::new();
    for (round, trouble) in asked {
        let (happened, problems) = trouble.end().await?;
        report.count(happened);
        report.problems.extend(problems);
        rounds.push(round);
    }
    narrate("nothing fails any more; waiting until the stream has drained".to_owned());
    for round in &mut rounds {
        if let Err(error) = scene.settle(round).await {
            report.problem(format!("{error:#}"));
        }
    }
    if let Err(error) = scene.drain().await {
        report.problem(format!("{error:#}"));
    }
    let left = recordings.settle(RECORDED_WITHIN).await?;
    if left > 0 {
        report.problem(format!("{left} orders to record are not carried out"));
    }
    for round in &rounds {
        report.add(scene.verdict(round).await?);
        let recorded = recordings.compare(&round.question.run.run_id, &round.ledger)?;
        report.problems.extend(recorded);
    }
    report.ask_for_trouble();
    Ok(report)
}

/// Asks one question while things fail. They go on failing afterwards, when its answers are counted
/// and recorded.
async fn ask(
    scene: &Scene,
    (number, of): (u64, u64),
    random: &mut Rng,
    narrate: &dyn Fn(String),
) -> anyhow::Result<(Round, Trouble)> {
    let crowd = scene.crowd.iter();
    let parts: Vec<_> = crowd.map(|_| Part::draw(random)).collect();
    let rules = (ANSWERING_SECONDS, random.u32(1..=SHARDS));
    let id = format!("q{number}");
    let question = scene.functions.open(&Scene::new_run(), &id, rules).await?;
    let trouble = Trouble::make(scene, &question, random).await?;
    narrate(format!("question {number} of {of}: {}", trouble.what()));
    let round = trouble
        .meanwhile(scene, &question, scene.play(&question, parts))
        .await?;
    narrate(format!(
        "question {number}: {} acknowledged, {} tallied",
        round.ledger.acknowledged(),
        round.counts.iter().sum::<u64>()
    ));
    Ok((round, trouble))
}
