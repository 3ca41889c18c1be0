//! Receipts: one per call of a party, in the order in which they came.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json,
    extract::{Query, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Stage, balance};

/// Receipts kept at most; the oldest go first.
const KEPT: usize = 10_000;

/// One call. Bodies and credentials are not kept: they may be prompts and keys.
#[derive(Clone, Serialize)]
pub(super) struct Receipt {
    at: DateTime<Utc>,
    method: String,
    path: String,
    request_id: Option<String>,
    account: Option<String>,
}

/// Which receipts are asked for: those that have what is named.
#[derive(Deserialize)]
pub(super) struct Filter {
    path: Option<String>,
    request_id: Option<String>,
    account: Option<String>,
}

impl Filter {
    fn lets_through(&self, receipt: &Receipt) -> bool {
        self.path.as_ref().is_none_or(|path| *path == receipt.path)
            && (self.request_id.is_none() || self.request_id == receipt.request_id)
            && (self.account.is_none() || self.account == receipt.account)
    }
}

/// All receipts there are.
pub(super) type Receipts = Mutex<VecDeque<Receipt>>;

/// `GET /receipts?path=…&request_id=…&account=…`
pub(super) async fn show(State(stage): State<Arc<Stage>>, Query(filter): Query<Filter>) -> Response {
    let receipts = stage.receipts.lock().unwrap_or_else(PoisonError::into_inner);
    let found: Vec<&Receipt> = receipts
        .iter()
        .filter(|receipt| filter.lets_through(receipt))
        .collect();
    Json(json!({ "receipts": found })).into_response()
}

/// Keeps the receipt of a call before anybody answers it.
pub(super) async fn keep(State(stage): State<Arc<Stage>>, call: Request, next: Next) -> Response {
    let query = call.uri().query().unwrap_or_default();
    let request_id = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "request_id")
        .map(|(_, value)| value.into_owned());
    let receipt = Receipt {
        at: Utc::now(),
        method: call.method().to_string(),
        path: call.uri().path().to_owned(),
        request_id,
        account: balance::account(call.headers()),
    };
    {
        let mut receipts = stage.receipts.lock().unwrap_or_else(PoisonError::into_inner);
        if receipts.len() == KEPT {
            receipts.pop_front();
        }
        receipts.push_back(receipt);
    }
    next.run(call).await
}
