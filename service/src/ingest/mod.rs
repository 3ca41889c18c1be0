//! Ingestion: a signed body becomes a committed row, of one kind or the other.
//!
//! Order matters: what cannot be parsed cannot be searched, so it is buried unseen; what bears personal data is buried
//! before its shape is looked at; only what is whole and clean becomes an event.

mod channel;
mod field;
mod idempotency;
mod json;
mod money;
mod payment;
mod pii;
pub(crate) mod signature;
mod store;
mod tags;
pub(crate) mod vendors;

use std::time::Duration;

use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

pub(crate) use self::{channel::Channels, idempotency::is_usable, pii::personal_keys, store::interval};
use self::{
    payment::{Payment, remains},
    store::{Envelope, Letter, Written},
    vendors::{Kind, Reading},
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
    /// What kind it is.
    pub(crate) kind: &'static Kind,
    /// Whose it is.
    pub(crate) tenant: Uuid,
    /// Whether it came as JSON, by its content type.
    pub(crate) is_json: bool,
    /// The bytes that were signed.
    pub(crate) body: &'a [u8],
    /// The client's own idempotency key, if it may choose one and did. Usable, as `is_usable` says.
    pub(crate) key: Option<&'a str>,
    /// How the request is traced.
    pub(crate) correlation: Uuid,
}

/// Where webhooks are taken in.
pub(crate) struct Intake {
    /// The database.
    pub(crate) pool: PgPool,
    /// Which channel claims an event.
    pub(crate) channels: Channels,
    /// How long a recompute may wait for company.
    pub(crate) recompute_delay: Duration,
}

impl Intake {
    /// Takes a webhook in. When this returns, what it says is committed; an error means that nothing is known to be,
    /// and that the sender should send again.
    pub(crate) async fn take(&self, webhook: &Webhook<'_>) -> Result<Receipt, sqlx::Error> {
        let kind = webhook.kind;
        let parsed = webhook.is_json.then(|| json::read(webhook.body)).flatten();
        let reading = parsed.as_ref().map(kind.read);
        let payment_id = reading.as_ref().and_then(|reading| reading.id.as_deref().ok());
        let key = webhook.key.map_or_else(
            || idempotency::derived(kind, payment_id, webhook.body),
            str::to_owned,
        );
        let envelope = Envelope {
            kind,
            tenant: webhook.tenant,
            key: &key,
            correlation: webhook.correlation,
        };
        let kept = || remains(kind, reading.as_ref(), webhook.body);
        let fate = match self.examined(webhook, parsed.as_ref(), reading.as_ref()) {
            Ok(payment) => match store::event(&self.pool, envelope, &payment, self.recompute_delay).await? {
                Written::Event { id, channel, is_new } => Fate::Event { id, channel, is_new },
                // The key was used for another payment. To call this a duplicate would lose its money, to write it
                // would break the key's promise; so it is kept for a human, under the key its own id makes.
                Written::Conflict => {
                    let key = idempotency::of_payment(kind, &payment.id);
                    let letter = Letter {
                        reason: Reason::IdempotencyConflict,
                        message: "the idempotency key belongs to another payment",
                        payment: Some(&payment.id),
                        kept: kept(),
                    };
                    let fate = self
                        .bury(
                            Envelope {
                                key: &key,
                                ..envelope
                            },
                            letter,
                        )
                        .await?;
                    return Ok(Receipt { key, fate });
                }
            },
            Err((reason, message)) => {
                let letter = Letter {
                    reason,
                    message: &message,
                    payment: payment_id,
                    kept: kept(),
                };
                self.bury(envelope, letter).await?
            }
        };
        Ok(Receipt { key, fate })
    }

    /// A payment, or why the body is a dead letter, in words without values.
    fn examined(
        &self,
        webhook: &Webhook<'_>,
        parsed: Option<&Value>,
        reading: Option<&Reading>,
    ) -> Result<Payment, (Reason, String)> {
        let malformed = |message: String| (Reason::SchemaValidation, message);
        if !webhook.is_json {
            return Err(malformed("the content type is not JSON".to_owned()));
        }
        let (Some(body), Some(reading)) = (parsed, reading) else {
            return Err(malformed("the body is not JSON, or names a key twice".to_owned()));
        };
        let personal = pii::keys_in(body);
        if !personal.is_empty() {
            let keys = personal.into_iter().collect::<Vec<_>>().join(", ");
            return Err((Reason::PiiViolation, format!("personal data under: {keys}")));
        }
        Payment::of(webhook.kind, reading, &self.channels).map_err(|fault| malformed(fault.to_string()))
    }

    async fn bury(&self, envelope: Envelope<'_>, letter: Letter<'_>) -> Result<Fate, sqlx::Error> {
        let reason = letter.reason;
        let (id, is_new) = store::dead_letter(&self.pool, envelope, letter).await?;
        Ok(Fate::Dead { id, reason, is_new })
    }
}
