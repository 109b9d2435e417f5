//! Playback key pairs: public keys that playback tokens are checked with.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::arn::Kind;
use crate::catalog::{KeyPair, Tags};
use crate::tokens::key::PlaybackKey;

use super::channels::ByArn;
use super::page::{self, Wanted};
use super::{ApiError, Caller, Reply, validate};

/// Characters of a key pair's id.
const ID: usize = 12;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Import {
    public_key_material: String,
    name: Option<String>,
    tags: Option<Tags>,
}

pub(super) fn import(app: &App, caller: &Caller, input: Import) -> Result<Reply, ApiError> {
    let (name, tags) = (
        input.name.unwrap_or_default(),
        input.tags.unwrap_or_default(),
    );
    validate::name(&name)?;
    validate::tags(&tags)?;
    let key = PlaybackKey::from_pem(&input.public_key_material)
        .map_err(|error| ApiError::Validation(error.to_string()))?;
    let arn = Kind::PlaybackKey.arn(&caller.region, &app.context.short_id(ID));
    let pair = KeyPair {
        arn,
        name,
        tags,
        key,
    };
    let reply = json!({ "keyPair": whole(&pair) });
    app.catalog().add_key_pair(pair)?;
    Reply::json(reply)
}

pub(super) fn get(app: &App, _: &Caller, input: ByArn) -> Result<Reply, ApiError> {
    validate::arn(Kind::PlaybackKey, &input.arn)?;
    Reply::json(json!({ "keyPair": whole(app.catalog().key_pair(&input.arn)?) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListKeyPairs {
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list(app: &App, caller: &Caller, input: ListKeyPairs) -> Result<Reply, ApiError> {
    let catalog = app.catalog();
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token,
        limit: 100,
        default: 100,
    };
    let page = page::cut(catalog.key_pairs(&caller.region), |pair| &pair.arn, wanted)?;
    let pairs: Vec<Value> = page
        .items
        .iter()
        .map(|pair| json!({ "arn": pair.arn, "name": pair.name, "tags": pair.tags }))
        .collect();
    let mut reply = json!({ "keyPairs": pairs });
    if let Some(token) = page.next_token {
        reply["nextToken"] = json!(token);
    }
    Reply::json(reply)
}

pub(super) fn delete(app: &App, _: &Caller, input: ByArn) -> Result<Reply, ApiError> {
    validate::arn(Kind::PlaybackKey, &input.arn)?;
    app.catalog().remove_key_pair(&input.arn)?;
    Reply::json(json!({}))
}

/// `PlaybackKeyPair` of the service model.
fn whole(pair: &KeyPair) -> Value {
    json!({ "arn": pair.arn, "name": pair.name, "fingerprint": pair.key.fingerprint(), "tags": pair.tags })
}
