//! Every action, seen by the caller and by the cloud behind the proxy.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it")]

mod cloud;
mod function;
mod sdk;

use std::time::{Duration, Instant};

use fault_proxy::{Action, Count, Rule};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use cloud::Cloud;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_no_rule_is_about_goes_through_unchanged() {
    let cloud = Cloud::start().await;
    let other = Rule::new(Action::Fail).to("sqs", "SendMessage");
    let fault = cloud.faults.add(other).await.unwrap();
    let answer = cloud
        .http
        .put(format!("{}/a/path?with=a%20query", cloud.proxy_url))
        .header("host", "bucket.example")
        .header("authorization", "its signature")
        .body("its body")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-from"], "the cloud");
    let seen: Value = answer.json().await.unwrap();
    assert_eq!(seen["method"], "PUT");
    assert_eq!(seen["uri"], "/a/path?with=a%20query");
    assert_eq!(seen["body"], "its body");
    assert_eq!(seen["headers"]["host"], "bucket.example");
    assert_eq!(seen["headers"]["authorization"], "its signature");
    let none = Count::default();
    assert_eq!(fault.count().await.unwrap(), none);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_call_is_made_later_and_not_when_the_caller_has_hung_up() {
    let cloud = Cloud::start().await;
    let stall = Rule::new(Action::Stall { millis: 600 });
    let fault = cloud.faults.add(stall).await.unwrap();
    let began = Instant::now();
    assert_eq!(cloud.call().send().await.unwrap().status(), 200);
    assert!(began.elapsed() >= Duration::from_millis(600));
    assert_eq!(cloud.calls(), 1);

    let impatient = tokio::spawn(cloud.call().send());
    while fault.hits().await.unwrap() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    impatient.abort();
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(cloud.calls(), 1, "the caller was no longer there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_hangs_up_ends_its_call() {
    let cloud = Cloud::start().await;
    let call = cloud.call().body(cloud::NEVER_ANSWERED);
    let call = tokio::spawn(call.send());
    cloud.until(|cloud| cloud.calls() == 1).await;
    assert_eq!(cloud.given_up(), 0);
    call.abort();
    cloud.until(|cloud| cloud.given_up() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_one_of_a_call_that_was_made() {
    let cloud = Cloud::start().await;
    let lose = Rule::new(Action::LoseAnswer).times(1);
    let fault = cloud.faults.add(lose).await.unwrap();
    let error = cloud.call().send().await.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
    assert_eq!((cloud.calls(), fault.hits().await.unwrap()), (1, 1));
    assert_eq!(cloud.call().send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloud_that_is_away_is_away_by_the_proxy_too() {
    let cloud = Cloud::start().await;
    cloud.end().await;
    let error = cloud.call().send().await.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_not_handed_on() {
    let cloud = Cloud::start().await;
    let large = vec![b'x'; 16 * 1024 * 1024 + 1];
    assert!(cloud.call().body(large).send().await.is_err());
    assert_eq!(cloud.calls(), 0);
    let smaller = vec![b'x'; 1024 * 1024];
    let answer = cloud.call().body(smaller).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_are_taken_back_one_by_one() {
    let cloud = Cloud::start().await;
    let refuse = |code: &str| {
        Rule::new(Action::Refuse {
            status: 418,
            code: code.to_owned(),
        })
    };
    let code = async || {
        let answer = cloud.call().send().await.unwrap();
        let code = answer.headers().get("x-amzn-errortype").cloned();
        code.map(|code| code.to_str().unwrap().to_owned())
    };
    let first = cloud.faults.add(refuse("First")).await.unwrap();
    let second = cloud.faults.add(refuse("Second")).await.unwrap();
    assert_eq!(code().await.as_deref(), Some("First"));
    drop(first);
    assert_eq!(code().await.as_deref(), Some("Second"));
    drop(second);
    assert_eq!(code().await, None);

    let nonsense = json!({"action": {"kind": "explode"}});
    let url = format!("{}/rules", cloud.control_url);
    let answer = cloud.http.request(Method::POST, url).json(&nonsense);
    let status = answer.send().await.unwrap().status();
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}
