//! The webhook routes, one for each kind of webhook and one way for all: read, authenticate, take in.

mod answer;
mod authentic;
mod body;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json,
    body::Body,
    extract::State as Shared,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::answer::Answer;
use super::{State, contract::Signed, correlation, problem::Problem};
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
pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(shopify_order_create))
        .routes(routes!(stripe_payment_intent))
        .routes(routes!(stripe_payment_intent_event))
        .routes(routes!(paypal_sale_completed))
        .routes(routes!(woocommerce_order_completed))
}

/// The headers of whatever Stripe sends.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "it only declares them; they are read where they are needed"
)]
struct ByStripe {
    /// `t=<seconds>,v1=<hex>[,v1=…]`: the MAC of `<t>.<body>`; `t` within 300 s of our clock
    #[param(rename = "Stripe-Signature")]
    signature: String,
    /// The key to know it by; made of the payment's id when it is left out
    #[param(rename = "X-Idempotency-Key", pattern = "^[A-Za-z0-9_.:-]{1,200}$")]
    idempotency_key: Option<String>,
}

/// A route, declared and answered like every other: what it is in words, its kind, its path, the headers it is signed
/// with, and what is read of its body.
macro_rules! webhook {
    (
        $(#[doc = $words:literal])+
        $name:ident answers $kind:ident at $path:literal;
        signed by { $($headers:tt)+ }
        reads $body:literal
    ) => {
        $(#[doc = $words])+
        #[utoipa::path(
            post,
            path = $path,
            tag = "webhooks",
            params(
                ("X-Skeldir-Tenant-Key" = String, Header, description = "Whose it is"),
                $($headers)+
            ),
            request_body(content = Object, content_type = "application/json", description = $body),
            responses(
                (status = OK, body = Answer, description = "It is stored: as an event, or as a dead letter"),
                Signed
            )
        )]
        async fn $name(state: Shared<Arc<State>>, headers: HeaderMap, body: Body) -> Response {
            answer(&vendors::$kind, &state, headers, body).await
        }
    };
}

webhook! {
    /// Shopify: an order was created
    shopify_order_create answers ORDER_CREATE at "/api/webhooks/shopify/order_create";
    signed by {
        ("X-Shopify-Hmac-Sha256" = String, Header, description = "The MAC of the body, in base64")
    }
    reads "The order, up to 1 MiB. Of it are read `id`, `created_at`, `total_price`, `currency`, `cancelled_at`, \
           `financial_status`, and the `utm_…` in `landing_site`"
}

webhook! {
    /// Stripe: a payment succeeded; the bare payment intent
    stripe_payment_intent answers PAYMENT_INTENT at "/api/webhooks/stripe/payment_intent_succeeded";
    signed by { ByStripe }
    reads "The payment intent, up to 1 MiB. Of it are read `id`, `object`, `created`, `amount`, `currency`, `status`, \
           and the `utm_…` in `metadata`"
}

webhook! {
    /// Stripe: a payment succeeded; the event
    stripe_payment_intent_event answers PAYMENT_INTENT_EVENT at "/api/webhooks/stripe/payment_intent/succeeded";
    signed by { ByStripe }
    reads "The event, up to 1 MiB. Of it are read `id`, `type`, `created`, and of its `data.object` `id`, `object`, \
           `amount`, `currency`, `status`, and the `utm_…` in `metadata`"
}

webhook! {
    /// PayPal: a sale was completed
    paypal_sale_completed answers SALE_COMPLETED at "/api/webhooks/paypal/sale_completed";
    signed by {
        (
            "PayPal-Transmission-Sig" = String, Header,
            description = "The MAC of `<PayPal-Transmission-Time>.<body>`, in hexadecimal"
        ),
        (
            "PayPal-Transmission-Time" = String, Header,
            description = "When it was signed, as RFC 3339 writes it; within 300 s of our clock"
        )
    }
    reads "The sale, or the notification (`id`, `event_type`) with the sale in `resource`, up to 1 MiB. Of the sale are \
           read `id`, `create_time`, `amount.total`, `amount.currency`, `state`, and the `utm_…` in `custom`"
}

webhook! {
    /// WooCommerce: an order was completed
    woocommerce_order_completed answers ORDER_COMPLETED at "/api/webhooks/woocommerce/order_completed";
    signed by {
        ("X-WC-Webhook-Signature" = String, Header, description = "The MAC of the body, in base64")
    }
    reads "The order, up to 1 MiB. Of it are read `id`, `date_completed_gmt` (or `date_completed` with its offset), \
           `total`, `currency`, `status`, and the `_wc_order_attribution_utm_…` in `meta_data`"
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
