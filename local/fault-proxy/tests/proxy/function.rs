//! Calls of processes that are functions, and of others.

use std::{
    os::unix::process::ExitStatusExt,
    process::{ExitStatus, Stdio},
};

use fault_proxy::{Action, Rule};
use rustix::process::Signal;
use tokio::process::Command;

use crate::cloud::Cloud;

/// A call, past any proxy of the environment; it fails on every answer that is no success.
const CALL: &str = "import sys, urllib.request as request
request.build_opener(request.ProxyHandler({})).open(sys.argv[1], b'body').read()";

/// Makes a call as a process of this function, or of none. Returns how it has ended: on its own with
/// success when it got an answer.
async fn calls(cloud: &Cloud, function: Option<&str>) -> ExitStatus {
    let mut command = Command::new("python3");
    command
        .args(["-c", CALL, &cloud.proxy_url])
        .env_remove("AWS_LAMBDA_FUNCTION_NAME")
        .stderr(Stdio::null());
    if let Some(function) = function {
        command.env("AWS_LAMBDA_FUNCTION_NAME", function);
    }
    command.status().await.unwrap()
}

const OURS: Option<&str> = Some("cuepoint-answer-api");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_is_killed_before_or_after_its_call() {
    let cloud = Cloud::start().await;
    for (action, made) in [(Action::KillBefore, 0), (Action::KillAfter, 1)] {
        let kill = Rule::new(action.clone()).of_function("answer-api").times(1);
        let fault = cloud.faults.add(kill).await.unwrap();
        let before = cloud.calls();
        let ended = calls(&cloud, OURS).await;
        assert_eq!(ended.signal(), Some(Signal::KILL.as_raw()), "{action:?}");
        assert_eq!(cloud.calls() - before, made, "{action:?}");
        assert_eq!(fault.hits().await.unwrap(), 1);
        assert!(calls(&cloud, OURS).await.success(), "only once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_function_that_is_meant_is_hit() {
    let cloud = Cloud::start().await;
    let ours = Rule::new(Action::Fail).of_function("answer-api");
    let fault = cloud.faults.add(ours).await.unwrap();
    for other in [
        None,
        Some("cuepoint-live-tally"),
        Some("answer-api"),
        Some("another-cuepoint-answer-api"),
    ] {
        assert!(calls(&cloud, other).await.success(), "{other:?}");
    }
    assert_eq!(fault.count().await.unwrap().matched, 0);
    assert!(!calls(&cloud, OURS).await.success());
    assert_eq!(fault.hits().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_no_function_is_never_killed() {
    let cloud = Cloud::start().await;
    let kill = cloud.faults.add(Rule::new(Action::KillBefore)).await;
    let kill = kill.unwrap();
    assert!(calls(&cloud, None).await.success());
    // This test calls too, and lives on.
    assert_eq!(cloud.call().send().await.unwrap().status(), 200);
    assert_eq!(kill.hits().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_counted_by_the_function_that_makes_them() {
    let cloud = Cloud::start().await;
    let counted = cloud.faults.watch(&["body"]).await.unwrap();
    let other = cloud.faults.watch(&["another"]).await.unwrap();
    for function in [None, OURS, OURS] {
        assert!(calls(&cloud, function).await.success());
    }
    let fail = Rule::new(Action::Fail).of_function("answer-api");
    let fault = cloud.faults.add(fail).await.unwrap();
    assert!(!calls(&cloud, OURS).await.success());
    drop(fault);
    let seen = counted.seen().await.unwrap();
    let sums: Vec<_> = seen
        .iter()
        .map(|s| (s.function.as_deref(), s.calls, s.failed, s.request_bytes))
        .collect();
    // The function is known without what the names of the stack's functions begin with.
    assert_eq!(sums, [(None, 1, 0, 4), (Some("answer-api"), 3, 1, 12)]);
    assert!(seen.iter().all(|seen| seen.response_bytes > 0));
    assert_eq!(other.seen().await.unwrap(), []);
}
