//! Whether functions do the same: all are sent the same requests, and must make of each what the
//! first makes of it.

use std::fmt::Debug;

use anyhow::{Context, anyhow, ensure};
use serde_json::Value;

use crate::{
    aws_stub::{AwsStub, Operation},
    function::{Function, Launch},
    runtime_api::Outcome,
    whole::request_id,
};

/// The requests that are sent, and what comes of them.
pub trait Cases {
    /// What one function made of one request, without what time and chance change.
    type Observed: Debug + PartialEq;

    /// What each request is, in the order in which they are sent.
    fn names(&self) -> Vec<&'static str>;

    /// Sends the request of this number.
    fn observe(
        &self,
        function: &mut Function,
        number: usize,
    ) -> impl Future<Output = anyhow::Result<Self::Observed>>;
}

/// Starts each function and sends it all requests. Returns how many.
///
/// # Errors
/// When one of them does otherwise than the first, or the first otherwise than it should.
pub async fn check(launches: &[Launch], cases: &impl Cases) -> anyhow::Result<usize> {
    let names = cases.names();
    let mut expected = Vec::new();
    for launch in launches {
        let mut function = Function::start(launch).await?;
        for (number, what) in names.iter().enumerate() {
            let observed = cases
                .observe(&mut function, number)
                .await
                .with_context(|| format!("{}: {what}", launch.name))?;
            match expected.get(number) {
                None => expected.push(observed),
                Some(expected) => ensure!(
                    *expected == observed,
                    "{} does otherwise than {} with {what}:\n{observed:#?}\ninstead of\n{expected:#?}",
                    launch.name,
                    launches[0].name,
                ),
            }
        }
        function.kill().await?;
    }
    Ok(names.len())
}

/// What a function of the HTTP API answered.
#[derive(Debug, PartialEq)]
pub struct Answered {
    /// The HTTP status.
    pub status: Value,
    /// What the header says.
    pub content_type: Value,
    /// The body, which is JSON.
    pub body: Value,
}

/// Sends a request, which must be answered with this status. Returns also what these operations were
/// asked meanwhile, each the last time; none: it was not called.
///
/// # Errors
/// When it is answered otherwise.
pub async fn ask<const N: usize>(
    function: &mut Function,
    number: usize,
    request: &Value,
    status: i64,
    (stub, operations): (&AwsStub, [Operation; N]),
) -> anyhow::Result<(Answered, [Option<Value>; N])> {
    let calls = || operations.map(|operation| stub.calls(operation));
    let before = calls();
    let answered = answer(function, number, request, status).await?;
    let mut after = calls().into_iter().zip(before);
    let asked = operations.map(|operation| {
        let called = after.next().is_some_and(|(after, before)| after > before);
        called.then(|| stub.last_request(operation))
    });
    Ok((answered, asked))
}

async fn answer(
    function: &mut Function,
    number: usize,
    request: &Value,
    status: i64,
) -> anyhow::Result<Answered> {
    let id = request_id(u64::try_from(number)?);
    let outcome = function
        .invoke(&id, request.to_string().into())
        .await?
        .outcome;
    let Outcome::Response(bytes) = outcome else {
        return Err(anyhow!("it reported an error: {outcome:?}"));
    };
    let answer: Value = serde_json::from_slice(&bytes)?;
    ensure!(
        answer["statusCode"] == status,
        "unexpected answer: {answer}"
    );
    let body = answer["body"].as_str().context("there is no body")?;
    Ok(Answered {
        status: answer["statusCode"].clone(),
        content_type: answer["headers"]["content-type"].clone(),
        body: serde_json::from_str(body)?,
    })
}
