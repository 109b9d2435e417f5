//! How rules are made, over HTTP.
//!
//! | call | answer |
//! | --- | --- |
//! | `POST /rules`, a [`Rule`] | 201 `{"id": 7}` |
//! | `GET /rules/7` | 200, a [`Count`] |
//! | `DELETE /rules/7` | 204 |

use std::{io, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    rule::Rule,
    rules::{Count, Rules},
};

/// Takes rules for ever.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, rules: Arc<Rules>) -> io::Result<()> {
    let router = Router::new()
        .route("/rules", post(add))
        .route("/rules/{id}", get(count).delete(remove))
        .with_state(rules);
    axum::serve(listener, router).await
}

async fn add(State(rules): State<Arc<Rules>>, Json(rule): Json<Rule>) -> (StatusCode, Json<Value>) {
    let id = rules.add(rule);
    (StatusCode::CREATED, Json(json!({ "id": id })))
}

async fn count(
    State(rules): State<Arc<Rules>>,
    Path(id): Path<u64>,
) -> Result<Json<Count>, StatusCode> {
    rules.count(id).map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn remove(State(rules): State<Arc<Rules>>, Path(id): Path<u64>) -> StatusCode {
    match rules.remove(id) {
        true => StatusCode::NO_CONTENT,
        false => StatusCode::NOT_FOUND,
    }
}
