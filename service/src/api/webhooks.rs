//! The webhook routes: who sent it, is it genuine, and what became of it.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json,
    body::{Body, Bytes, to_bytes},
    extract::State as Shared,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use uuid::Uuid;

use super::{State, correlation, problem::Problem};
use crate::{
    db,
    ingest::{self, Fate, Receipt, Webhook, signature},
    tenants::{Tenant, Vendor},
};

/// The largest body that is read.
const MOST_BYTES: usize = 1024 * 1024;

/// How long a body may take to arrive, and how long the database may take to commit it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Stands in for the secret of a tenant that does not exist, so that finding out takes as long.
const NOBODYS_SECRET: &str = "the secret of a tenant that does not exist";

/// The answer to a webhook that was stored, whichever way.
#[derive(Serialize)]
struct Answer {
    status: &'static str,
    event_id: Option<Uuid>,
    idempotency_key: String,
    dead_event_id: Option<Uuid>,
    channel: Option<String>,
    error: Option<&'static str>,
}

/// `POST /api/webhooks/stripe/payment_intent/succeeded`.
pub(super) async fn stripe_payment_succeeded(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let correlation = correlation::of(&headers);
    match taken_in(&state, &headers, body, correlation).await {
        Ok(receipt) => {
            let mut response = Json(Answer::from(receipt)).into_response();
            response
                .headers_mut()
                .insert(correlation::HEADER, correlation::value(correlation));
            response
        }
        Err(problem) => problem.into_response(),
    }
}

async fn taken_in(
    state: &State,
    headers: &HeaderMap,
    body: Body,
    correlation: Uuid,
) -> Result<Receipt, Problem> {
    let body = read(headers, body, correlation).await?;
    let began = Instant::now();
    let tenant = authenticated(state, headers, &body, correlation).await?;
    let key = text(headers, "x-idempotency-key");
    if headers.contains_key("x-idempotency-key") && !key.is_some_and(ingest::is_usable) {
        return Err(Problem::refused(
            StatusCode::BAD_REQUEST,
            "`X-Idempotency-Key` is not a usable key",
            correlation,
        ));
    }
    let webhook = Webhook {
        tenant: tenant.id,
        body: &body,
        key,
        correlation,
    };
    let receipt = tokio::time::timeout(
        PATIENCE,
        ingest::take_in(&state.pool, webhook, state.recompute_delay),
    )
    .await
    .map_err(|_| unavailable("the database did not commit in time", correlation))?
    .map_err(|error| unavailable(&db::words(&error), correlation))?;
    let took = began.elapsed();
    state.ingestion.count(&receipt.fate, took);
    log(&receipt, tenant.id, correlation, took);
    Ok(receipt)
}

/// The body as it came, if it is neither too large nor too slow.
async fn read(headers: &HeaderMap, body: Body, correlation: Uuid) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is larger than 1 MiB",
            correlation,
        )
    };
    let announced =
        text(headers, header::CONTENT_LENGTH.as_str()).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MOST_BYTES) {
        return Err(too_large());
    }
    tokio::time::timeout(PATIENCE, to_bytes(body, MOST_BYTES))
        .await
        .map_err(|_| {
            Problem::refused(
                StatusCode::REQUEST_TIMEOUT,
                "the body did not arrive in time",
                correlation,
            )
        })?
        .map_err(|_| too_large())
}

/// The tenant whose key was presented and whose vendor signed these bytes. Every other case is one and the same
/// refusal, and does the same work.
async fn authenticated(
    state: &State,
    headers: &HeaderMap,
    body: &[u8],
    correlation: Uuid,
) -> Result<Arc<Tenant>, Problem> {
    let api_key = text(headers, "x-skeldir-tenant-key").unwrap_or_default();
    let found = state
        .tenants
        .find(api_key, Vendor::Stripe)
        .await
        .map_err(|error| unavailable(&db::words(&error), correlation))?;
    let secret = found
        .as_ref()
        .map_or(NOBODYS_SECRET, |tenant| tenant.webhook_secret.reveal());
    let header = text(headers, "stripe-signature").unwrap_or_default();
    let genuine = signature::stripe_is_genuine(header, body, secret, now());
    match found {
        Some(tenant) if genuine => Ok(tenant),
        _ => {
            tracing::info!(correlation_id = %correlation, status = "refused", "webhook");
            Err(Problem::unauthorized(correlation))
        }
    }
}

/// A header's text; none when it is absent, not text, or there twice.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn unavailable(error: &str, correlation: Uuid) -> Problem {
    tracing::warn!(correlation_id = %correlation, status = "unavailable", error, "webhook");
    Problem::unavailable(correlation)
}

fn log(receipt: &Receipt, tenant: Uuid, correlation: Uuid, took: Duration) {
    let status = match &receipt.fate {
        Fate::Event { is_new: true, .. } => "ingested",
        Fate::Event { is_new: false, .. } => "duplicate",
        Fate::Dead { reason, .. } => reason.as_str(),
    };
    tracing::info!(
        correlation_id = %correlation,
        tenant_id = %tenant,
        status,
        duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "webhook"
    );
}

impl From<Receipt> for Answer {
    fn from(receipt: Receipt) -> Self {
        let idempotency_key = receipt.key;
        match receipt.fate {
            Fate::Event { id, channel, .. } => Self {
                status: "success",
                event_id: Some(id),
                idempotency_key,
                dead_event_id: None,
                channel: Some(channel),
                error: None,
            },
            Fate::Dead { id, reason, .. } => Self {
                status: "dlq_routed",
                event_id: None,
                idempotency_key,
                dead_event_id: Some(id),
                channel: None,
                error: Some(reason.as_str()),
            },
        }
    }
}
