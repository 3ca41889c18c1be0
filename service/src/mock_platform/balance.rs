//! Stripe's balance: the movements of each account, in pages.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use chrono::Utc;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Stage, has_bearer};

/// Its name at the door of the moods.
pub(super) const PARTY: &str = "stripe_balance";

/// The movements of the accounts that were told theirs.
pub(super) type Accounts = Mutex<HashMap<String, Vec<Value>>>;

/// Where in an account's movements a page begins, and how long it is.
#[derive(Deserialize)]
pub(super) struct Place {
    #[serde(default = "ten")]
    limit: usize,
    starting_after: Option<String>,
}

const fn ten() -> usize {
    10
}

/// The account that a call is about.
pub(super) fn account(headers: &HeaderMap) -> Option<String> {
    let account = headers.get("stripe-account")?.to_str().ok()?;
    Some(account.to_owned())
}

/// `PUT /balance/{account}` with a list of movements, each `{"amount", "currency", "type"}`. They are given out as they
/// came, also when no bank would have them, each with an id and a moment.
pub(super) async fn set(
    State(stage): State<Arc<Stage>>,
    Path(account): Path<String>,
    Json(movements): Json<Vec<serde_json::Map<String, Value>>>,
) -> StatusCode {
    let mut accounts = stage.accounts.lock().unwrap_or_else(PoisonError::into_inner);
    accounts.insert(account, numbered(movements));
    StatusCode::NO_CONTENT
}

/// `GET /v1/balance_transactions?limit=…&starting_after=…`
pub(super) async fn transactions(
    State(stage): State<Arc<Stage>>,
    Query(place): Query<Place>,
    headers: HeaderMap,
) -> Response {
    if let Err(trouble) = stage.moods.prevail(PARTY).await {
        return trouble.into_response();
    }
    if !has_bearer(&headers) {
        let error = json!({"error": {"type": "invalid_request_error"}});
        return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
    }
    let accounts = stage.accounts.lock().unwrap_or_else(PoisonError::into_inner);
    let told = account(&headers).and_then(|account| accounts.get(&account).cloned());
    let movements = told.unwrap_or_else(usual);
    let from = place.starting_after.map_or(0, |id| {
        movements
            .iter()
            .position(|movement| movement["id"] == id.as_str())
            .map_or(movements.len(), |place| place + 1)
    });
    let to = movements
        .len()
        .min(from.saturating_add(place.limit.clamp(1, 100)));
    let page = json!({
        "object": "list",
        "url": "/v1/balance_transactions",
        "has_more": to < movements.len(),
        "data": movements[from..to],
    });
    Json(page).into_response()
}

/// An account that was not told anything: two payments, one of them partly paid back, less a fee that is no revenue.
fn usual() -> Vec<Value> {
    let movements = [
        ("charge", 12_345),
        ("charge", 5_000),
        ("refund", -1_000),
        ("stripe_fee", -175),
    ];
    let fields = movements.map(|(kind, amount)| {
        let fields = [
            ("amount", json!(amount)),
            ("currency", json!("usd")),
            ("type", json!(kind)),
        ];
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    });
    numbered(fields)
}

fn numbered(movements: impl IntoIterator<Item = serde_json::Map<String, Value>>) -> Vec<Value> {
    let now = Utc::now().timestamp();
    movements
        .into_iter()
        .enumerate()
        .map(|(place, mut fields)| {
            fields.insert("id".to_owned(), json!(format!("txn_{place}")));
            fields.insert("object".to_owned(), json!("balance_transaction"));
            fields.insert("created".to_owned(), json!(now));
            Value::Object(fields)
        })
        .collect()
}
