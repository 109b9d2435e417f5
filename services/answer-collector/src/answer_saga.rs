//! The function `answer-saga`: the tasks of the state machine `quiz-show` around an answer window.
//!
//! Each task may come again, and is answered alike, by the window of run and question: it opens,
//! closes and is tallied or voided once.

use cuepoint_shared::{
    clock::{Clock, whole_millis},
    ids::{QuizId, RunId},
};
use jiff::SignedDuration;
use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::Value;
use tracing::{info, warn};

use crate::{
    counting,
    keys::{QuestionKey, run_key},
    leaderboard::played_for,
    recording::RecordingQueue,
    store::{
        answers::AnswerStore,
        tallies::TallyStore,
        windows::{Opened, WindowStore},
    },
    task::{Answer, LastTallied, Task, TaskError, WindowWork, Work},
    window::{Refusal, Rules, Window, WindowStatus},
};

/// How often a change is tried anew when the window changes under it.
const ATTEMPTS: u32 = 3;

/// Does the saga's tasks.
#[derive(Debug, Clone)]
pub struct AnswerSagaHandler {
    /// When questions may be answered.
    pub windows: WindowStore,
    /// The answers.
    pub answers: AnswerStore,
    /// The live counts.
    pub tallies: TallyStore,
    /// Where it is ordered that a question's answers are recorded.
    pub recordings: RecordingQueue,
    /// What viewers get on top of a question's seconds, since the video reaches them late.
    pub latency_allowance: SignedDuration,
    /// How long after a window closes it is tallied; at least [`crate::window::LEAST_DRAIN`].
    pub drain: SignedDuration,
    /// The time.
    pub clock: Clock,
}

impl AnswerSagaHandler {
    /// Does one task.
    ///
    /// # Errors
    /// A [`Diagnostic`] with one of the error types of [`TaskError`].
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Answer, Diagnostic> {
        let task: Task = serde_json::from_value(event.payload).map_err(|error| {
            let error = TaskError::unreadable(&error);
            warn!(%error, "refused");
            error
        })?;
        let op = task.op();
        let work = task.work();
        let about = match &work {
            Work::Window(_, question) => question.to_string(),
            Work::Leaderboard(quiz_id, run_id) | Work::VoidRun(quiz_id, run_id) => {
                run_key(quiz_id, run_id)
            }
        };
        match self.perform(work).await {
            Ok(answer) => {
                info!(op, about, outcome = outcome(&answer), "done");
                Ok(answer)
            }
            Err(error) => {
                warn!(op, about, error_type = error.error_type(), %error, "failed");
                Err(error.into())
            }
        }
    }

    async fn perform(&self, work: Work) -> Result<Answer, TaskError> {
        match work {
            Work::Window(WindowWork::Open(rules), question) => self.open(&question, rules).await,
            Work::Window(WindowWork::Close, question) => self.close(&question).await,
            Work::Window(WindowWork::Tally, question) => self.tally(&question).await,
            Work::Leaderboard(quiz_id, run_id) => self.leaderboard(&quiz_id, &run_id).await,
            Work::VoidRun(quiz_id, run_id) => self.void_run(&quiz_id, &run_id).await,
        }
    }

    /// Opens a window, and before that has its answers recorded once they are settled: an order
    /// without a window does no harm, a window without an order would keep its answers from the bus.
    async fn open(&self, question: &QuestionKey, rules: Rules) -> Result<Answer, TaskError> {
        let now = whole_millis((self.clock)());
        let window = Window::open(
            question.question_id.clone(),
            rules.check()?,
            self.latency_allowance,
            self.drain,
            now,
        );
        self.recordings.order(question, &window).await?;
        let window = match self.windows.open(question, &window).await? {
            Opened::New => window,
            Opened::Before(before) if before.rules != rules => {
                let said = format!("question {question} has a window of other rules");
                return Err(TaskError::Conflict(said));
            }
            Opened::Before(before) if before.status == WindowStatus::Voided => {
                return Err(TaskError::refused(question, Refusal::Voided));
            }
            Opened::Before(before) => before,
        };
        let Window {
            opened_at,
            closes_at,
            tally_at,
            ..
        } = window;
        Ok(Answer::Opened {
            opened_at,
            closes_at,
            tally_at,
        })
    }

    async fn close(&self, question: &QuestionKey) -> Result<Answer, TaskError> {
        let now = (self.clock)();
        for _ in 0..ATTEMPTS {
            let window = self.window(question).await?;
            let closed = window
                .close(now)
                .map_err(|r| TaskError::refused(question, r))?;
            let done = match closed {
                None => true,
                Some(closed) => {
                    self.windows
                        .replace(question, window.status, &closed)
                        .await?
                }
            };
            if done {
                return Ok(Answer::Closed { status: "closed" });
            }
        }
        Err(contended(question))
    }

    async fn tally(&self, question: &QuestionKey) -> Result<Answer, TaskError> {
        for _ in 0..ATTEMPTS {
            let window = self.window(question).await?;
            let counted = window
                .tallied()
                .map_err(|r| TaskError::refused(question, r))?;
            let (counts, live) = match counted {
                Some(counts) => (counts.to_vec(), self.live(question, &window).await?),
                None => {
                    let (counts, live) = tokio::try_join!(
                        self.count(question, &window),
                        self.live(question, &window)
                    )?;
                    let tallied = window.with_counts(counts.clone());
                    if !self
                        .windows
                        .replace(question, window.status, &tallied)
                        .await?
                    {
                        continue;
                    }
                    (counts, live)
                }
            };
            return Ok(Answer::Tallied {
                accepted: counts.iter().sum(),
                correct: window.rules.correct,
                live_agrees: live == counts,
                counts,
                live,
            });
        }
        Err(contended(question))
    }

    /// Voids a window, unless it was tallied; returns it as it is then, if there is one.
    async fn void(&self, question: &QuestionKey) -> Result<Option<Window>, TaskError> {
        for _ in 0..ATTEMPTS {
            let Some(window) = self.windows.get(question).await? else {
                return Ok(None);
            };
            let Some(voided) = window.void() else {
                return Ok(Some(window));
            };
            if self
                .windows
                .replace(question, window.status, &voided)
                .await?
            {
                return Ok(Some(voided));
            }
        }
        Err(contended(question))
    }

    /// Voids what is neither tallied nor voided. Says all that is voided, so that a retry says the
    /// same as the attempt whose answer was lost.
    async fn void_run(&self, quiz_id: &QuizId, run_id: &RunId) -> Result<Answer, TaskError> {
        let mut windows = self.windows.of_run(quiz_id, run_id).await?;
        windows.sort_by_key(|window| window.opened_at);
        let (mut voided, mut last_tallied) = (Vec::new(), None);
        for Window { question_id, .. } in windows {
            let question = QuestionKey {
                quiz_id: quiz_id.clone(),
                run_id: run_id.clone(),
                question_id,
            };
            match self.void(&question).await? {
                Some(window) if window.status == WindowStatus::Voided => {
                    voided.push(question.question_id);
                }
                Some(window) => last_tallied = Some(LastTallied::of(window)),
                None => {}
            }
        }
        Ok(Answer::Voided {
            voided,
            last_tallied,
        })
    }

    async fn count(&self, question: &QuestionKey, window: &Window) -> Result<Vec<u64>, TaskError> {
        let Rules {
            shards, options, ..
        } = window.rules;
        Ok(counting::tally(&self.answers, question, shards, options).await?)
    }

    async fn live(&self, question: &QuestionKey, window: &Window) -> Result<Vec<u64>, TaskError> {
        Ok(self.tallies.live(question, window.rules.options).await?)
    }

    async fn leaderboard(&self, quiz_id: &QuizId, run_id: &RunId) -> Result<Answer, TaskError> {
        let windows = played_for(self.windows.of_run(quiz_id, run_id).await?);
        let shards = windows.first().map_or(0, |window| window.rules.shards);
        if windows.iter().any(|window| window.rules.shards != shards) {
            let said = format!("run {run_id} has questions of different shards");
            return Err(TaskError::Conflict(said));
        }
        let standings =
            counting::standings(&self.answers, quiz_id, run_id, &windows, shards).await?;
        let leaderboard = standings.finish(windows);
        self.windows
            .put_leaderboard(quiz_id, run_id, &leaderboard)
            .await?;
        let top = leaderboard.top.into_iter();
        Ok(Answer::Leaderboard {
            top: top.map(|place| (place.name, place.points)).collect(),
        })
    }

    async fn window(&self, question: &QuestionKey) -> Result<Window, TaskError> {
        let window = self.windows.get(question).await?;
        window.ok_or_else(|| TaskError::NotFound(question.clone()))
    }
}

fn contended(question: &QuestionKey) -> TaskError {
    TaskError::Unavailable(format!(
        "the window of {question} is changed by too many at once"
    ))
}

/// What the log says of an answer: no names.
fn outcome(answer: &Answer) -> String {
    match answer {
        Answer::Opened { closes_at, .. } => format!("open until {closes_at}"),
        Answer::Closed { status } => (*status).to_owned(),
        Answer::Tallied {
            counts,
            live_agrees,
            ..
        } => {
            format!("counts {counts:?}, live agrees: {live_agrees}")
        }
        Answer::Leaderboard { top } => format!("{} places", top.len()),
        Answer::Voided { voided, .. } => format!("{} voided", voided.len()),
    }
}
