//! The compensation itself fails, is stopped, comes twice: it can be started again until all is undone.

use std::{collections::BTreeMap, fmt};

use aws_sdk_sfn::types::ExecutionStatus;
use cuepoint_e2e::{api::RunPath, questions};
use serde_json::{Value, json};
use stage::Stack;

use crate::{
    cases::side_by_side,
    machine::{Machine, Wrong},
    rehearsal::Rehearsal,
};

struct Case {
    state: String,
    fault: &'static str,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.state, self.fault)
    }
}

async fn tasks() -> Vec<String> {
    let stack = Stack::load().unwrap();
    Machine::compensation(&stack).await.states("Task")
}

/// A show that does nothing for a minute, since it cannot say that its question is open, or what
/// its tally is.
struct Stuck {
    rehearsal: Rehearsal,
    execution: String,
    run: RunPath,
    order: Value,
    /// What becomes of its question's window.
    window: &'static str,
}

impl Stuck {
    async fn new() -> Self {
        Self::at("PublishOpened", "voided").await
    }

    /// One whose question is open for two minutes.
    async fn asking() -> Self {
        let rehearsal = Rehearsal::on_air().await;
        let quiz_id = rehearsal.quiz_of(&questions::quiz(1, 120)).await;
        Self::of(rehearsal, &quiz_id, "WaitForAnswers", None, "voided").await
    }

    /// One in which the compensation gets into this state.
    async fn before(state: &str) -> Self {
        match state {
            "PublishTallied" => Self::at("PublishTallied", "tallied").await,
            _ => Self::new().await,
        }
    }

    async fn at(step: &str, window: &'static str) -> Self {
        let rehearsal = Rehearsal::on_air().await;
        let quiz_id = rehearsal.quiz(1).await;
        Self::of(rehearsal, &quiz_id, step, Some("throttled"), window).await
    }

    async fn of(
        rehearsal: Rehearsal,
        quiz_id: &str,
        step: &str,
        fault: Option<&str>,
        window: &'static str,
    ) -> Self {
        let order = rehearsal.order(quiz_id, &json!({}));
        let show = &rehearsal.show;
        let execution = match fault {
            Some(fault) => show.start_failing(step, fault, &order).await,
            None => show.start(&order).await,
        };
        show.reaches(&execution, step).await;
        let run = rehearsal.run_of(&execution, quiz_id).await;
        Self {
            rehearsal,
            execution,
            run,
            order,
            window,
        }
    }

    /// What an operator starts the compensation with.
    fn by_hand(&self) -> Value {
        json!({ "quizId": self.run.quiz_id, "runId": self.run.run_id })
    }

    /// An operator starts the compensation, which nobody disturbs.
    async fn undo_by_hand(self) {
        let machine = &self.rehearsal.compensation;
        let compensation = machine.start(&self.by_hand()).await;
        let (status, said) = machine.ended(&compensation).await;
        assert_eq!(status, ExecutionStatus::Succeeded, "{said}");
        let (run, windows) = self.rehearsal.nothing_is_open(&self.run, 1).await;
        assert_eq!(run["status"], "aborted");
        assert_eq!(windows["q1"], self.window);
        // Which compensates it again.
        self.rehearsal.show.stop(&self.execution).await;
        self.rehearsal.another_quiz_runs().await;
        let (after, _) = self.rehearsal.nothing_is_open(&self.run, 1).await;
        assert_eq!(after, run, "an ended run stays as it is");
    }
}

#[tokio::test]
async fn a_compensation_that_fails_does_the_rest_and_can_be_started_again() {
    let cases = tasks().await.into_iter().map(|state| Case {
        state,
        fault: "refused",
    });
    side_by_side(cases, async |case| {
        let stuck = Stuck::before(&case.state).await;
        let machine = &stuck.rehearsal.compensation;
        let input = stuck.by_hand();
        let failing = if case.state.starts_with("Publish") {
            // Whatever a service refuses is retried for half an hour, which is left out here.
            let once = |definition: &mut Value| {
                let state = &mut definition["States"][&case.state];
                state["Retry"] = json!([]);
                state["Arguments"]["Entries"][0]["Source"] = json!("{% $error('made to fail') %}");
            };
            machine.copy(once).await.start(&input).await
        } else {
            machine.start_failing(&case.state, case.fault, &input).await
        };
        let (status, said) = machine.ended(&failing).await;
        let entered = machine.entered(&failing).await;
        assert!(entered.contains(&case.state), "{entered:?}");
        // The audience is told if the video is there: the rest does not depend on it.
        let expected = match case.state.as_str() {
            "PushCancelled" => ExecutionStatus::Succeeded,
            _ => ExecutionStatus::Failed,
        };
        assert_eq!(status, expected, "{said}");
        let run = stuck.rehearsal.producer.run(&stuck.run).await.unwrap().body;
        let windows = stuck.rehearsal.windows(&stuck.run, 1).await;
        match case.state.as_str() {
            "BeginCompensation" => assert_eq!(run["status"], "running"),
            "AbortRun" => {
                assert_eq!(
                    (&run["status"], windows["q1"].as_str()),
                    (&json!("running"), "voided")
                );
            }
            "VoidRun" => assert_eq!(run["status"], "aborted", "the channel is free all the same"),
            _ => {
                assert_eq!(
                    (&run["status"], windows["q1"].as_str()),
                    (&json!("aborted"), stuck.window)
                );
            }
        }
        stuck.undo_by_hand().await;
    })
    .await;
}

/// A task of the compensation, and all that can be wrong with its answer.
struct Answered(String, Vec<Wrong>);

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answers one of {} odd things", self.0, self.1.len())
    }
}

/// One compensation after the other fails to undo the same run.
#[tokio::test]
async fn an_answer_that_no_task_gives_to_the_compensation_is_survived() {
    let stack = Stack::load().unwrap();
    let mut by_state: BTreeMap<String, Vec<Wrong>> = BTreeMap::new();
    for (state, wrong) in Machine::compensation(&stack).await.answers() {
        by_state.entry(state).or_default().push(wrong);
    }
    let cases = by_state
        .into_iter()
        .map(|(state, how)| Answered(state, how));
    side_by_side(cases, async |Answered(state, answers)| {
        let stuck = Stuck::asking().await;
        for wrong in answers {
            let machine = &stuck.rehearsal.compensation;
            let machine = machine.answered(state, wrong).await;
            let failing = machine.start(&stuck.by_hand()).await;
            let (status, said) = machine.ended(&failing).await;
            assert_eq!(
                status,
                ExecutionStatus::Failed,
                "an operator must hear that {state} {wrong}"
            );
            assert!(
                said.contains(&format!("QuizNotCompensated: {state}: ")),
                "{state} {wrong}: {said}"
            );
            let run = stuck.rehearsal.producer.run(&stuck.run).await.unwrap().body;
            let undone = match state.as_str() {
                "BeginCompensation" => "running",
                _ => "aborted",
            };
            assert_eq!(
                run["status"], undone,
                "{state} {wrong}: the rest is done: {run}"
            );
        }
        stuck.undo_by_hand().await;
    })
    .await;
}

#[tokio::test]
async fn a_compensation_that_is_stopped_can_be_started_again() {
    side_by_side(tasks().await, async |state| {
        let stuck = Stuck::before(state).await;
        let machine = &stuck.rehearsal.compensation;
        let failing = machine
            .start_failing(state, "throttled", &stuck.by_hand())
            .await;
        machine.reaches(&failing, state).await;
        machine.stop(&failing).await;
        stuck.undo_by_hand().await;
    })
    .await;
}

#[tokio::test]
async fn a_compensation_that_is_stopped_while_it_waits_can_be_started_again() {
    let stuck = Stuck::new().await;
    let machine = &stuck.rehearsal.compensation;
    let event = json!({
        "executionArn": stuck.execution, "status": "ABORTED", "input": stuck.order.to_string(),
    });
    let waiting = machine.start(&event).await;
    machine.reaches(&waiting, "WaitForTasksInFlight").await;
    let cancelled = stuck.rehearsal.producer.cancel(&stuck.run).await.unwrap();
    assert_eq!(
        (cancelled.status.as_u16(), cancelled.problem()),
        (409, "run-ended"),
        "{}",
        cancelled.body
    );
    machine.stop(&waiting).await;
    stuck.undo_by_hand().await;
}

#[tokio::test]
async fn three_compensations_at_once_are_one() {
    let stuck = Stuck::new().await;
    let machine = &stuck.rehearsal.compensation;
    let input = stuck.by_hand();
    let started = futures::future::join_all((0..3).map(|_| machine.start(&input))).await;
    for execution in started {
        let (status, said) = machine.ended(&execution).await;
        assert_eq!(status, ExecutionStatus::Succeeded, "{said}");
    }
    stuck.undo_by_hand().await;
}

#[tokio::test]
async fn a_completed_run_stays_completed() {
    let rehearsal = Rehearsal::on_air().await;
    let run = rehearsal.schedule(1, &json!({})).await;
    let (completed, windows) = rehearsal.nothing_is_open(&run, 1).await;
    assert_eq!(
        (&completed["status"], windows["q1"].as_str()),
        (&json!("completed"), "tallied")
    );
    let machine = &rehearsal.compensation;
    let input = json!({"quizId": run.quiz_id, "runId": run.run_id});
    let (status, said) = machine.ended(&machine.start(&input).await).await;
    assert_eq!(status, ExecutionStatus::Succeeded, "{said}");
    assert_eq!(
        rehearsal.nothing_is_open(&run, 1).await,
        (completed, windows)
    );
}
