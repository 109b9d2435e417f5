//! Constraints of the service model: patterns, lengths and enumerations.

use crate::arn::Kind;
use crate::catalog::Tags;

use super::ApiError;

/// Longest name of anything.
const NAME: usize = 128;
/// Most tags of a resource.
pub(super) const TAGS: usize = 50;
/// Longest key of a tag, in characters.
const TAG_KEY: usize = 128;
/// Longest value of a tag, in characters.
const TAG_VALUE: usize = 256;

/// An ARN of the given kind.
pub(super) fn arn(kind: Kind, arn: &str) -> Result<(), ApiError> {
    if kind.matches(arn) {
        return Ok(());
    }
    Err(ApiError::Validation(format!(
        "the ARN is not one of a {kind}"
    )))
}

/// An ARN of the given kind, or "" for none.
pub(super) fn optional_arn(kind: Kind, text: &str) -> Result<(), ApiError> {
    if text.is_empty() {
        return Ok(());
    }
    arn(kind, text)
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

/// One of an enumeration's values.
pub(super) fn one_of(field: &str, value: String, allowed: &[&str]) -> Result<String, ApiError> {
    if allowed.contains(&value.as_str()) {
        return Ok(value);
    }
    Err(ApiError::Validation(format!(
        "{field} must be one of {}",
        allowed.join(", ")
    )))
}

/// From one to `most` entries.
pub(super) fn count(field: &str, count: usize, most: usize) -> Result<(), ApiError> {
    if (1..=most).contains(&count) {
        return Ok(());
    }
    Err(ApiError::Validation(format!(
        "{field} must have from 1 to {most} entries, not {count}"
    )))
}

/// At most 50 tags with keys of 1 to 128 and values of up to 256 characters, all of the kinds that
/// AWS allows in tags; keys that begin with `aws:` are reserved.
pub(super) fn tags(tags: &Tags) -> Result<(), ApiError> {
    let wrong = |text: String| Err(ApiError::Validation(text));
    if tags.len() > TAGS {
        return wrong(format!("a resource has at most {TAGS} tags"));
    }
    for (key, value) in tags {
        tag_key(key)?;
        if key.to_ascii_lowercase().starts_with("aws:") {
            return wrong("tag keys that begin with \"aws:\" are reserved".into());
        }
        if value.chars().count() > TAG_VALUE || !value.chars().all(is_tag_char) {
            return wrong(format!(
                "tag values have at most {TAG_VALUE} letters, digits, spaces and _.:/=+-@"
            ));
        }
    }
    Ok(())
}

/// The key of a tag.
pub(super) fn tag_key(key: &str) -> Result<(), ApiError> {
    if (1..=TAG_KEY).contains(&key.chars().count()) && key.chars().all(is_tag_char) {
        return Ok(());
    }
    Err(ApiError::Validation(format!(
        "tag keys have from 1 to {TAG_KEY} letters, digits, spaces and _.:/=+-@"
    )))
}

/// `[\p{L}\p{Z}\p{N}_.:/=+\-@]`. The standard library's letters include marks too, which only
/// widens it.
fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}
