//! `mock-platform`: plays the outside world. It keeps a receipt of every call it gets, so that nobody has to take the
//! caller's word for what was called, or how often.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    api::{self, problem::Problem},
    settings::MockPlatform,
    shutdown,
};

/// Receipts kept at most; the oldest go first.
const KEPT: usize = 10_000;

/// One call. Bodies and headers are not kept: they may hold prompts and keys.
#[derive(Clone, Serialize)]
struct Receipt {
    at: DateTime<Utc>,
    method: String,
    path: String,
    request_id: Option<String>,
}

#[derive(Deserialize)]
struct Filter {
    request_id: Option<String>,
}

type Receipts = Arc<Mutex<VecDeque<Receipt>>>;

/// Serves until a signal.
pub(crate) async fn run(settings: MockPlatform) -> anyhow::Result<()> {
    let token = shutdown::on_signal()?;
    let stop = token.clone().cancelled_owned();
    shutdown::bounded(
        &token,
        settings.shutdown,
        api::serve(settings.listen, router(), stop),
    )
    .await
}

fn router() -> Router {
    Router::new()
        .route("/health/ready", get(|| async { Json(json!({ "status": "ok" })) }))
        .route("/receipts", get(receipts))
        .fallback(called)
        .with_state(Receipts::default())
}

async fn receipts(State(receipts): State<Receipts>, Query(filter): Query<Filter>) -> Response {
    let receipts = receipts.lock().unwrap_or_else(PoisonError::into_inner);
    let found: Vec<&Receipt> = receipts
        .iter()
        .filter(|receipt| filter.request_id.is_none() || receipt.request_id == filter.request_id)
        .collect();
    Json(json!({ "receipts": found })).into_response()
}

/// A call to something that is not played. It is kept all the same: that it was made is the point.
async fn called(State(receipts): State<Receipts>, method: Method, uri: Uri) -> Problem {
    let query = uri.query().unwrap_or_default();
    let request_id = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "request_id")
        .map(|(_, value)| value.into_owned());
    let mut receipts = receipts.lock().unwrap_or_else(PoisonError::into_inner);
    if receipts.len() == KEPT {
        receipts.pop_front();
    }
    receipts.push_back(Receipt {
        at: Utc::now(),
        method: method.to_string(),
        path: uri.path().to_owned(),
        request_id,
    });
    Problem::plain(StatusCode::NOT_FOUND)
}
