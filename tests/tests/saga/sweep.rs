//! Step Functions' event about a stopped execution is lost: what it left is found all the same.

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::json;

use crate::rehearsal::Rehearsal;

/// Nobody says anything, and within two minutes the deployed function finds the run by itself.
#[tokio::test]
async fn a_show_whose_end_nobody_was_told_of_is_undone() {
    let rehearsal = Rehearsal::on_air().await;
    let run = rehearsal.schedule(2, &json!({ "pauseSeconds": 600 })).await;
    let execution = rehearsal.execution_of(&run).await;
    let show = &rehearsal.show;
    show.reaches(&execution, "Pause").await;
    let stack = &rehearsal.stack;
    let rules = aws_sdk_eventbridge::Client::new(&stack.sdk_config().await);
    let rule = format!("{}-quiz-show-stopped", stack.outputs.event_bus_name);
    // Others that are stopped in this moment are found like this one.
    rules.disable_rule().name(&rule).send().await.unwrap();
    show.stop(&execution).await;
    rules.enable_rule().name(&rule).send().await.unwrap();
    assert_eq!(show.ended(&execution).await.0, ExecutionStatus::Aborted);
    let body = rehearsal.producer.run(&run).await.unwrap().body;
    assert_eq!(body["status"], "running", "nobody has told of it: {body}");

    let (body, windows) = rehearsal.nothing_is_open(&run, 2).await;
    assert_eq!(
        (&body["status"], &body["failedStep"]),
        (&json!("aborted"), &json!("QuizShow"))
    );
    let reason = body["reason"].as_str().unwrap();
    assert!(reason.contains("ABORTED"), "{reason}");
    assert_eq!(windows["q1"], "tallied", "what was tallied stays so");
    let machine = &rehearsal.compensation;
    let found = machine.executions_about(&execution).await;
    let name = execution.rsplit(':').next().unwrap();
    assert!(
        found.len() == 1 && found[0].ends_with(name),
        "named like what it undoes: {found:?}"
    );
    rehearsal.another_quiz_runs().await;
}
