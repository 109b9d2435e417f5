//! What did not start the saga or its compensation, or a compensation that failed.

use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use cuepoint_e2e::{api::RunPath, backstage, questions};
use jiff::Timestamp;
use serde_json::json;
use stage::{
    Faults,
    faults::{Action, Rule},
    probe,
};
use uuid::Uuid;

use super::{Scene, about, letters, moves, redrive, text};

#[tokio::test]
async fn an_event_that_did_not_reach_the_saga_starts_it_once() {
    let scene = Scene::set(true).await;
    let quiz = scene.api.create_quiz(&questions::quiz(1, 5)).await.unwrap();
    let quiz = quiz.expect(201).unwrap();
    // It stays in the future, and its own execution has it: the other one ends quietly.
    let run = json!({
        "channelId": scene.stack.offline_channel.channel_id,
        "startsAt": Timestamp::now() + Duration::from_secs(3_600),
    });
    let run = scene
        .api
        .schedule(text(&quiz["quizId"]), &run)
        .await
        .unwrap();
    let run = run.expect(201).unwrap();
    let event_id = format!("run-{}", Uuid::new_v4());
    let now = Timestamp::now();
    let event = json!({
        "version": "0", "id": Uuid::new_v4(), "detail-type": "quiz-scheduled",
        "source": "cuepoint.quiz-orchestrator", "time": now, "resources": [],
        "detail": {
            "metadata": {
                "eventId": event_id, "occurredAt": now, "correlationId": event_id,
                "schemaVersion": 1,
            },
            "data": {
                "quizId": quiz["quizId"], "runId": run["runId"],
                "channelId": scene.stack.offline_channel.channel_id,
                "startsAt": run["startsAt"],
            },
        },
    });
    let attributes = [
        (
            "RULE_ARN",
            "arn:aws:events:eu-west-1:000000000000:rule/cuepoint/quiz-show-start",
        ),
        ("ERROR_CODE", "THROTTLING"),
        ("ERROR_MESSAGE", "Rate exceeded"),
    ];
    let queue = &scene.stack.outputs.quiz_show_start_dlq_url;
    // Twice, as a queue may deliver it.
    for _ in 0..2 {
        scene
            .letters
            .send(queue, &event.to_string(), &attributes)
            .await;
    }
    let (_, said) = redrive("quiz-show-start-dlq", true).await;
    let told = about(&said, &event_id);
    assert!(
        told.contains("EventBridge: THROTTLING: Rate exceeded"),
        "{said:#?}"
    );
    moves("quiz-show-start-dlq", &event_id, "would be started").await;
    assert_eq!(letters::executions(&scene.stack, &event_id).await, 1);

    let run = RunPath {
        quiz_id: text(&quiz["quizId"]).to_owned(),
        run_id: text(&run["runId"]).to_owned(),
    };
    scene.api.cancel(&run).await.unwrap().expect(202).unwrap();
}

/// A run that nobody could undo: its letter comes from Step Functions, by way of the rule.
#[tokio::test]
async fn a_compensation_that_failed_is_started_again() {
    let scene = Scene::set(true).await;
    let quiz = scene.api.create_quiz(&questions::quiz(1, 5)).await.unwrap();
    let quiz = quiz.expect(201).unwrap();
    let order = json!({
        "channelId": scene.stack.offline_channel.channel_id,
        "startsAt": Timestamp::now() + Duration::from_secs(7_200),
    });
    let quiz_id = text(&quiz["quizId"]).to_owned();
    let run = scene.api.schedule(&quiz_id, &order).await.unwrap();
    let run_id = text(&run.expect(201).unwrap()["runId"]).to_owned();
    let run = RunPath { quiz_id, run_id };
    probe::until(async || {
        let saga = backstage::saga(&scene.stack, &run.run_id).await.ok()?;
        saga.states
            .contains(&"WaitForStart".to_owned())
            .then_some(())
    })
    .await;

    let refused = Action::Refuse {
        status: 400,
        code: "ValidationException".to_owned(),
    };
    let rule = Rule::new(refused).of_function("quiz-saga");
    let rule = rule.to("dynamodb", "GetItem").about(&run.run_id).times(1);
    let faults = Faults::new(&scene.stack).unwrap();
    let fault = faults.add(rule).await.unwrap();
    let sfn = aws_sdk_sfn::Client::new(&scene.stack.sdk_config().await);
    let machine = &scene.stack.outputs.quiz_show_compensation_arn;
    let input = json!({ "quizId": run.quiz_id, "runId": run.run_id });
    let start = sfn.start_execution().state_machine_arn(machine);
    let started = start.input(input.to_string()).send().await.unwrap();
    let failed = probe::until(async || {
        let arn = &started.execution_arn;
        let described = sfn.describe_execution().execution_arn(arn).send().await;
        let status = described.unwrap().status;
        (status != ExecutionStatus::Running).then_some(status)
    });
    assert_eq!(failed.await, ExecutionStatus::Failed);
    assert_eq!(fault.hits().await.unwrap(), 1);
    let body = scene.api.run(&run).await.unwrap().body;
    assert_eq!(body["status"], "scheduled", "{body}");

    // Its letter is on its way, beside those of others.
    probe::until(async || {
        redrive("quiz-show-compensation-start-dlq", false).await;
        let body = scene.api.run(&run).await.unwrap().body;
        (body["status"] == "aborted").then_some(())
    })
    .await;
}
