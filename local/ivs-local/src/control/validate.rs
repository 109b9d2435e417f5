//! Constraints of the service model: patterns, lengths and enumerations.

use crate::arn::Kind;
use crate::catalog::Tags;

use super::ApiError;

/// Longest name of a channel or key pair.
const NAME: usize = 128;
/// Most tags of a resource, and the longest key and value.
const TAGS: (usize, usize, usize) = (50, 128, 256);

/// An ARN of the given kind.
pub(super) fn arn(kind: Kind, arn: &str) -> Result<(), ApiError> {
    if kind.matches(arn) {
        return Ok(());
    }
    Err(ApiError::Validation(format!(
        "the ARN is not one of a {kind}"
    )))
}

/// `[a-zA-Z0-9-_]*`, at most 128 characters.
pub(super) fn name(name: &str) -> Result<(), ApiError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.len() <= NAME && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(ApiError::Validation(
        "name must match [a-zA-Z0-9-_]* and have at most 128 characters".into(),
    ))
}

/// One of an enumeration's values, or its default when absent.
pub(super) fn one_of(
    field: &str,
    value: Option<String>,
    allowed: &[&str],
    default: &str,
) -> Result<String, ApiError> {
    let value = value.unwrap_or_else(|| default.to_owned());
    if allowed.contains(&value.as_str()) {
        return Ok(value);
    }
    Err(ApiError::Validation(format!(
        "{field} must be one of {}",
        allowed.join(", ")
    )))
}

/// At most 50 tags with keys of 1 to 128 and values of up to 256 characters.
pub(super) fn tags(tags: &Tags) -> Result<(), ApiError> {
    let (most, key_chars, value_chars) = TAGS;
    let fits = |(key, value): (&String, &String)| {
        !key.is_empty() && key.chars().count() <= key_chars && value.chars().count() <= value_chars
    };
    if tags.len() <= most && tags.iter().all(fits) {
        return Ok(());
    }
    Err(ApiError::Validation(
        "too many tags, or one that is too long".into(),
    ))
}
