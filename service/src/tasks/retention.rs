//! `privacy.retention`: old dead letters lose what is left of their bodies.

use serde_json::{Value, json};

use super::{Job, TaskError};

/// Its name.
pub(crate) const NAME: &str = "privacy.retention";

/// Redacts the letters of all tenants.
pub(crate) async fn run(job: Job<'_>) -> Result<Value, TaskError> {
    let redacted: i64 = sqlx::query_scalar("select redact_dead_events($1)")
        .bind(job.settings.retention_days)
        .fetch_one(job.connection)
        .await?;
    Ok(json!({ "redacted": redacted }))
}
