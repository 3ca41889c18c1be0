//! Tasks that fail, crash, run away or reach for what is not theirs, so that what the worker does about it can be seen.
//! They are there only with `ENVIRONMENT=test`; their tables are those of `migrations/0011_drills.sql`.

pub(super) mod crash_after_write_pre_ack;
pub(super) mod poison_pill;
pub(super) mod privilege_probes;
pub(super) mod rls_cross_tenant_probe;
pub(super) mod runaway_sleep;
pub(super) mod sentinel_side_effect;

use sqlx::PgConnection;

use super::TaskError;
use crate::queue::Task;

/// Writes the one effect of a task. Returns whether it was not there before.
async fn side_effect(connection: &mut PgConnection, task: &Task, key: &str) -> Result<bool, TaskError> {
    let written = sqlx::query(
        "insert into worker_side_effects (tenant_id, task_id, correlation_id, effect_key) values ($1, $2, $3, $4)
             on conflict on constraint one_effect_per_task do nothing",
    )
    .bind(task.tenant_id)
    .bind(task.id)
    .bind(task.correlation_id)
    .bind(key)
    .execute(connection)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Writes that an attempt began.
async fn attempt(connection: &mut PgConnection, task: &Task, scenario: &str) -> Result<(), TaskError> {
    sqlx::query(
        "insert into r4_task_attempts (tenant_id, task_id, scenario, attempt_no, worker_pid) values ($1, $2, $3, $4, $5)",
    )
    .bind(task.tenant_id)
    .bind(task.id)
    .bind(scenario)
    .bind(task.attempts)
    .bind(i64::from(std::process::id()))
    .execute(connection)
    .await?;
    Ok(())
}

/// The drills write into tenants' tables, so without a tenant there is nothing they could do.
fn on_behalf_of_somebody(task: &Task) -> Result<(), TaskError> {
    match task.tenant_id {
        Some(_) => Ok(()),
        None => Err(TaskError::Refused("it needs a tenant")),
    }
}
