//! Tasks, for who asked for them.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State as Shared, rejection::PathRejection},
    http::HeaderMap,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    State,
    auth::Principal,
    contract::{BehindToken, Nowhere},
    correlation,
    problem::Problem,
};
use crate::db;

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default().routes(routes!(task))
}

/// A task
#[derive(Serialize, ToSchema, sqlx::FromRow)]
#[serde(deny_unknown_fields)]
struct TaskStatus {
    #[sqlx(rename = "id")]
    task_id: Uuid,
    /// What is done
    name: String,
    /// `pending`, `running`, `succeeded`, `failed` or `withdrawn`
    state: String,
    /// How often it was begun
    #[schema(minimum = 0)]
    attempts: i32,
    /// What came of it; an object whose fields are the task's own
    #[schema(required = true, value_type = Option<Object>)]
    result: Option<Value>,
    correlation_id: Uuid,
    enqueued_at: DateTime<Utc>,
    #[schema(required = true)]
    started_at: Option<DateTime<Utc>>,
    #[schema(required = true)]
    ended_at: Option<DateTime<Utc>>,
}

/// How a task stands, of this tenant, and of this user when it is a user's
#[utoipa::path(
    get,
    path = "/api/tasks/{id}",
    tag = "tasks",
    security(("bearer" = [])),
    params(("id" = Uuid, Path, description = "The task")),
    responses((status = OK, body = TaskStatus, description = "How it stands"), Nowhere, BehindToken)
)]
async fn task(
    principal: Principal,
    headers: HeaderMap,
    id: Result<Path<Uuid>, PathRejection>,
    Shared(state): Shared<Arc<State>>,
) -> Result<Json<TaskStatus>, Problem> {
    let correlation = correlation::of(&headers);
    let nowhere = || Problem::not_found("there is no such task", correlation);
    let Path(id) = id.map_err(|_| nowhere())?;
    let found = tokio::time::timeout(PATIENCE, find(&principal, &state, id)).await;
    let found = found.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(|error| {
        tracing::warn!(correlation_id = %correlation, error = db::words(&error), "tasks");
        Problem::unavailable(correlation)
    })?;
    found.map(Json).ok_or_else(nowhere)
}

async fn find(principal: &Principal, state: &State, id: Uuid) -> Result<Option<TaskStatus>, sqlx::Error> {
    let mut transaction = principal.begin(&state.pool).await?;
    let found = sqlx::query_as(
        "select id, name, state, attempts, result, correlation_id, enqueued_at, started_at, ended_at from tenant_task($1)",
    )
    .bind(id)
    .fetch_optional(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(found)
}
