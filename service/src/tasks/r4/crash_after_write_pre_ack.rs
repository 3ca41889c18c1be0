//! `r4.crash_after_write_pre_ack`: commits its effect and waits, on its first attempt, for somebody to kill the worker
//! before it can acknowledge. A later attempt finds the effect and only acknowledges.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{attempt, on_behalf_of_somebody, side_effect};
use crate::tasks::{Job, TaskError};

/// Its name.
pub(in crate::tasks) const NAME: &str = "r4.crash_after_write_pre_ack";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    /// How long the first attempt waits.
    #[serde(default = "a_minute")]
    wait_seconds: u64,
}

fn a_minute() -> u64 {
    60
}

/// Writes, then waits or acknowledges.
pub(in crate::tasks) async fn run(mut job: Job<'_>) -> Result<Value, TaskError> {
    let args = Args::deserialize(&job.task.args)
        .map_err(|_| TaskError::Refused("`args` is not a number of seconds to wait"))?;
    on_behalf_of_somebody(job.task)?;
    let task = job.task;
    let mut transaction = job.begin().await?;
    attempt(&mut transaction, task, "crash_after_write_pre_ack").await?;
    let is_first = side_effect(&mut transaction, task, "crash").await?;
    if is_first {
        sqlx::query(
            "insert into r4_crash_barriers (tenant_id, task_id, scenario, attempt_no, worker_pid)
             values ($1, $2, 'crash_after_write_pre_ack', $3, $4)",
        )
        .bind(task.tenant_id)
        .bind(task.id)
        .bind(task.attempts)
        .bind(i64::from(std::process::id()))
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    if is_first {
        tokio::time::sleep(Duration::from_secs(args.wait_seconds)).await;
    }
    Ok(json!({ "wrote": is_first }))
}
