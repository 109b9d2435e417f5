//! An error as the operator reads it: one line that says what is wrong, and what to do next.

use cuepoint_shared::aws::{AwsError, Failure};

/// Something an operator has to do something about.
#[derive(Debug, thiserror::Error)]
#[error("{what}; {next}")]
pub struct Advised {
    what: String,
    next: String,
}

impl Advised {
    /// What is wrong, and what to do next.
    pub fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            next: next.into(),
        }
    }
}

/// A failed call to AWS with what can be done about it.
pub fn advise(error: AwsError) -> anyhow::Error {
    match next(&error) {
        Some(next) => Advised::new(error.to_string(), next).into(),
        None => error.into(),
    }
}

fn next(error: &AwsError) -> Option<&'static str> {
    match (error.failure, error.code.as_str()) {
        (_, code) if code.starts_with("AccessDenied") => {
            Some("docs/runbook.md lists the actions that an operator needs")
        }
        (_, "ExpiredTokenException" | "UnrecognizedClientException" | "InvalidClientTokenId") => {
            Some("sign in to AWS again")
        }
        (_, "NoConnection") => Some("check the network, the region and the credentials"),
        (Failure::Throttled | Failure::Unavailable, _) => Some("run the same command again"),
        (Failure::Refused, _) => None,
    }
}

/// What an error and its causes say, in one line. A cause that an error has told already is not
/// told again.
pub fn in_one_line(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain() {
        let text = cause.to_string().replace(['\n', '\r'], " ");
        if !told.contains(&text) {
            let colon = if told.is_empty() { "" } else { ": " };
            told = format!("{told}{colon}{text}");
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(failure: Failure, code: &str) -> AwsError {
        AwsError {
            operation: "PutSecretValue",
            failure,
            code: code.to_owned(),
            message: "no".to_owned(),
        }
    }

    #[test]
    fn an_error_says_in_one_line_what_to_do_next() {
        let denied = advise(call(Failure::Refused, "AccessDeniedException"));
        let line = in_one_line(&denied.context("cannot store\nthe key"));
        assert_eq!(
            line,
            "cannot store the key: PutSecretValue failed: AccessDeniedException: no; \
             docs/runbook.md lists the actions that an operator needs"
        );
        let slow = in_one_line(&advise(call(Failure::Throttled, "ThrottlingException")));
        assert!(slow.ends_with("; run the same command again"), "{slow}");
        let refused = in_one_line(&advise(call(Failure::Refused, "ValidationException")));
        assert!(refused.ends_with(": no"), "{refused}");
    }
}
