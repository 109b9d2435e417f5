//! What this repository's template and state machine say, as they were when this was built.

use documents::template;
use serde_json::Value;

const TEMPLATE: &str = include_str!("../../../infra/app.yaml");
const SAGA: &str = include_str!("../../../statemachines/quiz-show.asl.json");

/// A function of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// Its memory, in MB.
    pub memory_mb: u32,
    /// The longest that it may run, in seconds.
    pub timeout_seconds: u32,
}

/// What is read from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct House {
    /// Requests a second that the API's stage takes.
    pub stage_rate: u64,
    /// How far a burst may exceed that.
    pub stage_burst: u64,
    /// What viewers get on top of a question's seconds.
    pub latency_allowance_seconds: u32,
    /// How long after a window closes it is tallied.
    pub drain_seconds: u32,
    /// The most records of the stream in a batch of `live-tally`.
    pub batch_size: u64,
    /// How many batches of a stream shard are handled at the same time.
    pub parallel_batches: u64,
    /// Takes answers.
    pub answer_api: Function,
    /// Counts them as they come.
    pub live_tally: Function,
    /// Counts them in the end.
    pub answer_saga: Function,
    /// Publishes them.
    pub answer_recorder: Function,
    /// Pushes cues.
    pub quiz_saga: Function,
    /// Signs playback tokens.
    pub token_api: Function,
    saga: Value,
}

impl House {
    /// The house as it stands.
    pub fn read() -> Self {
        let template = template::parse(TEMPLATE).expect("the template is YAML: a test reads it");
        let parameter = |name: &str| whole(&template["Parameters"][name]["Default"]);
        let resources = &template["Resources"];
        let live = &resources["LiveTallyFunction"]["Properties"]["Events"]["Stream"]["Properties"];
        let function = |name: &str| {
            let here = &resources[name]["Properties"];
            let all = &template["Globals"]["Function"];
            let of = |key: &str| match here[key].is_null() {
                true => small(&all[key]),
                false => small(&here[key]),
            };
            Function {
                memory_mb: of("MemorySize"),
                timeout_seconds: of("Timeout"),
            }
        };
        Self {
            stage_rate: parameter("ThrottlingRateLimit"),
            stage_burst: parameter("ThrottlingBurstLimit"),
            latency_allowance_seconds: small(
                &template["Parameters"]["LatencyAllowanceSeconds"]["Default"],
            ),
            drain_seconds: small(&template["Parameters"]["DrainSeconds"]["Default"]),
            batch_size: whole(&live["BatchSize"]),
            // Lambda's default is one.
            parallel_batches: live["ParallelizationFactor"].as_u64().unwrap_or(1),
            answer_api: function("AnswerApiFunction"),
            live_tally: function("LiveTallyFunction"),
            answer_saga: function("AnswerSagaFunction"),
            answer_recorder: function("AnswerRecorderFunction"),
            quiz_saga: function("QuizSagaFunction"),
            token_api: function("TokenApiFunction"),
            saga: serde_json::from_str(SAGA).expect("the state machine is JSON: a test reads it"),
        }
    }

    /// The states that a run with so many questions enters when nothing goes wrong, in order.
    pub fn states(&self, questions: u32) -> Vec<&str> {
        let mut states = Vec::new();
        let mut asked = 0;
        let mut state = self.saga["StartAt"].as_str();
        while let Some(name) = state {
            states.push(name);
            let definition = &self.saga["States"][name];
            state = match definition["Type"].as_str() {
                // The first choice is the one that goes on, until there are no more questions.
                Some("Choice") if name == "MoreQuestions?" => {
                    asked += 1;
                    match asked < questions {
                        true => definition["Choices"][0]["Next"].as_str(),
                        false => definition["Default"].as_str(),
                    }
                }
                Some("Choice") => definition["Choices"][0]["Next"].as_str(),
                _ => definition["Next"].as_str(),
            };
        }
        states
    }

    /// How many of these states call a function, and which event they publish counts as a call too.
    pub fn is_task(&self, state: &str) -> bool {
        self.saga["States"][state]["Type"] == "Task"
    }
}

fn whole(value: &Value) -> u64 {
    value
        .as_u64()
        .expect("a whole number stands there: a test reads it")
}

fn small(value: &Value) -> u32 {
    u32::try_from(whole(value)).expect("it is small: a test reads it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_and_the_state_machine_say_what_is_needed() {
        let house = House::read();
        assert!(house.stage_rate > 0 && house.batch_size > 0 && house.drain_seconds >= 2);
        assert!(house.answer_saga.memory_mb >= 1_769, "it has a whole CPU");
        assert_eq!(house.answer_api.timeout_seconds, 10);
    }

    #[test]
    fn a_run_goes_through_every_question_and_ends() {
        let house = House::read();
        let states = house.states(3);
        let count = |name| states.iter().filter(|&&state| state == name).count();
        assert_eq!((count("OpenWindow"), count("Pause")), (3, 2));
        assert_eq!((count("Tally"), count("Leaderboard")), (3, 1));
        assert_eq!(states.last(), Some(&"Completed"));
    }
}
