//! `health.probe`: the smallest task. That it came back says that queue, worker and database work together.

use serde_json::{Value, json};
use sqlx::PgConnection;

use super::TaskError;

/// Its name.
pub(crate) const NAME: &str = "health.probe";

/// Says who did it.
pub(crate) async fn run(connection: &mut PgConnection) -> Result<Value, TaskError> {
    let role: String = sqlx::query_scalar("select current_user::text")
        .fetch_one(connection)
        .await?;
    Ok(json!({ "status": "ok", "db_user": role }))
}
