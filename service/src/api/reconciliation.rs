//! The reconciliation routes: how a tenant's money stands, and the request to look again.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, State as Shared},
    http::{HeaderMap, StatusCode},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    State,
    auth::Principal,
    body::Asked,
    contract::{BehindToken, Body, Nowhere},
    correlation,
    problem::Problem,
};
use crate::{
    db,
    reconciliation::{
        platforms,
        standing::{self, Standing, Sums},
    },
};

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a run takes at most when nothing is wrong.
const USUAL: TimeDelta = TimeDelta::minutes(2);

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(status))
        .routes(routes!(platform))
        .routes(routes!(sync))
}

/// How far something is verified
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Verification {
    Verified,
    Pending,
    Failed,
}

/// Money, written as a decimal number with two places: exact, because no floating point number is ever made of it.
struct Money(i64);

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = format!("{}.{:02}", self.0 / 100, self.0 % 100);
        RawValue::from_string(text)
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

/// One platform
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PlatformStatus {
    /// As people spell it
    platform_name: &'static str,
    connection_status: Verification,
    /// When the latest payment was verified by it
    #[schema(required = true)]
    last_sync: Option<DateTime<Utc>>,
    /// Payments verified by it
    #[schema(minimum = 0)]
    events_processed: i64,
    /// What they come to, in units of their currency
    #[schema(value_type = f64, minimum = 0)]
    revenue_verified: Money,
}

/// All platforms
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReconciliationStatus {
    platforms: Vec<PlatformStatus>,
    overall_status: Verification,
    /// When a run over all platforms last went through
    #[schema(required = true)]
    last_full_sync: Option<DateTime<Utc>>,
}

/// What is to be looked at again
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SyncRequest {
    /// Whose payments; of all platforms when it is left out
    #[serde(default)]
    platform: Option<String>,
}

/// The run that was asked for
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SyncAccepted {
    /// The run's id
    sync_id: Uuid,
    /// Always `queued`
    status: &'static str,
    estimated_completion: DateTime<Utc>,
}

/// How a tenant's money stands, platform by platform
#[utoipa::path(
    get,
    path = "/api/reconciliation/status",
    tag = "reconciliation",
    security(("bearer" = [])),
    responses((status = OK, body = ReconciliationStatus, description = "How it stands"), BehindToken)
)]
async fn status(
    principal: Principal,
    headers: HeaderMap,
    Shared(state): Shared<Arc<State>>,
) -> Result<Json<ReconciliationStatus>, Problem> {
    let standing = standing_of(&principal, &state, &headers).await?;
    Ok(Json(ReconciliationStatus {
        platforms: standing
            .platforms
            .iter()
            .map(|sums| shown(&standing, sums))
            .collect(),
        overall_status: standing.state.into(),
        last_full_sync: standing.last_full,
    }))
}

/// How a tenant's money stands with one platform
#[utoipa::path(
    get,
    path = "/api/reconciliation/platform/{id}",
    tag = "reconciliation",
    security(("bearer" = [])),
    params(("id" = String, Path, description = "The platform, by its id or another of its names")),
    responses((status = OK, body = PlatformStatus, description = "How it stands"), Nowhere, BehindToken)
)]
async fn platform(
    principal: Principal,
    headers: HeaderMap,
    Path(id): Path<String>,
    Shared(state): Shared<Arc<State>>,
) -> Result<Json<PlatformStatus>, Problem> {
    let asked = platforms::find(&id)
        .ok_or_else(|| Problem::not_found("there is no such platform", correlation::of(&headers)))?;
    let standing = standing_of(&principal, &state, &headers).await?;
    let sums = standing.platforms.iter().find(|sums| sums.platform == asked);
    // Every platform has its sums, if only zeros.
    let sums =
        sums.ok_or_else(|| Problem::of(StatusCode::INTERNAL_SERVER_ERROR, correlation::of(&headers)))?;
    Ok(Json(shown(&standing, sums)))
}

/// Ask for the claims of platforms to be held against the captured money again
#[utoipa::path(
    post,
    path = "/api/reconciliation/sync",
    tag = "reconciliation",
    security(("bearer" = [])),
    request_body(content = Option<SyncRequest>, description = "Nothing, or whose payments are meant"),
    responses((status = ACCEPTED, body = SyncAccepted, description = "It is stored, and will be done"), Body, BehindToken)
)]
async fn sync(
    principal: Principal,
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    Asked(request): Asked<SyncRequest>,
) -> Result<(StatusCode, Json<SyncAccepted>), Problem> {
    let correlation = correlation::of(&headers);
    let platform = match request.platform.as_deref() {
        None => None,
        Some(word) => Some(platforms::find(word).ok_or_else(|| {
            let detail = "the body names no platform there is";
            Problem::refused(StatusCode::UNPROCESSABLE_ENTITY, detail, correlation)
                .because("platform", "there is no such platform")
        })?),
    };
    let sync_id = in_time(correlation, async {
        let mut transaction = principal.begin(&state.pool).await?;
        let (tenant, user) = (principal.tenant, principal.user);
        let run = standing::request(&mut transaction, tenant, user, platform, correlation).await?;
        transaction.commit().await?;
        Ok(run)
    })
    .await?;
    let accepted = SyncAccepted {
        sync_id,
        status: "queued",
        estimated_completion: Utc::now() + USUAL,
    };
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

async fn standing_of(principal: &Principal, state: &State, headers: &HeaderMap) -> Result<Standing, Problem> {
    in_time(correlation::of(headers), async {
        let mut transaction = principal.begin(&state.pool).await?;
        let standing = standing::read(&mut transaction).await?;
        transaction.commit().await?;
        Ok(standing)
    })
    .await
}

async fn in_time<T>(
    correlation: Uuid,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Problem> {
    let outcome = tokio::time::timeout(PATIENCE, work).await;
    outcome
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
        .map_err(|error| {
            tracing::warn!(correlation_id = %correlation, error = db::words(&error), "reconciliation");
            Problem::unavailable(correlation)
        })
}

fn shown(standing: &Standing, sums: &Sums) -> PlatformStatus {
    PlatformStatus {
        platform_name: sums.platform.name,
        connection_status: standing.state_of(sums).into(),
        last_sync: sums.latest,
        events_processed: sums.entries,
        revenue_verified: Money(sums.verified_cents),
    }
}

impl From<standing::State> for Verification {
    fn from(state: standing::State) -> Self {
        match state {
            standing::State::Verified => Self::Verified,
            standing::State::Pending => Self::Pending,
            standing::State::Failed => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_to_the_cent_however_much_it_is() {
        for (cents, text) in [
            (0, "0.00"),
            (5, "0.05"),
            (5_000, "50.00"),
            (9_007_199_254_740_993, "90071992547409.93"),
        ] {
            assert_eq!(serde_json::to_string(&Money(cents)).expect("a number"), text);
        }
    }
}
