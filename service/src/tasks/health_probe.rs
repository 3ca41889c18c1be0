//! `health.probe`: the smallest task. That it came back says that queue, worker and database work together.

use serde_json::{Value, json};

use super::{Job, TaskError};

/// Its name.
pub(crate) const NAME: &str = "health.probe";

/// Says who did it.
pub(crate) async fn run(job: Job<'_>) -> Result<Value, TaskError> {
    let role: String = sqlx::query_scalar("select current_user::text")
        .fetch_one(job.connection)
        .await?;
    Ok(json!({ "status": "ok", "db_user": role }))
}
