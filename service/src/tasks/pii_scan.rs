//! `privacy.pii_scan`: looks through everything that is kept for keys that must not be there.

use serde_json::{Value, json};

use super::{Job, TaskError};
use crate::ingest;

/// Its name.
pub(crate) const NAME: &str = "privacy.pii_scan";

/// Scans the tables of all tenants. What is found is told by its place alone.
pub(crate) async fn run(job: Job<'_>) -> Result<Value, TaskError> {
    let new: i64 = sqlx::query_scalar("select scan_for_pii($1)")
        .bind(ingest::personal_keys())
        .fetch_one(job.connection)
        .await?;
    if new > 0 {
        tracing::warn!(findings = new, "personal data was found where none may be");
    }
    Ok(json!({ "new_findings": new }))
}
