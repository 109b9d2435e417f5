//! Playback restriction policies: from which countries and origins channels may be played.

use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::arn::Kind;
use crate::catalog::{PlaybackRestrictionPolicy, Tags};

use super::channels::ByArn;
use super::page::{self, Wanted};
use super::{ApiError, Caller, Reply, countries, validate};

/// Characters of a policy's id.
const ID: usize = 12;
/// Longest origin, in characters (service model).
const ORIGIN: usize = 128;
/// Countries or origins of a policy. The service model names no limit; memory is bounded here.
const ENTRIES: usize = 500;

/// The fields that can be told at creation and changed later. An absent one keeps what is there.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PolicySettings {
    name: Option<String>,
    allowed_countries: Option<Vec<String>>,
    allowed_origins: Option<Vec<String>>,
    enable_strict_origin_enforcement: Option<bool>,
}

impl PolicySettings {
    pub(super) fn check(&self) -> Result<(), ApiError> {
        if let Some(name) = &self.name {
            validate::name(name)?;
        }
        let countries = self.allowed_countries.iter().flatten();
        if let Some(wrong) = countries.into_iter().find(|code| !countries::is_code(code)) {
            let wrong: String = wrong.chars().take(2).collect();
            return Err(ApiError::Validation(format!(
                "allowedCountries: {wrong:?} is not an ISO 3166-1 alpha-2 code"
            )));
        }
        let mut origins = self.allowed_origins.iter().flatten();
        if origins.any(|origin| origin.chars().count() > ORIGIN) {
            return Err(ApiError::Validation(format!(
                "allowedOrigins: an origin has at most {ORIGIN} characters"
            )));
        }
        let lists = [&self.allowed_countries, &self.allowed_origins];
        if lists.into_iter().flatten().any(|list| list.len() > ENTRIES) {
            return Err(ApiError::Validation(format!(
                "a policy has at most {ENTRIES} countries and {ENTRIES} origins"
            )));
        }
        Ok(())
    }

    pub(super) fn apply(self, policy: &mut PlaybackRestrictionPolicy) {
        if let Some(name) = self.name {
            policy.name = name;
        }
        if let Some(countries) = self.allowed_countries {
            policy.allowed_countries = countries;
        }
        if let Some(origins) = self.allowed_origins {
            policy.allowed_origins = origins;
        }
        if let Some(strict) = self.enable_strict_origin_enforcement {
            policy.enable_strict_origin_enforcement = strict;
        }
    }
}

#[derive(Deserialize)]
pub(super) struct CreatePolicy {
    tags: Option<Tags>,
    #[serde(flatten)]
    settings: PolicySettings,
}

pub(super) fn create(app: &App, caller: &Caller, input: CreatePolicy) -> Result<Reply, ApiError> {
    let tags = input.tags.unwrap_or_default();
    validate::tags(&tags)?;
    input.settings.check()?;
    let mut policy = PlaybackRestrictionPolicy {
        arn: Kind::PlaybackRestrictionPolicy.arn(&caller.region, &app.context.short_id(ID)),
        tags,
        ..PlaybackRestrictionPolicy::default()
    };
    input.settings.apply(&mut policy);
    let reply = json!({ "playbackRestrictionPolicy": policy });
    app.catalog().add_policy(policy)?;
    Ok(Reply::Json(reply))
}

pub(super) fn get(app: &App, _: &Caller, input: ByArn) -> Result<Reply, ApiError> {
    validate::arn(Kind::PlaybackRestrictionPolicy, &input.arn)?;
    let catalog = app.catalog();
    Ok(Reply::Json(
        json!({ "playbackRestrictionPolicy": catalog.policy(&input.arn)? }),
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListPolicies {
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn list(app: &App, caller: &Caller, input: ListPolicies) -> Result<Reply, ApiError> {
    let catalog = app.catalog();
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token,
        limit: 100,
        // The service model's own text says one.
        default: 1,
    };
    let page = page::cut(
        catalog.policies(&caller.region),
        |policy| &policy.arn,
        wanted,
    )?;
    let mut reply = json!({ "playbackRestrictionPolicies": page.items });
    if let Some(token) = page.next_token {
        reply["nextToken"] = json!(token);
    }
    Ok(Reply::Json(reply))
}

#[derive(Deserialize)]
pub(super) struct UpdatePolicy {
    arn: String,
    #[serde(flatten)]
    settings: PolicySettings,
}

pub(super) fn update(app: &App, _: &Caller, input: UpdatePolicy) -> Result<Reply, ApiError> {
    validate::arn(Kind::PlaybackRestrictionPolicy, &input.arn)?;
    input.settings.check()?;
    let mut catalog = app.catalog();
    let policy = catalog.policy_mut(&input.arn)?;
    input.settings.apply(policy);
    Ok(Reply::Json(json!({ "playbackRestrictionPolicy": policy })))
}

pub(super) fn delete(app: &App, _: &Caller, input: ByArn) -> Result<Reply, ApiError> {
    validate::arn(Kind::PlaybackRestrictionPolicy, &input.arn)?;
    app.catalog().remove_policy(&input.arn)?;
    Ok(Reply::Empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_of_the_model() {
        let check = |settings: serde_json::Value| {
            serde_json::from_value::<PolicySettings>(settings)
                .unwrap()
                .check()
        };
        let origin = |chars: usize| json!({ "allowedOrigins": ["o".repeat(chars)] });
        let full = json!({ "name": "p-1", "allowedCountries": ["AQ", "US"], "enableStrictOriginEnforcement": true });
        for right in [json!({}), full, origin(128), origin(0)] {
            assert_eq!(check(right.clone()), Ok(()), "{right}");
        }
        for wrong in [
            json!({ "name": "p 1" }),
            json!({ "allowedCountries": ["us"] }),
            json!({ "allowedCountries": ["US", "XX"] }),
            json!({ "allowedCountries": [""] }),
            origin(129),
            json!({ "allowedOrigins": vec!["o"; ENTRIES + 1] }),
        ] {
            assert!(
                matches!(check(wrong.clone()), Err(ApiError::Validation(_))),
                "{wrong}"
            );
        }
    }
}
