//! The outside world, played: one file per party, a mood for each, and a receipt of every call, so that nobody has to
//! take the caller's word for what was called, or how often.
//!
//! What the parties answer is theirs, not ours: their errors look like theirs. The doors (`/receipts`, `/moods`, …) are
//! for whoever directs the play.

mod anthropic;
mod balance;
mod claims;
mod models;
mod moods;
mod openai;
mod prices;
mod receipts;

use std::sync::Arc;

use axum::{
    Json, Router,
    handler::Handler as _,
    http::{HeaderMap, StatusCode, header},
    middleware,
    routing::{get, post, put},
};
use serde_json::json;

use self::{
    anthropic::Anthropic, balance::Accounts, claims::Claims, models::Given, moods::Moods, openai::OpenAi,
    receipts::Receipts,
};
use crate::api::problem::Problem;

/// Everybody who is played, by the name at the doors.
const PARTIES: [&str; 4] = [balance::PARTY, claims::PARTY, openai::PARTY, anthropic::PARTY];

/// What the play remembers.
#[derive(Default)]
struct Stage {
    receipts: Receipts,
    moods: Moods,
    accounts: Accounts,
    claims: Claims,
    given: Given,
}

/// The doors, and behind them the parties.
pub(crate) fn router() -> Router {
    let stage = Arc::<Stage>::default();
    let kept = |party| middleware::from_fn_with_state((Arc::clone(&stage), party), receipts::keep);
    let nobody = || async { Problem::plain(StatusCode::NOT_FOUND) };
    Router::new()
        .route("/health/ready", get(|| async { Json(json!({ "status": "ok" })) }))
        .route("/receipts", get(receipts::show))
        .route("/calls", get(receipts::count))
        .route("/moods/{party}", put(moods::set))
        .route("/balance/{account}", put(balance::set))
        .route("/claims/{tenant}/{platform}", put(claims::set))
        .route(
            "/v1/balance_transactions",
            get(balance::transactions).layer(kept(Some(balance::PARTY))),
        )
        .route(
            "/v1/claims/{tenant}",
            get(claims::of_tenant).layer(kept(Some(claims::PARTY))),
        )
        .route(
            "/v1/chat/completions",
            post(models::answer::<OpenAi>).layer(kept(Some(openai::PARTY))),
        )
        .route(
            "/v1/messages",
            post(models::answer::<Anthropic>).layer(kept(Some(anthropic::PARTY))),
        )
        // A call to something that is not played is kept all the same: that it was made is the point.
        .fallback(nobody.layer(kept(None)))
        .with_state(stage)
}

/// Whether a call has a key, as most parties want it.
fn has_bearer(headers: &HeaderMap) -> bool {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.len() > "Bearer ".len() && value.starts_with("Bearer "))
}
