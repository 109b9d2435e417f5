//! Identifiers, each its own type, checked where they enter.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Text that is not an identifier of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}: it has 1 to {max} characters of {allowed}")]
pub struct InvalidId {
    /// What it should have been.
    pub kind: &'static str,
    /// The greatest length.
    pub max: usize,
    /// The character class, as a regular expression writes it.
    pub allowed: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, max $max:literal, also $also:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The greatest length, in characters.
            pub const MAX: usize = $max;
            const ALLOWED: &'static str = concat!("[A-Za-z0-9", $also, "-]");

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                let allowed =
                    |c: char| c.is_ascii_alphanumeric() || c == '-' || $also.contains(c);
                if text.is_empty() || text.len() > Self::MAX || !text.chars().all(allowed) {
                    return Err(InvalidId { kind: $kind, max: Self::MAX, allowed: Self::ALLOWED });
                }
                Ok(Self(text))
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "minLength": 1,
                    "maxLength": Self::MAX,
                    "pattern": format!("^{}+$", Self::ALLOWED),
                })
            }
        }
    };
}

id!(
    /// A viewer: the `sub` of their Cognito user. It becomes `aws:viewer-id` in a playback token,
    /// which IVS limits to 40 characters.
    UserId, "user id", max 40, also "_.:"
);
id!(
    /// A channel: the last part of its IVS ARN.
    ChannelId, "channel id", max 64, also "_"
);
id!(
    /// A quiz as a producer wrote it.
    QuizId, "quiz id", max 40, also "_"
);
id!(
    /// One run of a quiz on a channel.
    RunId, "run id", max 40, also "_"
);
id!(
    /// A question inside its quiz: `q1`, `q2`, ….
    QuestionId, "question id", max 16, also "_"
);
id!(
    /// An event. Consumers drop repeats by it.
    EventId, "event id", max 128, also "_.:/#"
);
id!(
    /// What ties together all that follows from one cause.
    CorrelationId, "correlation id", max 128, also "_.:/#"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_checked_where_it_enters() {
        assert!("viewer-1".parse::<UserId>().is_ok());
        assert!("".parse::<UserId>().is_err());
        assert!("a".repeat(40).parse::<UserId>().is_ok());
        assert!("a".repeat(41).parse::<UserId>().is_err());
        assert!(
            "a#b".parse::<QuizId>().is_err(),
            "`#` separates the parts of a table key"
        );
        assert!(serde_json::from_str::<RunId>("\"a b\"").is_err());
    }

    #[test]
    fn the_error_names_the_kind_but_not_the_value() {
        let error = "secret value".parse::<UserId>().unwrap_err().to_string();
        assert!(
            error.contains("user id") && !error.contains("secret"),
            "{error}"
        );
    }
}
