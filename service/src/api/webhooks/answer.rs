//! The answer to a webhook that was stored, whichever way.

use serde::Serialize;
use uuid::Uuid;

use crate::ingest::{Fate, Receipt};

/// Its body. Every key is always there.
#[derive(Serialize)]
pub(super) struct Answer {
    /// `success` or `dlq_routed`.
    status: &'static str,
    event_id: Option<Uuid>,
    idempotency_key: String,
    dead_event_id: Option<Uuid>,
    channel: Option<String>,
    /// Why it is a dead letter.
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
