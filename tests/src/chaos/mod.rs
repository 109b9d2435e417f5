//! Chaos: thousands of answers while everything fails that may, and a ledger that knows better.
//!
//! Questions are opened and tallied task by task, without a video. Meanwhile viewers answer over the
//! HTTP API, and the functions are killed, their calls refused, lost or late, and the stream is
//! delivered again in other pieces. In the end the tallies must be what the viewers were told:
//! [`ledger`] knows. Whatever is random comes from the seed: [`crowd`] draws what viewers do, and
//! [`trouble`] what fails. [`question`] and [`stream`] call the functions, [`identities`] makes the
//! viewers, [`report`] judges.

pub mod crowd;
pub mod identities;
pub mod ledger;
pub mod question;
pub mod report;
pub mod stream;
pub mod trouble;

use std::time::Duration;

use fastrand::Rng;
use stage::{Faults, Stack};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::api::{Api, RunPath};
use crowd::{Part, Viewer};
use identities::Mint;
use ledger::Ledger;
use question::{Functions, Question};
use report::{Report, Verdict};
use trouble::Trouble;

/// How long a question takes, from its opening to its tally, in seconds.
pub const QUESTION_SECONDS: u64 = 20;
/// How long viewers have for it, in seconds; the latency allowance comes on top.
const ANSWERING_SECONDS: u32 = 10;
/// How many shards the answers of a question are spread over at most.
const SHARDS: u32 = 4;
/// How long the stream may take to drain when nothing fails any more.
const DRAINED_WITHIN: Duration = Duration::from_secs(120);

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
        let ledger = crowd::answer(&self.crowd, &parts, question).await;
        Ok(Round {
            counts: self.functions.tally(question).await?,
            question: question.clone(),
            parts,
            ledger,
        })
    }

    /// Compares a round's tally with what its viewers were told, when nothing fails any more.
    ///
    /// # Errors
    /// When a viewer cannot be told, or the results cannot be read.
    pub async fn judge(&self, mut round: Round) -> anyhow::Result<Verdict> {
        let (question, ledger) = (&round.question, &mut round.ledger);
        crowd::settle(&self.crowd, &round.parts, question, ledger).await?;
        let live = self.live(question, &round.counts).await?;
        Ok(Verdict::new(&round, &live))
    }

    /// The live tally as soon as it is the final one, or else as it is in the end.
    async fn live(&self, question: &Question, counts: &[u64]) -> anyhow::Result<Vec<u64>> {
        let viewer = self.crowd.first().map_or(&self.api, Viewer::api);
        let give_up = Instant::now() + DRAINED_WITHIN;
        loop {
            let reply = viewer.results(&question.run, &question.id).await?;
            let live = serde_json::from_value(reply.body["live"].clone());
            match live {
                Ok(live) if live == counts || Instant::now() > give_up => return Ok(live),
                Err(error) if Instant::now() > give_up => return Err(error.into()),
                _ => sleep(Duration::from_millis(300)).await,
            }
        }
    }
}

/// Asks questions while things fail, and judges.
///
/// # Errors
/// When the cloud cannot be used at all, or a task of the saga fails for good.
pub async fn run(stack: Stack, plan: &Plan, narrate: &dyn Fn(String)) -> anyhow::Result<Report> {
    let mut random = Rng::with_seed(plan.seed);
    let scene = Scene::set(stack, plan.viewers, &mut random).await?;
    narrate(format!("{} viewers are there", scene.crowd.len()));
    let questions = (plan.seconds / QUESTION_SECONDS).max(1);
    let mut report = Report::new(plan);
    let mut rounds = Vec::new();
    for number in 1..=questions {
        // Each question draws from a generator of its own, so that none depends on how another went.
        let mut random = random.fork();
        let parts: Vec<_> = scene
            .crowd
            .iter()
            .map(|_| Part::draw(&mut random))
            .collect();
        let shards = random.u32(1..=SHARDS);
        let run = Scene::new_run();
        let id = format!("q{number}");
        let question = scene
            .functions
            .open(&run, &id, (ANSWERING_SECONDS, shards))
            .await?;
        let trouble = Trouble::make(&scene, &question, &mut random).await?;
        narrate(format!(
            "question {number} of {questions}: {}",
            trouble.what()
        ));
        let played = trouble
            .meanwhile(&scene, &question, scene.play(&question, parts))
            .await;
        report.count(trouble.end().await?);
        let round = played?;
        narrate(format!(
            "question {number}: {} acknowledged, {} tallied",
            round.ledger.acknowledged(),
            round.counts.iter().sum::<u64>()
        ));
        rounds.push(round);
    }
    narrate("nothing fails any more; waiting until the stream has drained".to_owned());
    for round in rounds {
        report.add(scene.judge(round).await?);
    }
    Ok(report)
}
