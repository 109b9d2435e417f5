//! Free text of bounded length.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Text of at most `MAX` characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text<const MAX: usize>(String);

/// A text is longer than its place in the contract allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a text of {length} characters where at most {max} are allowed")]
pub struct TextTooLong {
    /// Its length, in characters.
    pub length: usize,
    /// The greatest length.
    pub max: usize,
}

impl<const MAX: usize> Text<MAX> {
    /// As much of a text as fits, for texts that explain but decide nothing.
    pub fn shortened(text: &str) -> Self {
        Self(text.chars().take(MAX).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> TryFrom<String> for Text<MAX> {
    type Error = TextTooLong;

    fn try_from(text: String) -> Result<Self, TextTooLong> {
        match text.chars().count() {
            length if length > MAX => Err(TextTooLong { length, max: MAX }),
            _ => Ok(Self(text)),
        }
    }
}

impl<const MAX: usize> From<Text<MAX>> for String {
    fn from(text: Text<MAX>) -> String {
        text.0
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MAX: usize> JsonSchema for Text<MAX> {
    fn schema_name() -> Cow<'static, str> {
        format!("Text{MAX}").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": MAX })
    }
}
