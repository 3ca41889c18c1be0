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

use super::{PARTIES, Stage, anthropic, openai};
use crate::api::problem::Problem;

/// The parties that say something of their own, and can be told what.
const MODELS: [&str; 2] = [openai::PARTY, anthropic::PARTY];

/// The longest that a slow party may take.
const SLOWEST_MS: u64 = 60_000;

/// A mood, as the door reads it.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "mood", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Mood {
    /// It answers.
    Success(Script),
    /// It has had enough: 429, and in how many seconds it will be well again.
    RateLimit {
        /// As `Retry-After` says it.
        #[serde(default = "one")]
        retry_after: u64,
    },
    /// It has trouble of its own: 502. In braces, so that a field it does not have is refused.
    Upstream {},
    /// It answers, after a while.
    Slow(Slow),
}

/// What a model says, and how many tokens it counts, instead of what it would. Nothing of it for the other parties.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    /// Of the question.
    pub(super) input_tokens: Option<u32>,
    /// Of the answer.
    pub(super) output_tokens: Option<u32>,
    /// The answer.
    pub(super) text: Option<String>,
}

/// The same, after a while in milliseconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slow {
    #[serde(default = "ten_seconds")]
    delay_ms: u64,
    input_tokens: Option<u32>,
    output_tokens: Option<u32>,
    text: Option<String>,
}

const fn one() -> u64 {
    1
}

const fn ten_seconds() -> u64 {
    10_000
}

impl Mood {
    /// The trouble that the party is in, or else how long it takes and what it is told to say.
    fn course(self) -> Result<(Duration, Script), Trouble> {
        match self {
            Self::Success(script) => Ok((Duration::ZERO, script)),
            Self::RateLimit { retry_after } => Err(Trouble::RateLimit { retry_after }),
            Self::Upstream {} => Err(Trouble::Upstream),
            Self::Slow(slow) => {
                let delay = Duration::from_millis(slow.delay_ms.min(SLOWEST_MS));
                let script = Script {
                    input_tokens: slow.input_tokens,
                    output_tokens: slow.output_tokens,
                    text: slow.text,
                };
                Ok((delay, script))
            }
        }
    }
}

/// Why a party does not answer as it would.
pub(super) enum Trouble {
    /// It has had enough.
    RateLimit {
        /// In how many seconds it will be well again.
        retry_after: u64,
    },
    /// It has trouble of its own.
    Upstream,
}

impl IntoResponse for Trouble {
    /// As parties say it that have no words of their own for it.
    fn into_response(self) -> Response {
        match self {
            Self::RateLimit { retry_after } => {
                let after = [(header::RETRY_AFTER, retry_after.to_string())];
                let error = json!({"error": {"type": "rate_limit_error"}});
                (StatusCode::TOO_MANY_REQUESTS, after, Json(error)).into_response()
            }
            Self::Upstream => {
                let error = json!({"error": {"type": "api_error"}});
                (StatusCode::BAD_GATEWAY, Json(error)).into_response()
            }
        }
    }
}

/// The moods that were set; whoever is not here is in a good one.
#[derive(Default)]
pub(super) struct Moods(Mutex<HashMap<String, Mood>>);

impl Moods {
    /// Lets a party's mood have its way: it takes its time, and then the party answers as it would or was told to.
    pub(super) async fn prevail(&self, party: &str) -> Result<Script, Trouble> {
        let mood = {
            let moods = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            moods.get(party).cloned()
        };
        let (delay, script) = mood.map_or(Ok(Default::default()), Mood::course)?;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        Ok(script)
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
    let refused =
        |detail| Problem::refused(StatusCode::UNPROCESSABLE_ENTITY, detail, Uuid::new_v4()).into_response();
    let Ok(Json(mood)) = mood else {
        return refused("the body is not a mood: success, rate_limit, upstream or slow");
    };
    let is_told = matches!(mood.clone().course(), Ok((_, script)) if script != Script::default());
    if is_told && !MODELS.contains(&party.as_str()) {
        return refused("only a provider of language models can be told what to say");
    }
    let mut moods = stage.moods.0.lock().unwrap_or_else(PoisonError::into_inner);
    moods.insert(party, mood);
    StatusCode::NO_CONTENT.into_response()
}
