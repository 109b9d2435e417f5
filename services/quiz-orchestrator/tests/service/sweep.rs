//! Runs that their executions have left, found among machines of the test's own: nobody is told of
//! what they do.

use aws_sdk_sfn::types::StateMachineType;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use quiz_orchestrator::{
    compensation::TASKS_END_WITHIN, executions::Executions, quiz_sweep::QuizSweepHandler, run::Run,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cloud::{Cloud, scheduled};

fn in_a_minute() -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(60)
}

fn in_two_hours() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(2)
}

struct Scene {
    cloud: Cloud,
    sfn: aws_sdk_sfn::Client,
    show: String,
    compensation: String,
}

impl Scene {
    async fn new() -> Self {
        let cloud = Cloud::new().await;
        let sfn = aws_sdk_sfn::Client::new(&cloud.stack.sdk_config().await);
        let deployed = &cloud.stack.outputs.quiz_show_arn;
        let deployed = sfn.describe_state_machine().state_machine_arn(deployed);
        let role = deployed.send().await.unwrap().role_arn;
        let wait = json!({ "Type": "Wait", "Seconds": 600, "End": true });
        let pass = json!({ "Type": "Pass", "End": true });
        Self {
            show: machine(&sfn, &role, wait).await,
            compensation: machine(&sfn, &role, pass).await,
            cloud,
            sfn,
        }
    }

    async fn sweep(&self, clock: fn() -> Timestamp) -> Result<(), Diagnostic> {
        self.sweep_for(&self.compensation, clock).await
    }

    async fn sweep_for(
        &self,
        compensation: &str,
        clock: fn() -> Timestamp,
    ) -> Result<(), Diagnostic> {
        let handler = QuizSweepHandler {
            store: self.cloud.store.clone(),
            channels: self.cloud.channels(),
            executions: Executions::new(self.sfn.clone(), compensation.to_owned()),
            clock,
        };
        let event = LambdaEvent::new(json!({}), Context::default());
        handler.handle(event).await
    }

    /// A run in an hour, and the execution that has it.
    async fn claimed(&self) -> (Run, String) {
        let run = self.cloud.schedule(&self.cloud.quiz().await).await;
        let start = self.sfn.start_execution().state_machine_arn(&self.show);
        let start = start.input(scheduled(&run).to_string());
        let execution = start.send().await.unwrap().execution_arn;
        assert_eq!(self.cloud.claim(&execution, &run).await["claimed"], true);
        (run, execution)
    }

    async fn on_air(&self, run: &Run, execution: &str) {
        let start = json!({ "executionId": execution });
        self.cloud.task("start-run", run, start).await.unwrap();
    }

    async fn stop(&self, execution: &str) {
        let stop = self.sfn.stop_execution().execution_arn(execution);
        stop.send().await.unwrap();
    }

    /// Name and input of each compensation that was started.
    async fn compensations(&self) -> Vec<(String, Value)> {
        let list = self.sfn.list_executions();
        let list = list.state_machine_arn(&self.compensation).send();
        let mut started = Vec::new();
        for execution in list.await.unwrap().executions {
            let arn = &execution.execution_arn;
            let described = self.sfn.describe_execution().execution_arn(arn);
            let input = described.send().await.unwrap().input.unwrap();
            started.push((execution.name, serde_json::from_str(&input).unwrap()));
        }
        started
    }
}

async fn machine(sfn: &aws_sdk_sfn::Client, role: &str, state: Value) -> String {
    let definition = json!({ "StartAt": "Only", "States": { "Only": state } });
    let create = sfn
        .create_state_machine()
        .r#type(StateMachineType::Standard);
    let create = create.name(format!("test-{}", Uuid::new_v4()));
    let create = create.role_arn(role);
    let created = create.definition(definition.to_string()).send().await;
    created.unwrap().state_machine_arn
}

#[tokio::test]
async fn a_run_on_air_whose_execution_was_stopped_is_undone_once() {
    let scene = Scene::new().await;
    let (run, execution) = scene.claimed().await;
    scene.on_air(&run, &execution).await;
    scene.sweep(in_two_hours).await.unwrap();
    assert_eq!(scene.compensations().await, [], "it runs, however long");

    scene.stop(&execution).await;
    scene.sweep(Timestamp::now).await.unwrap();
    assert_eq!(scene.compensations().await, [], "the event may still come");

    scene.sweep(in_a_minute).await.unwrap();
    let again = scene.sweep(in_a_minute).await.unwrap_err();
    let said = again.error_message;
    assert!(said.starts_with("1 of the"), "it is still there: {said}");
    let started = scene.compensations().await;
    let [(name, input)] = &started[..] else {
        panic!("one: {started:?}");
    };
    assert!(execution.ends_with(name.as_str()), "{name}");
    assert_eq!(input["status"], "ABORTED");
    let begin = json!({ "trigger": input });
    let undo = scene.cloud.perform("begin-compensation", begin).await;
    let undo = undo.unwrap();
    assert_eq!(
        (&undo["compensate"], &undo["runId"], &undo["settleSeconds"]),
        (&json!(true), &json!(run.run_id), &json!(TASKS_END_WITHIN)),
        "as if the event had come: {undo}"
    );
}

#[tokio::test]
async fn a_run_that_should_be_on_air_is_undone_if_an_execution_had_it() {
    let scene = Scene::new().await;
    let waiting = scene.cloud.schedule(&scene.cloud.quiz().await).await;
    scene.sweep(in_two_hours).await.unwrap();
    assert_eq!(scene.compensations().await, [], "no execution has had it");
    scene.cloud.cancel(&waiting).await;

    let (run, execution) = scene.claimed().await;
    scene.stop(&execution).await;
    scene.sweep(in_a_minute).await.unwrap();
    assert_eq!(scene.compensations().await, [], "it is not its time");
    scene.sweep(in_two_hours).await.unwrap();
    let started = scene.compensations().await;
    assert_eq!(started.len(), 1, "{started:?}");
    let begin = json!({ "trigger": started[0].1 });
    let undo = scene.cloud.perform("begin-compensation", begin).await;
    assert_eq!(undo.unwrap()["runId"], json!(run.run_id));
}

#[tokio::test]
async fn a_run_that_has_ended_is_left_alone() {
    let scene = Scene::new().await;
    let (run, execution) = scene.claimed().await;
    scene.on_air(&run, &execution).await;
    let abort = json!({ "executionId": execution, "failedStep": "Tally", "reason": "x" });
    scene.cloud.task("abort-run", &run, abort).await.unwrap();
    scene.stop(&execution).await;
    scene.sweep(in_two_hours).await.unwrap();
    assert_eq!(scene.compensations().await, []);
}

#[tokio::test]
async fn a_run_is_undone_whose_execution_is_known_no_more() {
    let scene = Scene::new().await;
    let run = scene.cloud.schedule(&scene.cloud.quiz().await).await;
    let long_ago = format!(
        "{}:long-ago",
        scene.show.replace("stateMachine", "execution")
    );
    assert_eq!(scene.cloud.claim(&long_ago, &run).await["claimed"], true);
    scene.on_air(&run, &long_ago).await;
    scene.sweep(Timestamp::now).await.unwrap();
    let started = scene.compensations().await;
    let [(name, input)] = &started[..] else {
        panic!("one: {started:?}");
    };
    assert_eq!(name, "long-ago");
    let begin = json!({ "trigger": input });
    let undo = scene.cloud.perform("begin-compensation", begin).await;
    let undo = undo.unwrap();
    assert_eq!(
        (&undo["compensate"], &undo["runId"], &undo["reason"]),
        (
            &json!(true),
            &json!(run.run_id),
            &json!("its execution is not there any more")
        )
    );
}

#[tokio::test]
async fn what_could_not_be_started_is_said_and_comes_again() {
    let scene = Scene::new().await;
    let (run, execution) = scene.claimed().await;
    scene.on_air(&run, &execution).await;
    scene.stop(&execution).await;
    let nowhere = format!("{}-nowhere", scene.compensation);
    let failed = scene.sweep_for(&nowhere, in_a_minute).await.unwrap_err();
    assert_eq!(
        (failed.error_type.as_str(), failed.error_message.as_str()),
        (
            "Unavailable",
            "1 of the channels and runs could not be settled"
        )
    );
    scene.sweep(in_a_minute).await.unwrap();
    assert_eq!(scene.compensations().await.len(), 1);
}
