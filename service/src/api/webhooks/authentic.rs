//! Who sent it, and is it genuine. There is one refusal, whatever was wrong.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::http::HeaderMap;
use uuid::Uuid;

use super::unavailable;
use crate::{
    api::{State, problem::Problem},
    db,
    ingest::{
        signature::{self, Proof},
        vendors::Kind,
    },
    tenants::Tenant,
};

/// Stands in for the secret of a tenant that does not exist, so that finding out takes as long.
const NOBODYS_SECRET: &str = "the secret of a tenant that does not exist";

/// The tenant whose key was presented and whose vendor signed these bytes. Every other case is one and the same
/// refusal, and does the same work.
pub(super) async fn tenant(
    state: &State,
    kind: &Kind,
    headers: &HeaderMap,
    body: &[u8],
    correlation: Uuid,
) -> Result<Arc<Tenant>, Problem> {
    let api_key = signature::only(headers, "x-skeldir-tenant-key").unwrap_or_default();
    let found = state
        .tenants
        .find(api_key, kind.vendor)
        .await
        .map_err(|error| unavailable(&db::words(&error), correlation))?;
    let secret = found
        .as_ref()
        .map_or(NOBODYS_SECRET, |tenant| tenant.webhook_secret.reveal());
    let genuine = (kind.is_genuine)(&Proof {
        headers,
        body,
        secret,
        now: now(),
    });
    match found {
        Some(tenant) if genuine => Ok(tenant),
        _ => {
            tracing::info!(correlation_id = %correlation, vendor = kind.vendor.as_str(), status = "refused", "webhook");
            Err(Problem::unauthorized(correlation))
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
