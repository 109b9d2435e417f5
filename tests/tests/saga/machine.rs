//! The deployed state machines: their definitions, their executions, and failures made in them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Mutex,
    time::{Duration, Instant},
};

use aws_sdk_sfn::{error::SdkError, types::ExecutionStatus};
use cuepoint_e2e::backstage;
use serde_json::{Map, Value, json};
use stage::Stack;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// How long an execution may take to get anywhere.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long it is waited between two looks. The emulator has all executions of all tests to care for.
const POLL: Duration = Duration::from_millis(250);

/// How a state can be made to fail on the deployed machine: its task is not called, and this is taken
/// for what became of it. The machine's own retries and catchers deal with it.
pub(crate) const FAULTS: [(&str, Fault); 6] = [
    ("refused", Fault::Throws("InvalidInput")),
    ("throttled", Fault::Throws("Throttled")),
    ("timed-out", Fault::Throws("States.Timeout")),
    ("crashed", Fault::Throws("Runtime.ExitError")),
    ("taken", Fault::Throws("ChannelTaken")),
    ("nothing", Fault::Answers(|| Value::Null)),
];

#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// The task fails with this error.
    Throws(&'static str),
    /// The task answers this.
    Answers(fn() -> Value),
}

/// What a task answers, as the machine's expressions name it.
const ANSWER: &str = "$states.result.Payload";

/// A deployed machine.
pub(crate) struct Machine {
    sfn: aws_sdk_sfn::Client,
    pub(crate) arn: String,
    role: String,
    pub(crate) definition: Value,
}

/// What is wrong with the real answer of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Nothing is in it.
    All,
    /// This field is nothing that it may be, and all others are as they were.
    Field(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("answers nothing"),
            Self::Field(field) => write!(f, "answers an odd {field}"),
        }
    }
}

impl Machine {
    pub(crate) async fn show(stack: &Stack) -> Self {
        Self::load(stack, &stack.outputs.quiz_show_arn).await
    }

    pub(crate) async fn compensation(stack: &Stack) -> Self {
        Self::load(stack, &stack.outputs.quiz_show_compensation_arn).await
    }

    async fn load(stack: &Stack, arn: &str) -> Self {
        let sfn = aws_sdk_sfn::Client::new(&stack.sdk_config().await);
        let described = sfn.describe_state_machine().state_machine_arn(arn);
        let described = described.send().await.unwrap();
        Self {
            sfn,
            arn: arn.to_owned(),
            role: described.role_arn,
            definition: serde_json::from_str(&described.definition).unwrap(),
        }
    }

    /// A machine of its own, made of this one's definition with a change. No rule knows it: what its
    /// executions leave is undone by them alone.
    pub(crate) async fn copy(&self, change: impl FnOnce(&mut Value)) -> Self {
        let mut definition = self.definition.clone();
        change(&mut definition);
        let create = self.sfn.create_state_machine().role_arn(&self.role);
        let create = create.name(format!("copy-{}", Uuid::new_v4()));
        let created = create.definition(definition.to_string()).send().await;
        Self {
            sfn: self.sfn.clone(),
            arn: created.unwrap().state_machine_arn,
            role: self.role.clone(),
            definition,
        }
    }

    /// A copy in which the real answer of a task is taken for another one. The emulator evaluates the
    /// expressions of a task where a catcher sees it only if the task was really called.
    pub(crate) async fn answered(&self, state: &str, wrong: &Wrong) -> Self {
        let answer = match wrong {
            Wrong::All => "{}".to_owned(),
            Wrong::Field(field) => format!("$merge([{ANSWER}, {{'{field}': {{'odd': true}}}}])"),
        };
        self.state(state);
        self.copy(|definition| {
            let assign = definition["States"][state]["Assign"].as_object_mut();
            for expression in assign.expect("it takes something").values_mut() {
                if let Some(text) = expression.as_str() {
                    *expression = json!(text.replace(ANSWER, &answer));
                }
            }
        })
        .await
    }

    /// The fields that a state takes from its task's answer.
    pub(crate) fn taken(&self, state: &str) -> BTreeSet<String> {
        let assign = self.state(state)["Assign"].as_object();
        let expressions = assign.into_iter().flat_map(Map::values);
        let field = |rest: &str| {
            let rest = rest.strip_prefix('.').unwrap_or_default();
            let end = rest.find(|c: char| !c.is_alphanumeric());
            rest[..end.unwrap_or(rest.len())].to_owned()
        };
        expressions
            .filter_map(Value::as_str)
            .flat_map(|text| text.split(ANSWER).skip(1).map(field))
            .collect()
    }

    /// Every task with everything that can be wrong with its answer, where anything is taken of it.
    pub(crate) fn answers(&self) -> Vec<(String, Wrong)> {
        let mut answers = Vec::new();
        for state in self.states("Task") {
            let fields = self.taken(&state).into_iter().map(Wrong::Field);
            let mut wrong: Vec<_> = fields.collect();
            if !wrong.is_empty() {
                wrong.push(Wrong::All);
            }
            answers.extend(wrong.into_iter().map(|wrong| (state.clone(), wrong)));
        }
        answers
    }

    /// The names of its states of a type, e.g. `Task`.
    pub(crate) fn states(&self, of_type: &str) -> Vec<String> {
        let states = self.definition["States"].as_object().unwrap();
        let of_type = states.iter().filter(|(_, state)| state["Type"] == of_type);
        of_type.map(|(name, _)| name.clone()).collect()
    }

    /// The definition of one state.
    pub(crate) fn state(&self, name: &str) -> &Value {
        let state = &self.definition["States"][name];
        assert!(state.is_object(), "there is no state {name}");
        state
    }

    /// Starts an execution; returns its ARN.
    pub(crate) async fn start(&self, input: &Value) -> String {
        self.start_at(&self.arn, input).await
    }

    /// Starts one in which a state fails in one of the ways of [`FAULTS`].
    pub(crate) async fn start_failing(&self, state: &str, fault: &str, input: &Value) -> String {
        assert!(FAULTS.iter().any(|(name, _)| *name == fault), "{fault}");
        self.state(state);
        let arn = format!("{}#{}", self.arn, case(state, fault));
        self.start_at(&arn, input).await
    }

    async fn start_at(&self, arn: &str, input: &Value) -> String {
        let name = Uuid::new_v4().to_string();
        let start = self.sfn.start_execution().state_machine_arn(arn).name(name);
        let started = start.input(input.to_string()).send().await.unwrap();
        started.execution_arn
    }

    /// Stops an execution, unless it has ended by itself.
    pub(crate) async fn stop(&self, execution: &str) {
        let stop = self.sfn.stop_execution().execution_arn(execution);
        let stopped = stop.error("Stopped").cause("by a test").send().await;
        if let Err(error) = stopped.map_err(SdkError::into_service_error) {
            assert!(error.is_validation_exception(), "{error}");
        }
    }

    /// Every state that an execution has entered, in order.
    pub(crate) async fn entered(&self, execution: &str) -> Vec<String> {
        let history = backstage::history(&self.sfn, execution).await.unwrap();
        history.states
    }

    /// Waits until an execution has entered a state so many times.
    pub(crate) async fn reaches_again(&self, execution: &str, state: &str, times: usize) {
        self.state(state);
        let end = Instant::now() + PATIENCE;
        loop {
            let states = self.entered(execution).await;
            if states.iter().filter(|entered| *entered == state).count() >= times {
                return;
            }
            let (status, said) = self.status(execution).await;
            let goes_on = status == ExecutionStatus::Running && Instant::now() < end;
            assert!(goes_on, "too few {state} in {states:?}: {status} {said}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until a try of a task of an execution has failed with an error.
    pub(crate) async fn fails_with(&self, execution: &str, state: &str, error: &str) {
        let wanted = (state.to_owned(), error.to_owned());
        let end = Instant::now() + PATIENCE;
        loop {
            let history = backstage::history(&self.sfn, execution).await.unwrap();
            if history.failures.contains(&wanted) {
                return;
            }
            let states = history.states;
            assert!(Instant::now() < end, "no {error} of {state} in {states:?}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// The id of the run that an execution has claimed, if it has.
    pub(crate) async fn claimed(&self, execution: &str) -> Option<String> {
        let history = backstage::history(&self.sfn, execution).await.unwrap();
        let mut results = history.results.iter();
        let (_, claim) = results.find(|(state, _)| state == "ClaimRun")?;
        claim["runId"].as_str().map(str::to_owned)
    }

    /// Waits until an execution has entered a state.
    pub(crate) async fn reaches(&self, execution: &str, state: &str) {
        self.reaches_again(execution, state, 1).await;
    }

    /// Waits until an execution has ended; returns how, with its error and cause.
    pub(crate) async fn ended(&self, execution: &str) -> (ExecutionStatus, String) {
        let end = Instant::now() + PATIENCE;
        loop {
            let (status, said) = self.status(execution).await;
            if status != ExecutionStatus::Running {
                return (status, said);
            }
            assert!(Instant::now() < end, "{execution} goes on and on");
            tokio::time::sleep(POLL).await;
        }
    }

    async fn status(&self, execution: &str) -> (ExecutionStatus, String) {
        let describe = self.sfn.describe_execution().execution_arn(execution);
        let described = describe.send().await.unwrap();
        let error = described.error().unwrap_or_default();
        let cause = described.cause().unwrap_or_default();
        let said = format!("{error}: {cause}");
        (described.status, said)
    }

    /// The executions of this machine whose input or ARN names something, newest first.
    pub(crate) async fn executions_about(&self, what: &str) -> Vec<String> {
        let list = self.sfn.list_executions().state_machine_arn(&self.arn);
        let listed = list.into_paginator().items().send();
        let mut found = Vec::new();
        for execution in listed.collect::<Result<Vec<_>, _>>().await.unwrap() {
            let arn = execution.execution_arn();
            if self.input_of(arn).await.contains(what) {
                found.push(arn.to_owned());
            }
        }
        found
    }

    /// What an execution was started with. It never changes, so each is asked for once.
    async fn input_of(&self, arn: &str) -> String {
        static INPUTS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
        let known = INPUTS.lock().unwrap().get(arn).cloned();
        if let Some(input) = known {
            return input;
        }
        let describe = self.sfn.describe_execution().execution_arn(arn);
        let described = describe.send().await.unwrap();
        let input = described.input().unwrap_or_default().to_owned();
        let mut inputs = INPUTS.lock().unwrap();
        inputs.insert(arn.to_owned(), input.clone());
        input
    }
}

fn case(state: &str, fault: &str) -> String {
    format!("{state}.{fault}")
}

/// Tells the emulator of every fault of every state of both machines. It takes the form of Step
/// Functions Local; which execution a fault is for is said when that is started.
pub(crate) async fn prepare_faults(stack: &Stack) {
    static PREPARED: OnceCell<()> = OnceCell::const_new();
    let prepare = async {
        let machines = [
            Machine::show(stack).await,
            Machine::compensation(stack).await,
        ];
        let config = json!({ "stepfunctions._sfn_mock_config": mock_config(&machines) });
        let url = format!("{}/_ministack/config", stack.endpoint_url);
        let http = stack.http_client().unwrap();
        let answer = http.post(url).json(&config).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        let applied = &answer["applied"]["stepfunctions._sfn_mock_config"];
        assert!(applied.is_object(), "{answer}");
    };
    PREPARED.get_or_init(|| prepare).await;
}

fn mock_config(machines: &[Machine]) -> Value {
    let responses: BTreeMap<_, _> = FAULTS
        .iter()
        .map(|(name, fault)| {
            let response = match fault {
                Fault::Throws(error) => {
                    let cause = json!({ "errorType": error, "errorMessage": "made to fail" });
                    json!({ "Throw": { "Error": error, "Cause": cause.to_string() } })
                }
                Fault::Answers(what) => {
                    json!({ "Return": { "StatusCode": 200, "Payload": what() } })
                }
            };
            (*name, json!({ "0-999": response }))
        })
        .collect();
    let of_machine = |machine: &Machine| {
        let mut cases = Map::new();
        for state in machine.states("Task") {
            for (fault, _) in FAULTS {
                let mut faults = Map::new();
                // It is reached only when another one fails.
                if state == "Compensate" {
                    faults.insert("PushQuestion".to_owned(), json!("refused"));
                }
                faults.insert(state.clone(), json!(fault));
                cases.insert(case(&state, fault), Value::Object(faults));
            }
        }
        let name = machine.arn.rsplit(':').next().unwrap().to_owned();
        (name, json!({ "TestCases": cases }))
    };
    let machines: Map<_, _> = machines.iter().map(of_machine).collect();
    json!({ "StateMachines": machines, "MockedResponses": responses })
}
