//! The books, typed: the functions of `migrations/0013_llm_books.sql`, each a step of the boundary, and what a user may
//! read of them.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{endpoint::Endpoint, policy::Budget, prompt::Prompt, terms::Terms};
use crate::{
    ingest::interval,
    queue::Task,
    settings::{Llm, Secret},
};

/// Whose a claimed request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// This attempt's.
    Mine,
    /// This task's, from an attempt that broke off.
    Resumed,
    /// Another task's: it was asked before.
    Replay,
    /// Another user's.
    Foreign,
}

impl TryFrom<String> for Fate {
    type Error = &'static str;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        match word.as_str() {
            "mine" => Ok(Self::Mine),
            "resumed" => Ok(Self::Resumed),
            "replay" => Ok(Self::Replay),
            "foreign" => Ok(Self::Foreign),
            _ => Err("no such fate"),
        }
    }
}

/// A claimed request.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Claim {
    /// Its row.
    pub(super) api_call_id: Uuid,
    /// Whose it is.
    #[sqlx(try_from = "String")]
    pub(super) fate: Fate,
}

/// A row of the ledger, as far as anything depends on it.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Call {
    /// Its id.
    pub(crate) id: Uuid,
    /// Who asked.
    pub(crate) user_id: Uuid,
    /// The caller's id of it.
    pub(crate) request_id: Uuid,
    /// Under which it is traced.
    pub(crate) correlation_id: Uuid,
    /// How it stands.
    pub(crate) status: String,
    /// Why it was not made.
    pub(crate) block_reason: Option<String>,
    /// Why nothing came of it.
    pub(crate) failure_reason: Option<String>,
    /// Whether its answer had been given before.
    pub(crate) was_cached: bool,
    /// What it cost.
    pub(crate) cost_cents: i64,
    /// Which of the policy's tiers answers it.
    pub(crate) chosen_tier: String,
    /// Who answers it.
    pub(crate) chosen_provider: String,
    /// With which model.
    pub(crate) chosen_model: String,
    /// Why that one.
    pub(crate) routing_reason: String,
    /// What it was promised at most.
    pub(crate) budget_reservation_cents: i64,
    /// The answer.
    pub(crate) output_text: Option<String>,
}

/// Says on whose behalf the rest of the transaction works, within its tenant.
pub(super) async fn become_user(connection: &mut PgConnection, user: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("select set_config('app.current_user_id', $1, true)")
        .bind(user.to_string())
        .execute(connection)
        .await
        .map(drop)
}

/// The prompt of a task that this attempt holds, as it was encrypted.
pub(super) async fn prompt(
    connection: &mut PgConnection,
    task: &Task,
    box_key: &Secret,
) -> Result<Option<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar("select open_llm_prompt($1, $2, $3)")
        .bind(task.id)
        .bind(task.attempts)
        .bind(box_key.reveal())
        .fetch_one(connection)
        .await
}

/// How the user's month stands. Who has not spent anything yet has the cap that they would get.
pub(super) async fn budget(connection: &mut PgConnection, llm: &Llm) -> Result<Budget, sqlx::Error> {
    let (used_cents, cap_cents) = sqlx::query_as(
        "select coalesce(b.spent_cents + b.reserved_cents, 0), coalesce(c.cap_cents, $1)
           from (select date_trunc('month', clock_timestamp() at time zone 'UTC')::date) as now (month)
           left join llm_monthly_budget_state b using (month)
           left join llm_budget_caps c on true",
    )
    .bind(llm.monthly_cap_cents)
    .fetch_one(connection)
    .await?;
    Ok(Budget {
        used_cents,
        cap_cents,
    })
}

/// Claims a request for a task.
pub(super) async fn claim(
    connection: &mut PgConnection,
    task: &Task,
    user: Uuid,
    claim: &Value,
) -> Result<Claim, sqlx::Error> {
    sqlx::query_as("select api_call_id, fate from claim_llm_call($1, $2, $3, $4)")
        .bind(task.id)
        .bind(task.attempts)
        .bind(user)
        .bind(claim)
        .fetch_one(connection)
        .await
}

/// A call of the user whose context this is.
pub(super) async fn read(connection: &mut PgConnection, call: Uuid) -> Result<Call, sqlx::Error> {
    sqlx::query_as(
        "select id, user_id, request_id, correlation_id, status, block_reason, failure_reason, was_cached, cost_cents, chosen_tier,
                chosen_provider, chosen_model, routing_reason, budget_reservation_cents,
                response_metadata_ref ->> 'output_text' as output_text
           from llm_api_calls where id = $1",
    )
    .bind(call)
    .fetch_one(connection)
    .await
}

/// Why nobody calls a provider for this user in this hour, if so.
pub(super) async fn shutoff(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(
        "select reason from llm_hourly_shutoff_state where disabled_until > clock_timestamp()
          order by disabled_until desc limit 1",
    )
    .fetch_optional(connection)
    .await
}

/// Ends a call before it was made.
pub(super) async fn block(
    connection: &mut PgConnection,
    call: Uuid,
    reason: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("select block_llm_call($1, $2)")
        .bind(call)
        .bind(reason)
        .execute(connection)
        .await
        .map(drop)
}

/// Promises the money. False when the month does not hold it.
pub(super) async fn reserve(
    connection: &mut PgConnection,
    call: Uuid,
    cents: i64,
    llm: &Llm,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select reserve_llm_budget($1, $2, $3)")
        .bind(call)
        .bind(cents)
        .bind(llm.monthly_cap_cents)
        .fetch_one(connection)
        .await
}

/// Answers from the cache. False when there is nothing for it.
pub(super) async fn answer_from_cache(
    connection: &mut PgConnection,
    call: Uuid,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select answer_llm_call_from_cache($1)")
        .bind(call)
        .fetch_one(connection)
        .await
}

/// Lets a call through to its provider. False when the breaker does not.
pub(super) async fn admit(
    connection: &mut PgConnection,
    call: Uuid,
    open_for: Duration,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select admit_llm_call($1, $2)")
        .bind(call)
        .bind(interval(open_for))
        .fetch_one(connection)
        .await
}

/// Notes that the provider is called once more for it.
pub(super) async fn resume(connection: &mut PgConnection, call: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("select resume_llm_call($1)")
        .bind(call)
        .execute(connection)
        .await
        .map(drop)
}

/// Ends a call that is not made again.
pub(super) async fn give_up(
    connection: &mut PgConnection,
    call: Uuid,
    reason: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("select give_up_llm_call($1, $2)")
        .bind(call)
        .bind(reason)
        .execute(connection)
        .await
        .map(drop)
}

/// An answer, as it is entered.
pub(super) struct Entry<'a> {
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) cost_cents: i64,
    pub(super) latency: Duration,
    pub(super) output_text: &'a str,
    /// Whether it may be given again.
    pub(super) is_cacheable: bool,
}

/// Ends a call with its answer.
pub(super) async fn settle(
    connection: &mut PgConnection,
    call: Uuid,
    entry: &Entry<'_>,
    llm: &Llm,
) -> Result<(), sqlx::Error> {
    sqlx::query("select settle_llm_call($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(call)
        .bind(signed(entry.input_tokens))
        .bind(signed(entry.output_tokens))
        .bind(entry.cost_cents)
        .bind(millis(entry.latency))
        .bind(entry.output_text)
        .bind(llm.hourly_threshold_cents)
        .bind(entry.is_cacheable)
        .execute(connection)
        .await
        .map(drop)
}

/// Ends a call that nothing came of.
pub(super) async fn fail(
    connection: &mut PgConnection,
    call: Uuid,
    reason: &str,
    latency: Duration,
    llm: &Llm,
) -> Result<(), sqlx::Error> {
    sqlx::query("select fail_llm_call($1, $2, $3, $4)")
        .bind(call)
        .bind(reason)
        .bind(millis(latency))
        .bind(llm.breaker_failures)
        .execute(connection)
        .await
        .map(drop)
}

/// Asks for an answer, in the caller's own transaction. Returns the task.
pub(crate) async fn request(
    connection: &mut PgConnection,
    (tenant, user): (Uuid, Uuid),
    endpoint: Endpoint,
    terms: &Terms,
    prompt: &Prompt,
    box_key: &Secret,
    correlation: Uuid,
) -> Result<Uuid, sqlx::Error> {
    sqlx::query_scalar("select request_llm($1, $2, $3, $4, $5, $6, $7)")
        .bind(tenant)
        .bind(user)
        .bind(endpoint.as_str())
        .bind(sqlx::types::Json(terms))
        .bind(prompt.canonical().into_bytes())
        .bind(box_key.reveal())
        .bind(correlation)
        .fetch_one(connection)
        .await
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
