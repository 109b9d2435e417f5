//! How rules are made, and calls counted, over HTTP.
//!
//! | call | answer |
//! | --- | --- |
//! | `POST /rules`, a [`Rule`] | 201 `{"id": 7}` |
//! | `GET /rules/7` | 200, a [`Count`] |
//! | `DELETE /rules/7` | 204 |
//! | `POST /watches`, a [`Watch`] | 201 `{"id": 3}` |
//! | `GET /watches/3` | 200, a list of [`Seen`]: the calls that it was about so far |
//! | `DELETE /watches/3` | 204 |

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
    watches::{Seen, Watch, Watches},
};

/// Takes rules and watches for ever.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    rules: Arc<Rules>,
    watches: Arc<Watches>,
) -> io::Result<()> {
    let watching = Router::new()
        .route("/watches", post(watch))
        .route("/watches/{id}", get(seen).delete(look_away))
        .with_state(watches);
    let router = Router::new()
        .route("/rules", post(add))
        .route("/rules/{id}", get(count).delete(remove))
        .with_state(rules)
        .merge(watching);
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

async fn watch(
    State(watches): State<Arc<Watches>>,
    Json(watch): Json<Watch>,
) -> (StatusCode, Json<Value>) {
    let id = watches.add(watch);
    (StatusCode::CREATED, Json(json!({ "id": id })))
}

async fn seen(
    State(watches): State<Arc<Watches>>,
    Path(id): Path<u64>,
) -> Result<Json<Vec<Seen>>, StatusCode> {
    watches.seen(id).map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn look_away(State(watches): State<Arc<Watches>>, Path(id): Path<u64>) -> StatusCode {
    match watches.remove(id) {
        true => StatusCode::NO_CONTENT,
        false => StatusCode::NOT_FOUND,
    }
}
