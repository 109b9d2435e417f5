//! The whole function `token-api`: its program, driven over the Lambda Runtime API, with its calls to
//! AWS answered, failed or left waiting by a stub.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use bench::{
    aws_stub::{AwsStub, Behaviour, Operation},
    function::{Function, FunctionError, Launch},
    runtime_api::Outcome,
    tokens::{conformance::verified, fixture::Fixture},
    whole::{Events, request_id},
};
use pem::Pem;
use serde_json::Value;
use support::program;
use tempfile::TempDir;

/// What a function needs around it.
struct Surroundings {
    fixture: Fixture,
    stub: AwsStub,
    folder: TempDir,
}

impl Surroundings {
    async fn new() -> Self {
        let surroundings = Self {
            fixture: Fixture::new().unwrap(),
            stub: AwsStub::serve().await.unwrap(),
            folder: TempDir::new().unwrap(),
        };
        surroundings.fixture.prepare(&surroundings.stub);
        surroundings
    }

    fn launch(&self) -> Launch {
        let (program, folder) = (program("token-api"), self.folder.path());
        self.fixture
            .launch("token-api", &program, folder, &self.stub)
    }

    async fn start(&self) -> Function {
        Function::start(&self.launch()).await.unwrap()
    }

    /// Asks for a token as the viewer of this number, and verifies what comes.
    async fn token(&self, function: &mut Function, number: u64) -> Value {
        let event = self.fixture.event(number);
        let invocation = function.invoke(&request_id(number), event).await.unwrap();
        let Outcome::Response(answer) = invocation.outcome else {
            panic!("no answer but {invocation:?}")
        };
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["statusCode"], 200, "{answer}");
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        verified(body["token"].as_str().unwrap(), &self.fixture.public_key).unwrap()
    }
}

#[tokio::test]
async fn secrets_manager_is_asked_once_and_may_fail_afterwards() {
    let surroundings = Surroundings::new().await;
    let mut function = surroundings.start().await;
    for number in 0..500 {
        surroundings.token(&mut function, number).await;
    }
    let stub = &surroundings.stub;
    stub.behave(Operation::GetSecretValue, Behaviour::Fail);
    for number in 500..1_000 {
        surroundings.token(&mut function, number).await;
    }
    assert_eq!(stub.calls(Operation::GetSecretValue), 1);
    // Those may be more: a call that is slow on a loaded machine is made again.
    assert!(stub.calls(Operation::GetItem) >= 1_000);
    assert!(stub.calls(Operation::PutEvents) >= 1_000);
}

#[tokio::test]
async fn without_secrets_manager_it_does_not_start() {
    let surroundings = Surroundings::new().await;
    let stub = &surroundings.stub;
    stub.behave(Operation::GetSecretValue, Behaviour::Fail);
    let said = does_not_start(&surroundings.launch()).await;
    assert!(said.contains("GetSecretValue failed"), "{said}");
}

#[tokio::test]
async fn it_signs_with_the_version_that_it_is_told() {
    let surroundings = Surroundings::new().await;
    let asked = || surroundings.stub.last_request(Operation::GetSecretValue);
    surroundings.start().await;
    assert_eq!(asked()["SecretId"], "playback-key");
    assert_eq!(asked().get("VersionId"), None);

    let version = "00000000-0000-4000-8000-000000000002";
    for (told, expected) in [("", None), (version, Some(version))] {
        let mut launch = surroundings.launch();
        let variable = ("PLAYBACK_KEY_VERSION".to_owned(), told.to_owned());
        launch.variables.extend([variable]);
        let mut function = Function::start(&launch).await.unwrap();
        assert_eq!(asked()["VersionId"].as_str(), expected);
        surroundings.token(&mut function, 1).await;
    }
}

#[tokio::test]
async fn a_key_that_cannot_sign_ends_the_start() {
    let surroundings = Surroundings::new().await;
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let private = pair.to_pkcs8v1().unwrap();
    let public: PublicKeyX509Der = pair.public_key().as_der().unwrap();
    for (secret, reason) in [
        (Pem::new("PUBLIC KEY", public.as_ref()), "a public key"),
        (Pem::new("PRIVATE KEY", private.as_ref()), "P-256"),
    ] {
        let secret = pem::encode(&secret);
        surroundings.stub.set_secret(&secret);
        let said = does_not_start(&surroundings.launch()).await;
        assert!(said.contains(reason), "{said}");
        assert!(said.contains("playback-key"), "which secret: {said}");
        let line = secret.lines().nth(1).unwrap();
        assert!(!said.contains(line), "the secret itself: {said}");
    }
    assert_eq!(surroundings.stub.calls(Operation::GetItem), 0);
}

/// Starts a function that must end by itself before it asks for an event, and not with success.
/// Returns what it said.
async fn does_not_start(launch: &Launch) -> String {
    match Function::start(launch).await.unwrap_err() {
        FunctionError::Ended { status, said, .. } => {
            assert!(!status.success(), "{said}");
            said
        }
        other => panic!("it should have ended: {other}"),
    }
}

#[tokio::test]
async fn killed_while_it_announces_a_repeated_request_is_answered() {
    let surroundings = Surroundings::new().await;
    let stub = &surroundings.stub;
    let mut function = surroundings.start().await;
    stub.behave(Operation::PutEvents, Behaviour::Stall);
    let (id, event) = (request_id(1), surroundings.fixture.event(1));
    tokio::select! {
        invocation = function.invoke(&id, event) => {
            panic!("a token that was not announced was handed out: {invocation:?}")
        }
        () = stub.called(Operation::PutEvents, 1) => {}
    }
    function.kill().await.unwrap();

    stub.behave(Operation::PutEvents, Behaviour::Answer);
    let mut fresh = surroundings.start().await;
    let claims = surroundings.token(&mut fresh, 1).await;
    assert_eq!(claims["aws:viewer-session-version"], 3);
    assert_eq!(stub.calls(Operation::PutEvents), 2);
}

#[tokio::test]
async fn a_token_that_cannot_be_announced_is_not_handed_out() {
    let surroundings = Surroundings::new().await;
    let mut function = surroundings.start().await;
    let stub = &surroundings.stub;
    stub.behave(Operation::PutEvents, Behaviour::Fail);
    let event = surroundings.fixture.event(1);
    let invocation = function.invoke(&request_id(1), event).await.unwrap();
    let Outcome::Response(answer) = invocation.outcome else {
        panic!("no answer but {invocation:?}")
    };
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["statusCode"], 503, "{answer}");
    assert!(!answer["body"].as_str().unwrap().contains("token\":"));
}

#[tokio::test]
async fn whatever_fails_and_however_much_it_says_no_key_token_or_viewer_is_in_its_log() {
    for level in ["info", "debug", "trace"] {
        let surroundings = Surroundings::new().await;
        let mut launch = surroundings.launch();
        launch
            .variables
            .insert("LOG_LEVEL".to_owned(), level.to_owned());
        let mut function = Function::start(&launch).await.unwrap();
        let stub = &surroundings.stub;
        surroundings.token(&mut function, 1).await;
        for fails in [Operation::PutEvents, Operation::GetItem] {
            stub.behave(fails, Behaviour::Fail);
            let event = surroundings.fixture.event(1);
            function.invoke(&request_id(2), event).await.unwrap();
            stub.behave(fails, Behaviour::Answer);
        }
        let printed = function.printed().unwrap();
        for (said, id, times) in [("token issued", 1, 1), ("no token issued", 2, 2)] {
            let said = format!("\"message\":\"{said}\"");
            let lines = printed.lines().filter(|line| line.contains(&said));
            let lines: Vec<Value> = lines
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            assert_eq!(lines.len(), times, "{printed}");
            for line in lines {
                assert_eq!(line["request_id"], request_id(id), "{line}");
            }
        }
        let asked = stub.last_request(Operation::GetItem);
        let viewer = asked["Key"]["userId"]["S"].as_str().unwrap();
        let pem = surroundings
            .fixture
            .secret
            .lines()
            .map(|line| ("the key", line));
        // What the header of every token begins with.
        let others = [
            ("the viewer", viewer),
            ("a token", "eyJ0eXAi"),
            ("a token", "eyJhbGci"),
        ];
        for (what, text) in pem.chain(others) {
            assert!(!printed.contains(text), "{what} at level {level}");
        }
    }
}
