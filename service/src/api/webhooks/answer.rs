//! The answer to a webhook that was stored, whichever way.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::ingest::{Fate, Receipt};

/// What became of a webhook; every key is always there
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookAnswer)]
pub(super) struct Answer {
    /// `success` or `dlq_routed`
    status: &'static str,
    /// The event it is, or was already
    #[schema(required = true)]
    event_id: Option<Uuid>,
    /// The key it is known by
    idempotency_key: String,
    /// The dead letter it is, or was already
    #[schema(required = true)]
    dead_event_id: Option<Uuid>,
    /// Which channel claims the event
    #[schema(required = true)]
    channel: Option<String>,
    /// Why it is a dead letter: `schema_validation`, `pii_violation` or `idempotency_conflict`
    #[schema(required = true)]
    error: Option<&'static str>,
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
