//! Claims: what each platform says it brought a tenant, payment by payment.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Stage;

/// Its name at the door of the moods.
pub(super) const PARTY: &str = "claims";

/// One platform's claims of a tenant's payments.
type Said = Vec<Map<String, Value>>;

/// By tenant, and there by platform.
pub(super) type Claims = Mutex<HashMap<Uuid, BTreeMap<String, Said>>>;

/// `PUT /claims/{tenant}/{platform}` with a list of claims, each `{"transaction_id", "claimed_cents", "currency"}`. It
/// replaces what this platform said before. They are given out as they came, also when nobody could believe them.
pub(super) async fn set(
    State(stage): State<Arc<Stage>>,
    Path((tenant, platform)): Path<(Uuid, String)>,
    Json(said): Json<Said>,
) -> StatusCode {
    let mut claims = stage.claims.lock().unwrap_or_else(PoisonError::into_inner);
    claims.entry(tenant).or_default().insert(platform, said);
    StatusCode::NO_CONTENT
}

/// `GET /v1/claims/{tenant}`: what all platforms claim, each claim with its platform's name.
pub(super) async fn of_tenant(State(stage): State<Arc<Stage>>, Path(tenant): Path<Uuid>) -> Response {
    if let Err(trouble) = stage.moods.prevail(PARTY).await {
        return trouble.into_response();
    }
    let claims = stage.claims.lock().unwrap_or_else(PoisonError::into_inner);
    let said = claims.get(&tenant).into_iter().flatten();
    let named = said.flat_map(|(platform, said)| {
        said.iter().map(move |claim| {
            let mut claim = claim.clone();
            claim.insert("platform".to_owned(), json!(platform));
            claim
        })
    });
    Json(json!({ "claims": named.collect::<Said>() })).into_response()
}
