//! Operations on several resources at once: what fails is told apart, the rest is done.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::arn::Kind;
use crate::catalog::CatalogError;

use super::{ApiError, validate};

/// ARNs a request at most (service model).
const ARNS: usize = 50;

/// The ARNs of several resources.
#[derive(Deserialize)]
pub(super) struct Arns {
    arns: Vec<String>,
}

/// What was found, and a `BatchError` of the service model for each ARN that was not.
pub(super) fn get(
    kind: Kind,
    input: &Arns,
    find: impl Fn(&str) -> Result<Value, CatalogError>,
) -> Result<(Vec<Value>, Vec<Value>), ApiError> {
    validate::count("arns", input.arns.len(), ARNS)?;
    for arn in &input.arns {
        validate::arn(kind, arn)?;
    }
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for arn in &input.arns {
        match find(arn) {
            Ok(item) => found.push(item),
            Err(error) => {
                let mut entry = error_entry(&error.into());
                entry["arn"] = json!(arn);
                errors.push(entry);
            }
        }
    }
    Ok((found, errors))
}

/// The code and message of one entry's error. The service model leaves the codes open: they are
/// the names of the errors that the single operations answer.
pub(super) fn error_entry(error: &ApiError) -> Value {
    json!({ "code": error.name(), "message": error.to_string() })
}
