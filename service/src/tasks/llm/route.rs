//! `llm.route`: which model answers, and its answer.

use serde_json::json;

use super::{Answered, Asking, Keeping};
use crate::llm::Endpoint;

/// Its name.
pub(in crate::tasks) const NAME: &str = "llm.route";

/// How it is done.
pub(in crate::tasks) const ASKING: Asking = Asking {
    endpoint: Endpoint::Route,
    keep: |_, answered| keep(answered),
};

/// Nothing is kept beside the books; the result says what they say.
fn keep(answered: Answered<'_>) -> Keeping<'_> {
    let Answered { call, text, .. } = answered;
    Box::pin(std::future::ready(Ok((
        "route",
        json!({
            "tier": call.chosen_tier,
            "provider": call.chosen_provider,
            "model": call.chosen_model,
            "reason": call.routing_reason,
            "answer": text,
        }),
    ))))
}
