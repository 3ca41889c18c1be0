//! Moods: how a party answers, whatever it is asked, until it is put in another.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::{Stage, balance, claims};
use crate::api::problem::Problem;

/// The parties that have moods.
const PARTIES: [&str; 2] = [balance::PARTY, claims::PARTY];

/// The longest that a slow party may take.
const SLOWEST_MS: u64 = 60_000;

/// A mood, as the door reads it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(tag = "mood", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Mood {
    /// It answers.
    #[default]
    Success,
    /// It has had enough: 429, and in how many seconds it will be well again.
    RateLimit {
        /// As `Retry-After` says it.
        #[serde(default = "one")]
        retry_after: u64,
    },
    /// It has trouble of its own: 502.
    Upstream,
    /// It answers, after a while.
    Slow {
        /// The while, in milliseconds.
        #[serde(default = "ten_seconds")]
        delay_ms: u64,
    },
}

const fn one() -> u64 {
    1
}

const fn ten_seconds() -> u64 {
    10_000
}

/// The moods that were set; whoever is not here is in a good one.
#[derive(Default)]
pub(super) struct Moods(Mutex<HashMap<String, Mood>>);

impl Moods {
    /// Lets a party's mood have its way. An answer when it has one of its own, else the party answers as it would.
    pub(super) async fn prevail(&self, party: &str) -> Option<Response> {
        let mood = {
            let moods = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            moods.get(party).copied().unwrap_or_default()
        };
        match mood {
            Mood::Success => None,
            Mood::RateLimit { retry_after } => {
                let after = [(header::RETRY_AFTER, retry_after.to_string())];
                let error = json!({"error": {"type": "rate_limit_error"}});
                Some((StatusCode::TOO_MANY_REQUESTS, after, Json(error)).into_response())
            }
            Mood::Upstream => {
                let error = json!({"error": {"type": "api_error"}});
                Some((StatusCode::BAD_GATEWAY, Json(error)).into_response())
            }
            Mood::Slow { delay_ms } => {
                tokio::time::sleep(Duration::from_millis(delay_ms.min(SLOWEST_MS))).await;
                None
            }
        }
    }
}

/// `PUT /moods/{party}` with `{"mood": "success" | "rate_limit" | "upstream" | "slow", …}`
pub(super) async fn set(
    State(stage): State<Arc<Stage>>,
    Path(party): Path<String>,
    mood: Result<Json<Mood>, JsonRejection>,
) -> Response {
    if !PARTIES.contains(&party.as_str()) {
        return Problem::plain(StatusCode::NOT_FOUND).into_response();
    }
    let Ok(Json(mood)) = mood else {
        let detail = "the body is not a mood: success, rate_limit, upstream or slow";
        return Problem::refused(StatusCode::UNPROCESSABLE_ENTITY, detail, Uuid::new_v4()).into_response();
    };
    let mut moods = stage.moods.0.lock().unwrap_or_else(PoisonError::into_inner);
    moods.insert(party, mood);
    StatusCode::NO_CONTENT.into_response()
}
