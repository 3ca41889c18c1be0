//! The webhook routes, one for each kind of webhook and one way for all: read, authenticate, take in.

mod answer;
mod authentic;
mod body;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Body,
    extract::State as Shared,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use uuid::Uuid;

use self::answer::Answer;
use super::{State, correlation, problem::Problem};
use crate::{
    db,
    ingest::{
        self, Fate, Receipt, Webhook, signature,
        vendors::{self, Kind},
    },
};

/// How long the database may take to commit.
const PATIENCE: Duration = Duration::from_secs(10);

/// The header of the client's own idempotency key.
const IDEMPOTENCY_KEY: &str = "x-idempotency-key";

/// The routes.
pub(super) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/shopify/order_create", post(shopify_order_create))
        .route("/stripe/payment_intent_succeeded", post(stripe_payment_intent))
        .route(
            "/stripe/payment_intent/succeeded",
            post(stripe_payment_intent_event),
        )
        .route("/paypal/sale_completed", post(paypal_sale_completed))
        .route("/woocommerce/order_completed", post(woocommerce_order_completed))
}

async fn shopify_order_create(state: Shared<Arc<State>>, headers: HeaderMap, body: Body) -> Response {
    answer(&vendors::ORDER_CREATE, &state, headers, body).await
}

async fn stripe_payment_intent(state: Shared<Arc<State>>, headers: HeaderMap, body: Body) -> Response {
    answer(&vendors::PAYMENT_INTENT, &state, headers, body).await
}

async fn stripe_payment_intent_event(state: Shared<Arc<State>>, headers: HeaderMap, body: Body) -> Response {
    answer(&vendors::PAYMENT_INTENT_EVENT, &state, headers, body).await
}

async fn paypal_sale_completed(state: Shared<Arc<State>>, headers: HeaderMap, body: Body) -> Response {
    answer(&vendors::SALE_COMPLETED, &state, headers, body).await
}

async fn woocommerce_order_completed(state: Shared<Arc<State>>, headers: HeaderMap, body: Body) -> Response {
    answer(&vendors::ORDER_COMPLETED, &state, headers, body).await
}

async fn answer(kind: &'static Kind, state: &State, headers: HeaderMap, body: Body) -> Response {
    let correlation = correlation::of(&headers);
    match taken_in(kind, state, &headers, body, correlation).await {
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
    kind: &'static Kind,
    state: &State,
    headers: &HeaderMap,
    body: Body,
    correlation: Uuid,
) -> Result<Receipt, Problem> {
    let body = body::read(body, correlation).await?;
    let began = Instant::now();
    let tenant = authentic::tenant(state, kind, headers, &body, correlation).await?;
    let webhook = Webhook {
        kind,
        tenant: tenant.id,
        is_json: body::is_json(headers),
        body: &body,
        key: client_key(kind, headers, correlation)?,
        correlation,
    };
    let receipt = tokio::time::timeout(PATIENCE, state.intake.take(&webhook))
        .await
        .map_err(|_| unavailable("the database did not commit in time", correlation))?
        .map_err(|error| unavailable(&db::words(&error), correlation))?;
    let took = began.elapsed();
    state.ingestion.count(&receipt.fate, took);
    log(&receipt, &webhook, took);
    Ok(receipt)
}

/// The client's own key, where it may choose one.
fn client_key<'a>(
    kind: &Kind,
    headers: &'a HeaderMap,
    correlation: Uuid,
) -> Result<Option<&'a str>, Problem> {
    if !kind.takes_client_key || !headers.contains_key(IDEMPOTENCY_KEY) {
        return Ok(None);
    }
    match signature::only(headers, IDEMPOTENCY_KEY) {
        Some(key) if ingest::is_usable(key) => Ok(Some(key)),
        _ => Err(Problem::refused(
            StatusCode::BAD_REQUEST,
            "`X-Idempotency-Key` is not a usable key: up to 200 letters, digits, `_`, `-`, `.` and `:`",
            correlation,
        )),
    }
}

fn unavailable(error: &str, correlation: Uuid) -> Problem {
    tracing::warn!(correlation_id = %correlation, status = "unavailable", error, "webhook");
    Problem::unavailable(correlation)
}

fn log(receipt: &Receipt, webhook: &Webhook<'_>, took: Duration) {
    let status = match &receipt.fate {
        Fate::Event { is_new: true, .. } => "ingested",
        Fate::Event { is_new: false, .. } => "duplicate",
        Fate::Dead { reason, .. } => reason.as_str(),
    };
    tracing::info!(
        correlation_id = %webhook.correlation,
        tenant_id = %webhook.tenant,
        vendor = webhook.kind.vendor.as_str(),
        status,
        duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "webhook"
    );
}
