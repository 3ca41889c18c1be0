//! The terms of a request: what is asked for besides the prompt.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The arguments of the task.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Terms {
    /// The caller's own id of the request.
    pub(crate) request_id: Uuid,
    /// Who asks.
    pub(crate) user_id: Uuid,
    /// Whether an answer may be one that was given before, and may be given again.
    pub(crate) cache_enabled: bool,
    /// How new the caller's data is.
    pub(crate) cache_watermark: i64,
    /// Whether no provider is to be called for it.
    pub(crate) provider_kill_switch: bool,
    /// What it may cost at most; what the service is told for everybody when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_cost_cents: Option<i64>,
}
