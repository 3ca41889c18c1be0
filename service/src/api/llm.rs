//! The LLM doors: four of them, which ask for the same in four ways. What is asked is stored, encrypted, and answered by a
//! task; who asked looks at the task.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State as Shared,
    http::{HeaderMap, StatusCode},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    State,
    auth::Principal,
    body::Prompted,
    contract::{BehindToken, Body},
    correlation,
    problem::Problem,
};
use crate::{
    auth::Scope,
    db,
    llm::{
        Endpoint, Prompt, Terms, books,
        wire::{Message, Role},
    },
};

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Messages and items of data at most.
const MOST: usize = 200;

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<State>> {
    OpenApiRouter::default()
        .routes(routes!(route))
        .routes(routes!(explanation))
        .routes(routes!(investigation))
        .routes(routes!(budget_optimization))
}

/// What is asked of a model
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LlmRequest {
    /// The caller's own id of the request: whoever sends it again is told how the first one ended. Made here when it is
    /// left out
    #[serde(default)]
    request_id: Option<Uuid>,
    /// One question; either this or `messages`
    #[serde(default)]
    #[schema(min_length = 1)]
    prompt: Option<String>,
    /// A conversation, the last message of which is to be answered
    #[serde(default)]
    #[schema(min_items = 1, max_items = 200)]
    messages: Option<Vec<Message>>,
    /// Data to be looked at
    #[serde(default)]
    #[schema(value_type = Vec<Object>, max_items = 200)]
    context_items: Vec<Map<String, Value>>,
    /// A JSON Schema that the answer must be valid against
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    response_schema: Option<Map<String, Value>>,
    /// How long the answer may be at most
    #[serde(default)]
    #[schema(minimum = 1, maximum = 4096)]
    max_output_tokens: Option<u32>,
    /// What it may cost at most
    #[serde(default)]
    #[schema(minimum = 1, maximum = 100_000)]
    max_cost_cents: Option<i64>,
    /// Whether the answer may be one that was given before
    #[serde(default = "yes")]
    #[schema(default = true)]
    cache_enabled: bool,
    /// How new the caller's data is: an answer that was given to other data is not given again
    #[serde(default)]
    cache_watermark: i64,
    /// Whether no provider is to be called: the request is then blocked, and on the books
    #[serde(default)]
    provider_kill_switch: bool,
}

const fn yes() -> bool {
    true
}

/// What was asked for
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LlmAccepted {
    /// Its task: `GET /api/tasks/{id}` tells how it ends
    task_id: Uuid,
    /// Its id on the books
    request_id: Uuid,
}

type Accepted = Result<(StatusCode, Json<LlmAccepted>), Problem>;

/// A door: what it is in words, its endpoint, and its path.
macro_rules! door {
    ($(#[doc = $words:literal])+ $name:ident asks $endpoint:ident at $path:literal) => {
        $(#[doc = $words])+
        #[utoipa::path(
            post,
            path = $path,
            tag = "llm",
            security(("bearer" = [])),
            request_body(content = LlmRequest, description = "What is asked"),
            responses(
                (status = ACCEPTED, body = LlmAccepted, description = "It is stored, and will be answered"),
                Body,
                BehindToken
            )
        )]
        async fn $name(
            principal: Principal,
            Shared(state): Shared<Arc<State>>,
            headers: HeaderMap,
            Prompted(request): Prompted<LlmRequest>,
        ) -> Accepted {
            asked(&principal, &state, &headers, Endpoint::$endpoint, request).await
        }
    };
}

door! {
    /// Ask a model, and be told which one answers
    route asks Route at "/api/llm/route"
}

door! {
    /// Ask a model why something is as it is
    explanation asks Explanation at "/api/llm/explanation"
}

door! {
    /// Ask a model what happened
    investigation asks Investigation at "/api/llm/investigation"
}

door! {
    /// Ask a model how to spend
    budget_optimization asks BudgetOptimization at "/api/llm/budget_optimization"
}

async fn asked(
    principal: &Principal,
    state: &State,
    headers: &HeaderMap,
    endpoint: Endpoint,
    request: LlmRequest,
) -> Accepted {
    let correlation = correlation::of(headers);
    // It spends the tenant's money.
    if principal.scope < Scope::Manager {
        return Err(Problem::forbidden(correlation));
    }
    let (terms, prompt) = understood(principal, request).map_err(|(field, message)| {
        let detail = "the body is not a request that can be asked";
        Problem::refused(StatusCode::UNPROCESSABLE_ENTITY, detail, correlation).because(field, message)
    })?;
    let stored = tokio::time::timeout(
        PATIENCE,
        store(principal, state, endpoint, &terms, &prompt, correlation),
    );
    let task_id = stored
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
        .map_err(|error| {
            tracing::warn!(correlation_id = %correlation, error = db::words(&error), "llm");
            Problem::unavailable(correlation)
        })?;
    let accepted = LlmAccepted {
        task_id,
        request_id: terms.request_id,
    };
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

async fn store(
    principal: &Principal,
    state: &State,
    endpoint: Endpoint,
    terms: &Terms,
    prompt: &Prompt,
    correlation: Uuid,
) -> Result<Uuid, sqlx::Error> {
    let mut transaction = principal.begin(&state.pool).await?;
    let whose = (principal.tenant, principal.user);
    let task = books::request(
        &mut transaction,
        whose,
        endpoint,
        terms,
        prompt,
        &state.box_key,
        correlation,
    )
    .await?;
    transaction.commit().await?;
    Ok(task)
}

/// The request as terms and a prompt, or which field cannot be used and why.
fn understood(
    principal: &Principal,
    request: LlmRequest,
) -> Result<(Terms, Prompt), (&'static str, &'static str)> {
    let messages = match (request.prompt, request.messages) {
        (Some(content), None) => vec![Message {
            role: Role::User,
            content,
        }],
        (None, Some(messages)) => messages,
        _ => return Err(("prompt", "either this or `messages` must be there, and not both")),
    };
    if messages.is_empty() || messages.len() > MOST {
        return Err(("messages", "there must be 1 to 200 of them"));
    }
    if messages.iter().any(|message| message.content.is_empty()) {
        return Err(("messages", "none of them may be empty"));
    }
    if messages.last().is_none_or(|last| last.role != Role::User) {
        return Err(("messages", "the last one must be the user's"));
    }
    if request.context_items.len() > MOST {
        return Err(("context_items", "there may be 200 of them"));
    }
    if request
        .max_output_tokens
        .is_some_and(|tokens| !(1..=4096).contains(&tokens))
    {
        return Err(("max_output_tokens", "it must be from 1 to 4096"));
    }
    if request
        .max_cost_cents
        .is_some_and(|cents| !(1..=100_000).contains(&cents))
    {
        return Err(("max_cost_cents", "it must be from 1 to 100000"));
    }
    let prompt = Prompt {
        messages,
        context_items: request.context_items.into_iter().map(Value::Object).collect(),
        response_schema: request.response_schema.map(Value::Object),
        max_output_tokens: request.max_output_tokens,
    };
    let terms = Terms {
        request_id: request.request_id.unwrap_or_else(Uuid::new_v4),
        user_id: principal.user,
        cache_enabled: request.cache_enabled,
        cache_watermark: request.cache_watermark,
        provider_kill_switch: request.provider_kill_switch,
        max_cost_cents: request.max_cost_cents,
    };
    Ok((terms, prompt))
}
