//! What fails while a question is open, drawn from the seed.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    ops::AddAssign,
    time::Duration,
};

use fastrand::Rng;
use serde::Serialize;
use stage::{
    Fault,
    faults::{self, Action, Rule},
};
use tokio::time::sleep;

use crate::chaos::{
    Scene,
    question::Question,
    stream::{self, Tail},
};

/// The functions that work on answers.
const FUNCTIONS: [&str; 4] = ["answer-api", "live-tally", "answer-saga", "answer-recorder"];
/// How many batches of a stream that comes again are delivered at most, each time.
const BATCHES: usize = 5;

/// What has happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Happened {
    /// Functions were killed at work, or while they waited for it.
    pub killed: u64,
    /// Batches of the stream were delivered again.
    pub redelivered: u64,
    /// Calls were throttled, failed, held up, or their answers lost.
    pub throttled: u64,
}

impl AddAssign for Happened {
    fn add_assign(&mut self, more: Self) {
        self.killed += more.killed;
        self.redelivered += more.redelivered;
        self.throttled += more.throttled;
    }
}

/// The faults of one question. They end when it is dropped.
pub struct Trouble {
    faults: Vec<(Fault, bool)>,
    names: Vec<String>,
    kills: Vec<(Duration, &'static str)>,
    again: Vec<Duration>,
    stream: Tail,
    random: RefCell<Rng>,
    happened: Cell<Happened>,
    problems: RefCell<Vec<String>>,
}

impl Trouble {
    /// Draws what fails and puts it into force, before anyone answers.
    ///
    /// # Errors
    /// When the fault proxy does not take it, or the stream cannot be read.
    pub async fn make(
        scene: &Scene,
        question: &Question,
        random: &mut Rng,
    ) -> anyhow::Result<Self> {
        let mut faults = Vec::new();
        let mut names = Vec::new();
        for rule in draw(random) {
            names.push(name(&rule));
            let kills = rule.action.kills();
            let rule = rule.about(&question.run.run_id);
            faults.push((scene.faults.add(rule).await?, kills));
        }
        let mut moments = |count: usize| -> Vec<_> {
            let pause = |_| Duration::from_millis(random.u64(200..5_000));
            (0..count).map(pause).collect()
        };
        let (kills, again) = (moments(6), moments(6));
        let kills = kills
            .into_iter()
            .map(|pause| (pause, FUNCTIONS[random.usize(0..FUNCTIONS.len())]))
            .collect();
        Ok(Self {
            faults,
            names,
            kills,
            again,
            stream: Tail::of(&scene.stack).await?,
            random: RefCell::new(random.fork()),
            happened: Cell::default(),
            problems: RefCell::default(),
        })
    }

    /// What fails, in a line.
    pub fn what(&self) -> String {
        self.names.join(", ")
    }

    /// Lets it happen while something else is done.
    pub async fn meanwhile<T>(
        &self,
        scene: &Scene,
        question: &Question,
        work: impl Future<Output = T>,
    ) -> T {
        let trouble = async {
            tokio::join!(self.kill(scene), self.redeliver(scene, question));
            std::future::pending::<()>().await;
        };
        tokio::select! {
            done = work => done,
            () = trouble => unreachable!("it never ends"),
        }
    }

    /// Kills functions, whatever they are doing.
    async fn kill(&self, scene: &Scene) {
        for (pause, function) in &self.kills {
            sleep(*pause).await;
            match faults::kill(&scene.stack, function) {
                Ok(killed) => self.happen(|happened| happened.killed += killed as u64),
                Err(error) => self.fail(format!("{function} cannot be killed: {error}")),
            }
        }
    }

    /// Delivers what there is of the stream from its beginning, in other pieces. That a batch fails
    /// now and then is part of it: Lambda would deliver it again, and so does this.
    async fn redeliver(&self, scene: &Scene, question: &Question) {
        for pause in &self.again {
            sleep(*pause).await;
            match self.redeliver_once(scene, question).await {
                Ok(batches) => self.happen(|happened| happened.redelivered += batches),
                Err(error) => self.fail(format!("the stream does not come again: {error:#}")),
            }
        }
    }

    async fn redeliver_once(&self, scene: &Scene, question: &Question) -> anyhow::Result<u64> {
        let records = self.stream.of_run(&question.run.run_id).await?;
        let batches = stream::resplit(records.len(), &mut self.random.borrow_mut());
        let some = batches.into_iter().take(BATCHES);
        let mut delivered = 0;
        for batch in some {
            stream::deliver(&scene.functions, &records[batch], None).await?;
            delivered += 1;
        }
        Ok(delivered)
    }

    fn fail(&self, problem: String) {
        self.problems.borrow_mut().push(problem);
    }

    fn happen(&self, change: impl FnOnce(&mut Happened)) {
        let mut happened = self.happened.get();
        change(&mut happened);
        self.happened.set(happened);
    }

    /// Ends it; what has happened, and what went wrong beyond what was to fail.
    ///
    /// # Errors
    /// When the fault proxy does not say what it has hit.
    pub async fn end(self) -> anyhow::Result<(Happened, Vec<String>)> {
        let mut happened = self.happened.get();
        for (fault, kills) in &self.faults {
            let hits = fault.hits().await?;
            match kills {
                true => happened.killed += hits,
                false => happened.throttled += hits,
            }
        }
        Ok((happened, self.problems.into_inner()))
    }
}

/// What may fail, each with its own numbers; about half of it is drawn.
fn draw(random: &mut Rng) -> Vec<Rule> {
    let stall = Action::Stall {
        millis: random.u64(50..1_500),
    };
    let put = |action| (action, "answer-api", "PutItem");
    let candidates = [
        put(Action::Throttle),
        put(Action::Fail),
        put(Action::LoseAnswer),
        put(stall),
        put(Action::KillBefore),
        put(Action::KillAfter),
        (Action::Fail, "answer-api", "GetItem"),
        (Action::KillAfter, "answer-api", "GetItem"),
        (Action::Throttle, "live-tally", "UpdateItem"),
        (Action::LoseAnswer, "live-tally", "UpdateItem"),
        (Action::KillBefore, "live-tally", "UpdateItem"),
        (Action::KillAfter, "live-tally", "UpdateItem"),
        (Action::Fail, "live-tally", "GetItem"),
        (Action::Throttle, "answer-saga", "Query"),
        (Action::KillBefore, "answer-saga", "Query"),
        (Action::KillAfter, "answer-saga", "PutItem"),
        (Action::LoseAnswer, "answer-saga", "PutItem"),
        (Action::Throttle, "answer-recorder", "Query"),
        (Action::KillBefore, "answer-recorder", "Query"),
        (Action::Fail, "answer-recorder", "PutEvents"),
        (Action::LoseAnswer, "answer-recorder", "PutEvents"),
        (Action::KillAfter, "answer-recorder", "PutEvents"),
    ];
    let mut rules = Vec::new();
    for (action, function, operation) in candidates {
        // Drawn for those too that are left out, so that each has the same numbers in every case.
        let (taken, seed) = (random.bool(), random.u64(..));
        let (probability, times) = match (function, action.kills()) {
            ("answer-api", true) => (0.05, 12),
            ("answer-api", false) => (0.15, 200),
            (_, true) => (0.5, 3),
            (_, false) => (0.5, 8),
        };
        let service = match operation {
            "PutEvents" => "events",
            _ => "dynamodb",
        };
        let rule = Rule::new(action)
            .of_function(function)
            .to(service, operation)
            .by_chance(probability, seed)
            .times(times);
        rules.extend(taken.then_some(rule));
    }
    rules
}

fn name(rule: &Rule) -> String {
    let action = match rule.action {
        Action::Throttle => "throttled",
        Action::Fail | Action::Refuse { .. } => "failing",
        Action::Stall { .. } => "slow",
        Action::LoseAnswer => "unanswered",
        Action::KillBefore => "killed before",
        Action::KillAfter => "killed after",
    };
    let said = |part: &Option<String>| part.clone().unwrap_or_default();
    format!(
        "{action} {} of {}",
        said(&rule.operation),
        said(&rule.function)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_trouble() {
        let rules = |seed| draw(&mut Rng::with_seed(seed));
        assert_eq!(rules(7), rules(7));
        assert_ne!(rules(7), rules(8));
        assert!((0..50).all(|seed| rules(seed).iter().all(|rule| rule.times.is_some())));
    }
}
