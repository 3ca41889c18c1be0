//! `r4.rls_cross_tenant_probe`: looks for a row by its id, as its own tenant. It must not see another's.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::tasks::{Job, TaskError};

/// Its name.
pub(in crate::tasks) const NAME: &str = "r4.rls_cross_tenant_probe";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    /// A row of some tenant's events, dead letters or side effects.
    target: Uuid,
}

const VISIBLE: &str = "
    select (select count(*) from attribution_events where id = $1)
         + (select count(*) from dead_events where id = $1)
         + (select count(*) from worker_side_effects where id = $1)";

/// Counts what it sees.
pub(in crate::tasks) async fn run(job: Job<'_>) -> Result<Value, TaskError> {
    let args =
        Args::deserialize(&job.task.args).map_err(|_| TaskError::Refused("`args` is not a `target` id"))?;
    let rows: i64 = sqlx::query_scalar(VISIBLE)
        .bind(args.target)
        .fetch_one(job.connection)
        .await?;
    Ok(json!({ "visible_rows": rows }))
}
