//! The whole function `answer-api`: its program, driven over the Lambda Runtime API, with its calls to
//! DynamoDB answered, failed or left waiting by a stub.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use bench::{
    answers::{conformance, fixture::Fixture},
    api_request::viewer,
    aws_stub::{AwsStub, Behaviour, Operation},
    function::{Function, Launch},
    runtime_api::{Invocation, Outcome},
    whole::{Events, request_id},
};
use jiff::Timestamp;
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
            fixture: Fixture::new(Timestamp::now()),
            stub: AwsStub::serve().await.unwrap(),
            folder: TempDir::new().unwrap(),
        };
        surroundings.fixture.prepare(&surroundings.stub);
        surroundings
    }

    fn launch(&self) -> Launch {
        let (program, folder) = (program("answer-api"), self.folder.path());
        self.fixture
            .launch("answer-api", &program, folder, &self.stub)
    }

    async fn start(&self) -> Function {
        Function::start(&self.launch()).await.unwrap()
    }

    /// Answers as the viewer of this number.
    async fn invoke(&self, function: &mut Function, number: u64) -> Invocation {
        let event = self.fixture.event(number);
        function.invoke(&request_id(number), event).await.unwrap()
    }
}

fn status(invocation: &Invocation) -> u64 {
    let Outcome::Response(answer) = &invocation.outcome else {
        panic!("no answer but {invocation:?}")
    };
    let answer: Value = serde_json::from_slice(answer).unwrap();
    answer["statusCode"].as_u64().unwrap()
}

#[tokio::test]
async fn good_and_bad_requests_are_answered_as_they_should_be() {
    let surroundings = Surroundings::new().await;
    let checked = conformance::check(&[surroundings.launch()], &surroundings.stub).await;
    assert!(checked.unwrap() > 20);
}

/// The window is tallied three seconds after it closes, and clocks may be a second apart.
#[tokio::test]
async fn a_write_that_stalls_is_tried_twice_and_given_up_before_the_tally() {
    let surroundings = Surroundings::new().await;
    let stub = &surroundings.stub;
    let mut function = surroundings.start().await;
    assert_eq!(status(&surroundings.invoke(&mut function, 1).await), 201);
    for _ in 0..2 {
        let before = stub.calls(Operation::PutItem);
        stub.behave(Operation::PutItem, Behaviour::Stall);
        let given_up = surroundings.invoke(&mut function, 2).await;
        assert_eq!(status(&given_up), 503);
        assert!(given_up.took >= Duration::from_secs(2), "{given_up:?}");
        assert_eq!(stub.calls(Operation::PutItem) - before, 2);

        stub.behave(Operation::PutItem, Behaviour::Answer);
        assert_eq!(status(&surroundings.invoke(&mut function, 2).await), 201);
    }
}

#[tokio::test]
async fn a_window_that_cannot_be_read_takes_no_answer() {
    let surroundings = Surroundings::new().await;
    let stub = &surroundings.stub;
    let mut function = surroundings.start().await;
    stub.behave(Operation::GetItem, Behaviour::Fail);
    assert_eq!(status(&surroundings.invoke(&mut function, 1).await), 503);
    assert_eq!(stub.calls(Operation::PutItem), 0);
}

#[tokio::test]
async fn whatever_fails_and_however_much_it_says_no_viewer_is_in_its_log() {
    for level in ["info", "debug", "trace"] {
        let surroundings = Surroundings::new().await;
        let mut launch = surroundings.launch();
        let variable = ("LOG_LEVEL".to_owned(), level.to_owned());
        launch.variables.extend([variable]);
        let mut function = Function::start(&launch).await.unwrap();
        let stub = &surroundings.stub;
        surroundings.invoke(&mut function, 7).await;
        stub.behave(Operation::PutItem, Behaviour::Fail);
        surroundings.invoke(&mut function, 7).await;
        let printed = function.printed().unwrap();
        assert!(printed.lines().count() >= 2, "{printed}");
        for said in ["answered", "failed"] {
            let line = printed
                .lines()
                .find(|line| line.contains(&format!("\"message\":\"{said}\"")));
            let line: Value = serde_json::from_str(line.unwrap()).unwrap();
            assert_eq!(line["request_id"], request_id(7), "{line}");
        }
        for (what, text) in [
            ("the viewer", viewer(7)),
            ("the name", "A Viewer".to_owned()),
        ] {
            assert!(!printed.contains(&text), "{what} at level {level}");
        }
    }
}
