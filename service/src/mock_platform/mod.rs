//! The outside world, played: one file per party, a mood for each, and a receipt of every call, so that nobody has to
//! take the caller's word for what was called, or how often.
//!
//! What the parties answer is theirs, not ours: their errors look like theirs. The doors (`/receipts`, `/moods`, …) are
//! for whoever directs the play.

mod balance;
mod claims;
mod moods;
mod receipts;

use std::sync::Arc;

use axum::{
    Json, Router,
    http::StatusCode,
    middleware,
    routing::{get, put},
};
use serde_json::json;

use self::{balance::Accounts, claims::Claims, moods::Moods, receipts::Receipts};
use crate::api::problem::Problem;

/// What the play remembers.
#[derive(Default)]
struct Stage {
    receipts: Receipts,
    moods: Moods,
    accounts: Accounts,
    claims: Claims,
}

/// The doors, and behind them the parties.
pub(crate) fn router() -> Router {
    let stage = Arc::<Stage>::default();
    // A call to something that is not played is kept all the same: that it was made is the point.
    let parties = Router::new()
        .route("/v1/balance_transactions", get(balance::transactions))
        .route("/v1/claims/{tenant}", get(claims::of_tenant))
        .fallback(|| async { Problem::plain(StatusCode::NOT_FOUND) })
        .layer(middleware::from_fn_with_state(Arc::clone(&stage), receipts::keep))
        .with_state(Arc::clone(&stage));
    Router::new()
        .route("/health/ready", get(|| async { Json(json!({ "status": "ok" })) }))
        .route("/receipts", get(receipts::show))
        .route("/moods/{party}", put(moods::set))
        .route("/balance/{account}", put(balance::set))
        .route("/claims/{tenant}/{platform}", put(claims::set))
        .with_state(stage)
        .fallback_service(parties)
}
