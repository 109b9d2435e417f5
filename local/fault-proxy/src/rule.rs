//! Which calls are meant, how often, and what happens to them.

use serde::{Deserialize, Serialize};

use crate::call::Call;

/// What happens to a call. The caller sees what it would see of AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// It is refused, since a limit is met; it is not made.
    Throttle,
    /// It is answered with status 500 and is not made.
    Fail,
    /// It is answered with this error and is not made.
    Refuse {
        /// The HTTP status.
        status: u16,
        /// The error's name, e.g. `ChannelNotBroadcasting`.
        code: String,
    },
    /// It is made so much later, unless the caller hangs up before.
    Stall {
        /// In milliseconds.
        millis: u64,
    },
    /// It is made, and its answer is lost with the connection.
    LoseAnswer,
    /// The function is killed; the call is not made.
    KillBefore,
    /// The call is made, and the function is killed before it gets the answer.
    KillAfter,
}

impl Action {
    /// Whether it is done to a function's process.
    pub fn kills(&self) -> bool {
        matches!(self, Self::KillBefore | Self::KillAfter)
    }
}

/// That a rule hits only some of its calls, drawn from a seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chance {
    /// From 0, none, to 1, all.
    pub probability: f64,
    /// The same seed draws the same.
    pub seed: u64,
}

/// What happens to which calls. What is not said does not matter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// The function that calls, by its full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The service that is called, as signatures name it, e.g. `dynamodb`, `events`, `ivs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The operation, e.g. `PutItem`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Each of these is in the body, e.g. a table's name and the id of a run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<String>,
    /// So many of its calls go through first.
    #[serde(default)]
    pub skip: u64,
    /// How many it hits at most. With 0 it hits none, and only counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Whether it hits a call is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<Chance>,
    /// What happens.
    pub action: Action,
}

impl Rule {
    /// This happens to every call.
    pub fn new(action: Action) -> Self {
        Self {
            function: None,
            service: None,
            operation: None,
            contains: Vec::new(),
            skip: 0,
            times: None,
            chance: None,
            action,
        }
    }

    /// Only calls of this function.
    #[must_use]
    pub fn of_function(mut self, function: &str) -> Self {
        self.function = Some(function.to_owned());
        self
    }

    /// Only this operation of this service, e.g. `dynamodb` and `PutItem`.
    #[must_use]
    pub fn to(mut self, service: &str, operation: &str) -> Self {
        self.service = Some(service.to_owned());
        self.operation = Some(operation.to_owned());
        self
    }

    /// Only calls with this in their body, beside what was said before.
    #[must_use]
    pub fn about(mut self, text: &str) -> Self {
        self.contains.push(text.to_owned());
        self
    }

    /// Not the first so many.
    #[must_use]
    pub fn skip(mut self, calls: u64) -> Self {
        self.skip = calls;
        self
    }

    /// At most so many.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.times = Some(calls);
        self
    }

    /// Only some, drawn from a seed.
    #[must_use]
    pub fn by_chance(mut self, probability: f64, seed: u64) -> Self {
        self.chance = Some(Chance { probability, seed });
        self
    }

    /// Whether it is about this call.
    pub fn is_about(&self, call: &Call<'_>) -> bool {
        let is = |wanted: &Option<String>, there: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == there)
        };
        let function = call.function.unwrap_or_default();
        is(&self.function, function)
            && is(&self.service, &call.service)
            && is(&self.operation, &call.operation)
            && (!self.action.kills() || call.function.is_some())
            && self.contains.iter().all(|text| call.contains(text))
    }

    /// Whether one has to know the caller to tell whether it is about a call.
    pub fn asks_for_the_caller(&self) -> bool {
        self.function.is_some() || self.action.kills()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<'a>(function: Option<&'a str>, body: &'a [u8]) -> Call<'a> {
        Call {
            function,
            service: "dynamodb".to_owned(),
            operation: "PutItem".to_owned(),
            body,
        }
    }

    #[test]
    fn everything_that_a_rule_says_must_be_so() {
        let body = br#"{"TableName":"answers","Item":{"partition":{"S":"quiz#run-7#q1#0"}}}"#;
        let ours = call(Some("cuepoint-answer-api"), body);
        let rule = Rule::new(Action::Throttle)
            .of_function("cuepoint-answer-api")
            .to("dynamodb", "PutItem")
            .about("\"answers\"")
            .about("run-7");
        assert!(rule.is_about(&ours));
        assert!(Rule::new(Action::Fail).is_about(&ours), "every call");
        for other in [
            rule.clone().of_function("answer-api"),
            rule.clone().to("dynamodb", "GetItem"),
            rule.clone().to("events", "PutItem"),
            rule.clone().about("run-8"),
        ] {
            assert!(!other.is_about(&ours), "{other:?}");
        }
        assert!(!rule.is_about(&call(None, body)), "an unknown caller");
    }

    #[test]
    fn who_is_no_function_is_not_killed() {
        let rule = Rule::new(Action::KillAfter);
        assert!(rule.asks_for_the_caller());
        assert!(!rule.is_about(&call(None, b"{}")));
        assert!(rule.is_about(&call(Some("any"), b"{}")));
    }

    #[test]
    fn a_rule_reads_as_it_is_written() {
        let rule = Rule::new(Action::Stall { millis: 20 })
            .to("ivs", "PutMetadata")
            .by_chance(0.5, 7);
        let json = serde_json::to_value(&rule).unwrap();
        assert_eq!(json["action"]["kind"], "stall");
        assert_eq!(serde_json::from_value::<Rule>(json).unwrap(), rule);
        let short = r#"{"action":{"kind":"lose-answer"}}"#;
        let read: Rule = serde_json::from_str(short).unwrap();
        assert_eq!(read, Rule::new(Action::LoseAnswer));
        let misspelt = r#"{"action":{"kind":"fail"},"operations":"PutItem"}"#;
        assert!(serde_json::from_str::<Rule>(misspelt).is_err());
    }
}
