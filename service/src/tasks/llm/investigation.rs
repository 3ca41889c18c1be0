//! `llm.investigation`: what happened. An answer becomes one investigation.

use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Answered, Asking};
use crate::llm::Endpoint;

/// Its name.
pub(in crate::tasks) const NAME: &str = "llm.investigation";

/// How it is done.
pub(in crate::tasks) const ASKING: Asking = Asking {
    endpoint: Endpoint::Investigation,
    keep: |connection, answered| Box::pin(keep(connection, answered)),
};

/// The row of the call, and the one that is there when it was written before.
const KEEP: &str = "
    with written as (
      insert into investigations (tenant_id, user_id, api_call_id, query, status, result, cost_cents)
      values ($1, $2, $3, $4, 'completed', $5, $6)
          on conflict (api_call_id) do nothing
      returning id
    )
    select id from written union all select id from investigations where api_call_id = $3";

async fn keep(
    connection: &mut PgConnection,
    Answered {
        tenant,
        user,
        call,
        text,
    }: Answered<'_>,
) -> Result<(&'static str, Value), sqlx::Error> {
    let id: Uuid = sqlx::query_scalar(KEEP)
        .bind(tenant)
        .bind(user)
        .bind(call.id)
        .bind(format!("provider:{}", call.request_id))
        .bind(json!({ "findings": text }))
        .bind(call.cost_cents)
        .fetch_one(connection)
        .await?;
    Ok(("investigation_id", json!(id)))
}
