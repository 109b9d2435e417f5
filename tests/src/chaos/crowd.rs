//! Viewers who answer, each in a way of their own, and do not give up when something fails.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use fastrand::Rng;
use futures::future;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::{sync::Semaphore, time::sleep};

use crate::{
    api::{self, Api, Reply},
    chaos::{
        identities::Mint,
        ledger::{Ledger, Said},
        question::{OPTIONS, Question, until},
    },
};

/// How long a viewer goes on after the question has closed.
const PERSISTENCE: SignedDuration = SignedDuration::from_millis(2_500);
/// How many requests are under way at once: the emulator starts a process for each.
const AT_ONCE: usize = 24;
/// What the last moment of a question is, and the first after it.
pub const MOMENT: Duration = Duration::from_millis(400);
/// How far the functions' clocks may be ahead of this one, and a little more: who is told before that
/// a question is closed was turned away in time.
const CLOCKS_APART: SignedDuration = SignedDuration::from_millis(1_200);

/// What a viewer does besides answering once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Nothing.
    Plain,
    /// Sends the same again.
    Repeats,
    /// Sends another option afterwards.
    ChangesMind,
    /// Sends an option that there is not, before.
    Misses,
    /// Hangs up on the first request after so long, and sends it again.
    HangsUp(Duration),
}

/// What a viewer does about one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The option.
    pub choice: u32,
    /// When.
    pub when: When,
    /// How.
    pub habit: Habit,
}

/// When an answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At this part of the window, in thousandths.
    Within(u32),
    /// So long before it closes.
    Before(Duration),
    /// So long after it has closed.
    After(Duration),
}

impl Part {
    /// Draws what a viewer does: most answer at any time, some in the last moment or too late.
    pub fn draw(random: &mut Rng) -> Self {
        let moment = Duration::from_millis(random.u64(0..MOMENT.as_millis() as u64));
        let when = match random.u32(0..100) {
            0..85 => When::Within(random.u32(0..900)),
            85..95 => When::Before(moment),
            _ => When::After(moment),
        };
        let habit = match random.u32(0..100) {
            0..50 => Habit::Plain,
            50..65 => Habit::Repeats,
            65..80 => Habit::ChangesMind,
            80..90 => Habit::Misses,
            _ => Habit::HangsUp(Duration::from_millis(random.u64(5..80))),
        };
        Self {
            choice: random.u32(0..OPTIONS),
            when,
            habit,
        }
    }

    /// An answer at once, without any habit.
    pub fn plain(choice: u32) -> Self {
        Self {
            choice,
            when: When::Within(0),
            habit: Habit::Plain,
        }
    }

    fn at(&self, question: &Question) -> Timestamp {
        let length = question.closes_at.duration_since(question.opened_at);
        match self.when {
            When::Within(part) => question.opened_at + length * part as i32 / 1_000,
            When::Before(time) => question.closes_at - time,
            When::After(time) => question.closes_at + time,
        }
    }
}

/// One viewer.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// Their id.
    pub id: String,
    api: Api,
    /// The crowd's share of the machine.
    share: Arc<Semaphore>,
}

/// Makes so many viewers; their names come from the seed of `random`.
///
/// # Errors
/// When their tokens cannot be signed.
pub fn gather(
    mint: &Mint,
    api: &Api,
    size: usize,
    random: &mut Rng,
) -> anyhow::Result<Vec<Viewer>> {
    let share = Arc::new(Semaphore::new(AT_ONCE));
    (0..size)
        .map(|number| {
            let id = uuid::Builder::from_random_bytes(random.u128(..).to_be_bytes());
            let id = id.into_uuid().to_string();
            let token = mint.token(&id, &format!("Viewer {number}"))?;
            Ok(Viewer {
                id,
                api: api.signed_in(token),
                share: share.clone(),
            })
        })
        .collect()
}

/// Lets everyone play their part, and returns what they were told.
pub async fn answer(crowd: &[Viewer], parts: &[Part], question: &Question) -> Ledger {
    let ledger = Mutex::new(Ledger::default());
    let plays = crowd.iter().zip(parts).map(|(viewer, part)| {
        let play = Play {
            viewer,
            question,
            ledger: &ledger,
        };
        async move { play.play(part).await }
    });
    future::join_all(plays).await;
    ledger
        .into_inner()
        .unwrap_or_else(|error| error.into_inner())
}

/// Asks again for everyone who was not told, when the question has been tallied and nothing fails any
/// more: the same answer is accepted if it had been kept, and too late if not.
///
/// # Errors
/// Names who cannot be told.
pub async fn settle(
    crowd: &[Viewer],
    parts: &[Part],
    question: &Question,
    ledger: &mut Ledger,
) -> anyhow::Result<()> {
    for (viewer, part) in crowd.iter().zip(parts) {
        for _ in 0..50 {
            if ledger.knows(&viewer.id) {
                break;
            }
            match viewer.send(question, part.choice, None, |_| ()).await {
                Said::TooLate => ledger.note_none(&viewer.id),
                Said::Nothing => sleep(Duration::from_millis(200)).await,
                said => ledger.note(&viewer.id, part.choice, said),
            }
        }
        anyhow::ensure!(ledger.knows(&viewer.id), "a viewer is never told");
    }
    Ok(())
}

impl Viewer {
    /// The API as they see it.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Sends once; hangs up after so long, if that is said. `sends` hears when it is sent.
    async fn send(
        &self,
        question: &Question,
        choice: u32,
        hang_up: Option<Duration>,
        sends: impl FnOnce(Timestamp),
    ) -> Said {
        let path = format!("{}/questions/{}/answers", question.run, question.id);
        let Ok(_permit) = self.share.acquire().await else {
            return Said::Nothing;
        };
        let mut request = self.api.request(Method::POST, &path);
        if let Some(after) = hang_up {
            request = request.timeout(after);
        }
        sends(Timestamp::now());
        match api::receive(request.json(&json!({ "choice": choice }))).await {
            Ok(reply) => match said(&reply) {
                Said::TooLate if Timestamp::now() + CLOCKS_APART < question.closes_at => {
                    Said::Unexpected(reply.status.as_u16())
                }
                said => said,
            },
            Err(_) => Said::Nothing,
        }
    }
}

/// A viewer at a question.
struct Play<'a> {
    viewer: &'a Viewer,
    question: &'a Question,
    ledger: &'a Mutex<Ledger>,
}

impl Play<'_> {
    async fn play(&self, part: &Part) {
        until(part.at(self.question)).await;
        if part.habit == Habit::Misses {
            let said = self.send(OPTIONS, None).await;
            // That it is not accepted is never unknown. Too late is said before it is looked at.
            if !matches!(said, Said::Nothing | Said::TooLate) {
                self.note(OPTIONS, said);
            }
        }
        if let Habit::HangsUp(after) = part.habit {
            self.note(part.choice, self.send(part.choice, Some(after)).await);
        }
        let said = self.persist(part.choice).await;
        let other = (part.choice + 1) % OPTIONS;
        match part.habit {
            Habit::Repeats => self.note(part.choice, self.send(part.choice, None).await),
            // Only once the first is known to count: else the second might.
            Habit::ChangesMind if matches!(said, Said::Accepted(_)) => {
                self.note(other, self.send(other, None).await);
            }
            _ => {}
        }
    }

    /// Sends until it is told, or the question is over for a while.
    async fn persist(&self, choice: u32) -> Said {
        let mut pause = Duration::from_millis(60);
        loop {
            let said = self.send(choice, None).await;
            self.note(choice, said);
            let over = Timestamp::now() > self.question.closes_at + PERSISTENCE;
            if said != Said::Nothing || over {
                return said;
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(800));
        }
    }

    async fn send(&self, choice: u32, hang_up: Option<Duration>) -> Said {
        let sends = |at| self.ledger().note_sent(&self.viewer.id, at);
        let (viewer, question) = (self.viewer, self.question);
        viewer.send(question, choice, hang_up, sends).await
    }

    fn note(&self, choice: u32, said: Said) {
        self.ledger().note(&self.viewer.id, choice, said);
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        let ledger = self.ledger.lock();
        ledger.unwrap_or_else(|error| error.into_inner())
    }
}

/// What an answer of the API tells.
fn said(reply: &Reply) -> Said {
    let received_at = || reply.body["receivedAt"].as_str()?.parse().ok();
    match reply.status {
        StatusCode::OK | StatusCode::CREATED => received_at().map_or(Said::Nothing, Said::Accepted),
        StatusCode::CONFLICT if reply.problem() == "already-answered" => {
            let choice = reply.body["choice"].as_u64();
            choice.map_or(Said::Nothing, |choice| Said::Already(choice as u32))
        }
        StatusCode::GONE if reply.problem() == "window-closed" => Said::TooLate,
        StatusCode::UNPROCESSABLE_ENTITY => Said::NoSuchOption,
        // By the clock of another function the question may not be open yet.
        StatusCode::CONFLICT if reply.problem() == "window-not-open" => Said::Nothing,
        StatusCode::TOO_MANY_REQUESTS => Said::Nothing,
        status if status.is_server_error() => Said::Nothing,
        status => Said::Unexpected(status.as_u16()),
    }
}
