//! The routes about the service itself: health, metrics, and its contract.

use std::sync::Arc;

use axum::{
    Json,
    extract::State as Shared,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use prometheus_client::encoding::text::encode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    State,
    auth::Principal,
    contract::{BehindToken, also_at},
    correlation,
    problem::{Document, Problem},
};
use crate::{health, metrics};

/// The routes. Under `/api` stand the paths that the contract of this system promises; they ask the same questions.
pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(also_at(&["/health", "/api/health/live"], routes!(live)))
        .routes(also_at(&["/api/health", "/api/health/ready"], routes!(ready)))
        .routes(routes!(worker))
        .routes(routes!(detailed))
        .routes(routes!(metrics))
        .routes(routes!(contract))
}

/// A process that answers
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Alive {
    /// Always `ok`
    status: &'static str,
}

/// This process answers; it depends on nothing
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "health",
    responses((status = OK, body = Alive, description = "It does"))
)]
async fn live() -> Response {
    ([("x-health-status", "healthy")], Json(Alive { status: "ok" })).into_response()
}

/// Webhooks may be sent
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "health",
    responses(
        (status = OK, body = health::Readiness, description = "They may"),
        (status = SERVICE_UNAVAILABLE, body = health::Readiness, description = "Not now, and why")
    )
)]
async fn ready(Shared(state): Shared<Arc<State>>) -> Response {
    let readiness = health::look(&state.pool, &state.box_key).await;
    answer(readiness.is_well(), &readiness)
}

/// The work that is asked for gets done
#[utoipa::path(
    get,
    path = "/health/worker",
    tag = "health",
    responses(
        (status = OK, body = health::Finding, description = "It does"),
        (status = SERVICE_UNAVAILABLE, body = health::Finding, description = "It does not, or nobody can say")
    )
)]
async fn worker(Shared(state): Shared<Arc<State>>) -> Response {
    let finding = state.worker.ask().await;
    answer(finding.is_well(), &finding)
}

/// All of it at once, and what waits on every queue
#[utoipa::path(
    get,
    path = "/api/health/detailed",
    tag = "health",
    security(("bearer" = [])),
    responses(
        (status = OK, body = health::Detail, description = "All of it is well"),
        BehindToken,
        (
            status = SERVICE_UNAVAILABLE,
            content((health::Detail = "application/json"), (Document = "application/problem+json")),
            description = "Not all of it is, and what; or nobody can say whose token it is"
        )
    )
)]
async fn detailed(_: Principal, Shared(state): Shared<Arc<State>>) -> Response {
    let detail = health::look_closely(&state.pool, &state.box_key, &state.worker).await;
    answer(detail.is_well(), &detail)
}

/// Counters and gauges, as they stand
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "metrics",
    responses((status = OK, body = String, content_type = metrics::CONTENT_TYPE, description = "The page"))
)]
async fn metrics(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    let mut page = String::new();
    match encode(&mut page, &state.registry) {
        Ok(()) => ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], page).into_response(),
        Err(_) => Problem::of(StatusCode::INTERNAL_SERVER_ERROR, correlation::of(&headers)).into_response(),
    }
}

/// This document
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "contract",
    responses((status = OK, body = Object, description = "The contract"))
)]
async fn contract() -> Response {
    let media_type = [(header::CONTENT_TYPE, "application/json")];
    (media_type, super::CONTRACT.as_str()).into_response()
}

fn answer(well: bool, found: &impl Serialize) -> Response {
    let (status, word) = if well {
        (StatusCode::OK, "healthy")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unhealthy")
    };
    (status, [("x-health-status", word)], Json(found)).into_response()
}
