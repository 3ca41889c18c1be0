//! Receipts: one per call of a party, in the order in which they came.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json,
    extract::{Query, Request, State, rejection::QueryRejection},
    http::{HeaderMap, StatusCode},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{PARTIES, Stage, balance};
use crate::api::problem::Problem;

/// Receipts kept at most; the oldest go first.
const KEPT: usize = 10_000;

/// One call. Bodies and credentials are not kept: they may be prompts and keys.
#[derive(Clone, Serialize)]
pub(super) struct Receipt {
    at: DateTime<Utc>,
    method: String,
    path: String,
    /// Nobody's, when it went to something that is not played.
    party: Option<&'static str>,
    request_id: Option<String>,
    tenant_id: Option<String>,
    boundary_id: Option<String>,
    account: Option<String>,
    /// None while it is not answered, and for ever when the caller went away.
    status: Option<u16>,
    /// Which model was asked.
    pub(super) model: Option<String>,
    /// What was counted of the question.
    pub(super) tokens_in: Option<u32>,
    /// What was counted of the answer.
    pub(super) tokens_out: Option<u32>,
    /// None when nothing was charged.
    pub(super) cost_cents: Option<u64>,
    /// Whether the answer had been given, and charged, before.
    pub(super) replayed: bool,
}

impl Receipt {
    /// A call that nobody has answered yet. Its id stands in the query, or in the caller's tag.
    fn new(call: &Request, party: Option<&'static str>) -> Self {
        let query = call.uri().query().unwrap_or_default();
        let asked_under = url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "request_id")
            .map(|(_, value)| value.into_owned());
        let headers = call.headers();
        Self {
            at: Utc::now(),
            method: call.method().to_string(),
            path: call.uri().path().to_owned(),
            party,
            request_id: asked_under.or_else(|| tag(headers, "x-skeldir-request-id")),
            tenant_id: tag(headers, "x-skeldir-tenant"),
            boundary_id: tag(headers, "x-skeldir-boundary"),
            account: balance::account(headers),
            status: None,
            model: None,
            tokens_in: None,
            tokens_out: None,
            cost_cents: None,
            replayed: false,
        }
    }
}

fn tag(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

/// All receipts there are, and how many calls there ever were.
#[derive(Default)]
pub(super) struct Receipts(Mutex<Book>);

#[derive(Default)]
struct Book {
    kept: VecDeque<Receipt>,
    /// Receipts that were there before those that are kept.
    gone: usize,
    /// Calls of each party, ever.
    calls: BTreeMap<&'static str, u64>,
    /// Calls of anybody, ever.
    all: u64,
}

/// Which call this is, counted from the first.
#[derive(Clone, Copy)]
pub(super) struct Ticket(usize);

impl Receipts {
    fn add(&self, receipt: Receipt) -> Ticket {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.all += 1;
        if let Some(party) = receipt.party {
            *book.calls.entry(party).or_default() += 1;
        }
        if book.kept.len() == KEPT {
            book.kept.pop_front();
            book.gone += 1;
        }
        book.kept.push_back(receipt);
        Ticket(book.gone + book.kept.len() - 1)
    }

    /// Writes on a receipt, if it is still kept.
    pub(super) fn note(&self, Ticket(place): Ticket, note: impl FnOnce(&mut Receipt)) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = book.gone;
        let receipt = place.checked_sub(gone).and_then(|place| book.kept.get_mut(place));
        if let Some(receipt) = receipt {
            note(receipt);
        }
    }
}

/// Which receipts are asked for: those that have what is named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    path: Option<String>,
    party: Option<String>,
    request_id: Option<String>,
    tenant_id: Option<String>,
    boundary_id: Option<String>,
    account: Option<String>,
}

impl Filter {
    fn is_of_somebody(&self) -> bool {
        self.party
            .as_ref()
            .is_none_or(|party| PARTIES.contains(&party.as_str()))
    }

    fn lets_through(&self, receipt: &Receipt) -> bool {
        self.path.as_ref().is_none_or(|path| *path == receipt.path)
            && (self.party.is_none() || self.party.as_deref() == receipt.party)
            && (self.request_id.is_none() || self.request_id == receipt.request_id)
            && (self.tenant_id.is_none() || self.tenant_id == receipt.tenant_id)
            && (self.boundary_id.is_none() || self.boundary_id == receipt.boundary_id)
            && (self.account.is_none() || self.account == receipt.account)
    }
}

/// `GET /receipts?path=…&party=…&request_id=…&tenant_id=…&boundary_id=…&account=…`. A filter that is not understood is
/// refused: who misspells one would count the calls of everybody, or of nobody, and believe it.
pub(super) async fn show(
    State(stage): State<Arc<Stage>>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Response {
    let Some(Query(filter)) = filter.ok().filter(|Query(filter)| filter.is_of_somebody()) else {
        let detail = "receipts are asked for by path, party, request_id, tenant_id, boundary_id or account";
        return Problem::refused(StatusCode::UNPROCESSABLE_ENTITY, detail, Uuid::new_v4()).into_response();
    };
    let book = stage.receipts.0.lock().unwrap_or_else(PoisonError::into_inner);
    let found: Vec<&Receipt> = book
        .kept
        .iter()
        .filter(|receipt| filter.lets_through(receipt))
        .collect();
    Json(json!({ "count": found.len(), "receipts": found })).into_response()
}

/// `GET /calls`: how many calls there ever were, also of those whose receipts are gone.
pub(super) async fn count(State(stage): State<Arc<Stage>>) -> Response {
    let book = stage.receipts.0.lock().unwrap_or_else(PoisonError::into_inner);
    let by_party: BTreeMap<&str, u64> = PARTIES
        .into_iter()
        .map(|party| (party, book.calls.get(party).copied().unwrap_or_default()))
        .collect();
    Json(json!({ "calls": book.all, "by_party": by_party })).into_response()
}

/// Keeps the receipt of a call before anybody answers it, and writes on it how it was answered.
pub(super) async fn keep(
    State((stage, party)): State<(Arc<Stage>, Option<&'static str>)>,
    mut call: Request,
    next: Next,
) -> Response {
    let ticket = stage.receipts.add(Receipt::new(&call, party));
    call.extensions_mut().insert(ticket);
    let answer = next.run(call).await;
    stage
        .receipts
        .note(ticket, |receipt| receipt.status = Some(answer.status().as_u16()));
    answer
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn receipt() -> Receipt {
        let call = Request::get("/v1/claims/1?request_id=7").body(Body::empty());
        Receipt::new(&call.expect("a request"), Some("claims"))
    }

    #[test]
    fn calls_are_counted_when_their_receipts_are_gone() {
        let receipts = Receipts::default();
        let first = receipts.add(receipt());
        let tickets: Vec<Ticket> = (0..KEPT).map(|_| receipts.add(receipt())).collect();
        receipts.note(first, |_| panic!("it is gone"));
        receipts.note(tickets[0], |receipt| receipt.status = Some(201));
        receipts.note(tickets[KEPT - 1], |receipt| receipt.status = Some(202));
        let book = receipts.0.into_inner().expect("no writer panicked");
        assert_eq!((book.kept.len(), book.all), (KEPT, 10_001));
        assert_eq!(book.calls["claims"], 10_001);
        let status = |receipt: Option<&Receipt>| receipt.expect("it is kept").status;
        assert_eq!(
            (status(book.kept.front()), status(book.kept.back())),
            (Some(201), Some(202))
        );
    }
}
