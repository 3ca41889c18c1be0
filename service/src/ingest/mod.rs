//! Ingestion: a signed body becomes a committed row, of one kind or the other.
//!
//! Order matters: what cannot be parsed cannot be searched, so it is buried unseen; what bears personal data is buried
//! before its shape is looked at; only what is whole and clean becomes an event.

mod channel;
mod idempotency;
mod pii;
pub(crate) mod signature;
mod store;
mod stripe;

use std::time::Duration;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use uuid::Uuid;

pub(crate) use self::{idempotency::is_usable, pii::personal_keys, store::interval};
use self::{
    store::{Envelope, Letter, Written},
    stripe::Payment,
};

/// Why a body became a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It is not JSON, or not a payment.
    SchemaValidation,
    /// It bears personal data.
    PiiViolation,
    /// Its key is another payment's.
    IdempotencyConflict,
}

impl Reason {
    /// The word that is stored and answered.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SchemaValidation => "schema_validation",
            Self::PiiViolation => "pii_violation",
            Self::IdempotencyConflict => "idempotency_conflict",
        }
    }
}

/// What became of a webhook. All of it is committed.
pub(crate) struct Receipt {
    /// The key it is known by.
    pub(crate) key: String,
    /// Where it ended.
    pub(crate) fate: Fate,
}

/// Where a webhook ended.
pub(crate) enum Fate {
    /// An event: a new one, or the one that was there.
    Event {
        /// The event.
        id: Uuid,
        /// Its channel.
        channel: String,
        /// Whether this request made it.
        is_new: bool,
    },
    /// A dead letter: a new one, or the one that was there.
    Dead {
        /// The letter.
        id: Uuid,
        /// Why.
        reason: Reason,
        /// Whether this request made it.
        is_new: bool,
    },
}

/// A webhook whose signature was genuine.
pub(crate) struct Webhook<'a> {
    /// Whose it is.
    pub(crate) tenant: Uuid,
    /// The bytes that were signed.
    pub(crate) body: &'a [u8],
    /// The client's own idempotency key, if it sent one. Usable, as `is_usable` says.
    pub(crate) key: Option<&'a str>,
    /// How the request is traced.
    pub(crate) correlation: Uuid,
}

/// Takes a Stripe webhook in. When this returns, what it says is committed; an error means that nothing is known to
/// be, and that the sender should send again. `delay` is how long a recompute may wait for company.
pub(crate) async fn take_in(
    pool: &PgPool,
    webhook: Webhook<'_>,
    delay: Duration,
) -> Result<Receipt, sqlx::Error> {
    let parsed = serde_json::from_slice::<Value>(webhook.body).ok();
    let key = webhook.key.map_or_else(
        || idempotency::derived(parsed.as_ref(), webhook.body),
        str::to_owned,
    );
    let envelope = Envelope {
        tenant: webhook.tenant,
        key: &key,
        correlation: webhook.correlation,
    };
    let fate = match examined(parsed.as_ref()) {
        Ok((payment, kept)) => match store::event(pool, envelope, &payment, kept, delay).await? {
            Written::Created { event, channel } => Fate::Event {
                id: event,
                channel,
                is_new: true,
            },
            Written::Duplicate { event, channel } => Fate::Event {
                id: event,
                channel,
                is_new: false,
            },
            Written::Conflict => {
                let kept = remains(parsed.as_ref(), webhook.body);
                return conflict(pool, envelope, &payment, kept).await;
            }
        },
        Err((reason, message)) => {
            let kept = remains(parsed.as_ref(), webhook.body);
            bury(
                pool,
                envelope,
                Letter {
                    reason,
                    message: &message,
                    kept,
                },
            )
            .await?
        }
    };
    Ok(Receipt { key, fate })
}

/// A payment and its keepable fields, or why the body is a dead letter.
fn examined(parsed: Option<&Value>) -> Result<(Payment, Map<String, Value>), (Reason, String)> {
    let Some(body) = parsed else {
        return Err((Reason::SchemaValidation, "the body is not JSON".to_owned()));
    };
    let personal = pii::keys_in(body);
    if !personal.is_empty() {
        let keys = personal.into_iter().collect::<Vec<_>>().join(", ");
        return Err((Reason::PiiViolation, format!("personal data under: {keys}")));
    }
    let payment = Payment::read(body).map_err(|field| (Reason::SchemaValidation, field.to_owned()))?;
    Ok((payment, stripe::keepable(body)))
}

/// The key was used for another payment. To call this a duplicate would lose its money, to write it would break the
/// key's promise; so it is kept for a human, under the key its own id makes.
async fn conflict(
    pool: &PgPool,
    envelope: Envelope<'_>,
    payment: &Payment,
    kept: Map<String, Value>,
) -> Result<Receipt, sqlx::Error> {
    let key = idempotency::of_payment(&payment.id);
    let letter = Letter {
        reason: Reason::IdempotencyConflict,
        message: "the idempotency key belongs to another payment",
        kept,
    };
    let fate = bury(
        pool,
        Envelope {
            key: &key,
            ..envelope
        },
        letter,
    )
    .await?;
    Ok(Receipt { key, fate })
}

async fn bury(pool: &PgPool, envelope: Envelope<'_>, letter: Letter<'_>) -> Result<Fate, sqlx::Error> {
    let reason = letter.reason;
    let (id, is_new) = store::dead_letter(pool, envelope, letter).await?;
    Ok(Fate::Dead { id, reason, is_new })
}

/// What may be kept of a body that is not an event.
fn remains(parsed: Option<&Value>, body: &[u8]) -> Map<String, Value> {
    let mut kept = parsed.map(stripe::keepable).unwrap_or_default();
    kept.insert("body_sha256".to_owned(), json!(hex::encode(Sha256::digest(body))));
    kept.insert("body_bytes".to_owned(), json!(body.len()));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(body: &str) -> Result<i64, Reason> {
        let parsed = serde_json::from_str(body).ok();
        examined(parsed.as_ref())
            .map(|(payment, _)| payment.cents)
            .map_err(|(reason, _)| reason)
    }

    #[test]
    fn personal_data_weighs_more_than_a_wrong_shape() {
        assert_eq!(
            fate(r#"{"data":{"object":{"id":null,"email":"a@b.c"}}}"#),
            Err(Reason::PiiViolation)
        );
        assert_eq!(
            fate(r#"{"data":{"object":{"id":null,"email":null}}}"#),
            Err(Reason::SchemaValidation)
        );
        assert_eq!(fate(r#"{"data":"#), Err(Reason::SchemaValidation));
    }

    #[test]
    fn nothing_of_a_buried_body_survives_but_plain_words() {
        let body = br#"{"id":"evt_1","note":"call Ann","data":{"object":{"id":"pi_1","receipt_email":"ann@example.org"}}}"#;
        let parsed = serde_json::from_slice(body).ok();
        let kept = Value::Object(remains(parsed.as_ref(), body)).to_string();
        assert!(kept.contains("pi_1") && kept.contains("evt_1"));
        assert!(!kept.contains("Ann") && !kept.contains("example.org"));
    }
}
