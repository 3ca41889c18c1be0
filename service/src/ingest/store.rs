//! What is written: one statement each, in which context, row and follow-up work are committed together.

use std::time::Duration;

use serde_json::{Map, Value, json};
use sqlx::{PgPool, postgres::types::PgInterval};
use uuid::Uuid;

use super::{Reason, payment::Payment, vendors::Kind};
use crate::tasks::recompute_window::MODEL_VERSION;

/// What is sent, by whom, under which key, and how the request is traced.
#[derive(Clone, Copy)]
pub(crate) struct Envelope<'a> {
    /// The kind of webhook.
    pub(crate) kind: &'static Kind,
    /// The tenant whose signature was genuine.
    pub(crate) tenant: Uuid,
    /// The request's idempotency key.
    pub(crate) key: &'a str,
    /// The request's correlation id.
    pub(crate) correlation: Uuid,
}

/// What became of an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is there: since now, or since before.
    Event {
        /// The event, or the first one.
        id: Uuid,
        /// Its channel.
        channel: String,
        /// Whether this request made it.
        is_new: bool,
    },
    /// The key is another payment's.
    Conflict,
}

/// Writes an event and asks for its day to be computed again, or finds the event that is already there.
pub(crate) async fn event(
    pool: &PgPool,
    envelope: Envelope<'_>,
    payment: &Payment,
    delay: Duration,
) -> Result<Written, sqlx::Error> {
    let (outcome, event, channel) = sqlx::query_as::<_, (String, Option<Uuid>, Option<String>)>(
        "select outcome, event_id, channel
           from ingest_event($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(envelope.tenant)
    .bind(envelope.key)
    .bind(envelope.kind.vendor.as_str())
    .bind(envelope.kind.event_type)
    .bind(&payment.id)
    .bind(&payment.channel)
    .bind(payment.campaign.as_deref())
    .bind(payment.at)
    .bind(payment.cents)
    .bind(payment.currency.code())
    .bind(with_key(payment.kept.clone(), envelope.key))
    .bind(envelope.correlation)
    .bind(MODEL_VERSION)
    .bind(interval(delay))
    .fetch_one(pool)
    .await?;
    Ok(match (event, channel) {
        (Some(id), Some(channel)) => Written::Event {
            id,
            channel,
            is_new: outcome == "created",
        },
        _ => Written::Conflict,
    })
}

/// A dead letter: why, in words without values, and what may be kept of the body.
pub(crate) struct Letter<'a> {
    /// Why it is one.
    pub(crate) reason: Reason,
    /// The same in words.
    pub(crate) message: &'a str,
    /// The payment's own id, if the body has one.
    pub(crate) payment: Option<&'a str>,
    /// The body's keepable fields, its length and its digest.
    pub(crate) kept: Map<String, Value>,
}

/// Writes a dead letter, or finds the one with that key and reason. Returns its id, and whether it is new.
pub(crate) async fn dead_letter(
    pool: &PgPool,
    envelope: Envelope<'_>,
    letter: Letter<'_>,
) -> Result<(Uuid, bool), sqlx::Error> {
    sqlx::query_as("select dead_event_id, is_new from bury_event($1, $2, $3, $4, $5, $6, $7, $8, $9)")
        .bind(envelope.tenant)
        .bind(envelope.key)
        .bind(envelope.kind.vendor.as_str())
        .bind(letter.reason.as_str())
        .bind(letter.message)
        .bind(envelope.kind.event_type)
        .bind(letter.payment)
        .bind(with_key(letter.kept, envelope.key))
        .bind(envelope.correlation)
        .fetch_one(pool)
        .await
}

fn with_key(mut kept: Map<String, Value>, key: &str) -> Value {
    kept.insert("idempotency_key".to_owned(), json!(key));
    Value::Object(kept)
}

/// A duration as Postgres writes it. Settings bound durations to a day, so the microseconds always fit.
pub(crate) fn interval(duration: Duration) -> PgInterval {
    PgInterval {
        months: 0,
        days: 0,
        microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX),
    }
}
