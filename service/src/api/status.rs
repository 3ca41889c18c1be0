//! The routes about the service itself: health and metrics.

use std::sync::Arc;

use axum::{
    Json,
    extract::State as Shared,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use prometheus_client::encoding::text::encode;
use serde::Serialize;
use serde_json::json;

use super::{State, problem::Problem};
use crate::{health, metrics};

/// This process answers. It depends on nothing.
pub(super) async fn live() -> Response {
    ([("x-health-status", "healthy")], Json(json!({ "status": "ok" }))).into_response()
}

/// Webhooks may be sent.
pub(super) async fn ready(Shared(state): Shared<Arc<State>>) -> Response {
    let readiness = health::look(&state.pool, &state.box_key).await;
    answer(readiness.is_well(), &readiness)
}

/// The work that is asked for gets done.
pub(super) async fn worker(Shared(state): Shared<Arc<State>>) -> Response {
    let finding = state.worker.ask().await;
    answer(finding.is_well(), &finding)
}

/// Counters and gauges, as they stand.
pub(super) async fn metrics(Shared(state): Shared<Arc<State>>) -> Response {
    let mut page = String::new();
    match encode(&mut page, &state.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], page).into_response(),
        Err(_) => Problem::plain(StatusCode::INTERNAL_SERVER_ERROR).into_response(),
    }
}

fn answer(well: bool, found: &impl Serialize) -> Response {
    let (status, word) = if well {
        (StatusCode::OK, "healthy")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unhealthy")
    };
    (status, [("x-health-status", word)], Json(found)).into_response()
}
