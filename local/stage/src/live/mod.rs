//! The commands that do something to a system that is up: `cargo xtask cue`, `quiz`, `entitle` and
//! `revoke` hand their arguments on to here, and say in their own help what each is for.

pub(crate) mod cue;
pub(crate) mod entitlement;
pub(crate) mod quiz;

use anyhow::Context;
use serde_json::Value;
use stage::Stack;

/// What `cargo xtask up` wrote about the users that it made: by the word each is known by.
///
/// None when it made none, as it is with a demo.
fn users() -> anyhow::Result<Option<Value>> {
    let file = Stack::path().with_file_name("users.json");
    match std::fs::read_to_string(&file) {
        Ok(text) => serde_json::from_str(&text)
            .map(Some)
            .with_context(|| format!("{} is not JSON", file.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}
