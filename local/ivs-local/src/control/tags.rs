//! Tags of any resource, at `/tags/{resourceArn}`: the only operations that are not a POST to
//! their own name.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::json;

use crate::app::App;
use crate::arn;
use crate::catalog::Tags;

use super::{ApiError, Body, Reply, answer, caller, parse, validate};

/// The ARN, percent-encoded or not.
type ResourceArn = Result<Path<String>, PathRejection>;

/// The routes of the three operations. The wildcard also takes the slash of an ARN that a client
/// did not encode.
pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/tags/{*resource_arn}", get(list).post(tag).delete(untag))
}

async fn list(State(app): State<Arc<App>>, headers: HeaderMap, path: ResourceArn) -> Response {
    answer("ListTagsForResource", || {
        let arn = resource_arn(&headers, path)?;
        let tags = app.catalog().tags_mut(&arn)?.clone();
        Ok(Reply::Json(json!({ "tags": tags })))
    })
}

#[derive(Deserialize)]
struct NewTags {
    tags: Tags,
}

async fn tag(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    path: ResourceArn,
    body: Body,
) -> Response {
    answer("TagResource", || {
        let arn = resource_arn(&headers, path)?;
        let NewTags { tags: new } = parse(body)?;
        validate::tags(&new)?;
        let mut catalog = app.catalog();
        let there = catalog.tags_mut(&arn)?;
        let mut all = there.clone();
        all.extend(new);
        validate::tags(&all)?;
        *there = all;
        Ok(Reply::Json(json!({})))
    })
}

async fn untag(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    path: ResourceArn,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Response {
    answer("UntagResource", || {
        let arn = resource_arn(&headers, path)?;
        let Query(query) = query.map_err(invalid)?;
        let keys: Vec<&String> = query
            .iter()
            .filter(|(name, _)| name == "tagKeys")
            .map(|(_, key)| key)
            .collect();
        validate::count("tagKeys", keys.len(), validate::TAGS)?;
        for key in &keys {
            validate::tag_key(key)?;
        }
        let mut catalog = app.catalog();
        let tags = catalog.tags_mut(&arn)?;
        tags.retain(|key, _| !keys.contains(&key));
        Ok(Reply::Json(json!({})))
    })
}

/// The ARN of a signed request: of a kind that there is here, or of another, which is not found.
fn resource_arn(headers: &HeaderMap, path: ResourceArn) -> Result<String, ApiError> {
    caller(headers)?;
    let Path(arn) = path.map_err(invalid)?;
    if arn::kind_name(&arn).is_none() {
        return Err(ApiError::Validation(
            "resourceArn is not an ARN of IVS".into(),
        ));
    }
    Ok(arn)
}

fn invalid(rejection: impl std::fmt::Display) -> ApiError {
    ApiError::Validation(rejection.to_string())
}
