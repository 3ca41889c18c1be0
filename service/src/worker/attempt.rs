//! One attempt at one task: within its limits, under its lease, to an end that is reported.

use std::time::Instant;

use serde_json::Value;

use super::Shared;
use crate::{
    db,
    queue::{self, Failure, Task},
    tasks::{self, Job, TaskError, Work, refresh_all},
};

/// Makes the attempt, reports and logs how it ended. Nothing is returned: what could not even be reported is
/// redelivered when the lease ends.
pub(super) async fn make(shared: &Shared, task: &Task) {
    let began = Instant::now();
    log(task, "started", began, None);
    shared.shard.started(&task.name);
    match held(shared, task).await {
        Ok(result) => {
            shared.shard.succeeded(&task.name, began.elapsed());
            for view in refresh_all::refreshed(&task.name, &result) {
                shared.shard.refreshed(&view);
            }
            log(task, "success", began, None);
        }
        Err(error) => {
            let fate = report(shared, task, &error).await;
            shared.shard.failed(&task.name, began.elapsed());
            log(task, &fate, began, Some(&error));
        }
    }
    shared.shard.write();
}

/// The work, while a renewal keeps the lease. A task that was lost meanwhile is dropped: its transaction with it.
async fn held(shared: &Shared, task: &Task) -> Result<Value, TaskError> {
    let lease = shared.settings.lease;
    let work = tokio::time::timeout(shared.settings.hard_limit, done(shared, task));
    tokio::pin!(work);
    let mut renewal = tokio::time::interval(lease / 3);
    renewal.tick().await;
    loop {
        tokio::select! {
            outcome = &mut work => return outcome.unwrap_or(Err(TaskError::TimedOut)),
            _ = renewal.tick() => match queue::renew(&shared.pool, task, lease).await {
                Ok(true) => {}
                Ok(false) => return Err(TaskError::Refused("the lease was lost")),
                Err(error) => tracing::warn!(task_id = %task.id, error = db::words(&error), "the lease was not renewed"),
            },
        }
    }
}

/// Effect and acknowledgement, committed together.
async fn done(shared: &Shared, task: &Task) -> Result<Value, TaskError> {
    let mut transaction = queue::begin(&shared.pool, task.tenant_id).await?;
    // The soft limit is the database's to enforce: it cancels the statement, and the task learns of it.
    let soft = shared.settings.soft_limit.as_millis().to_string();
    sqlx::query("select set_config('statement_timeout', $1, true)")
        .bind(soft)
        .execute(&mut *transaction)
        .await?;
    let Some(entry) = tasks::entry(&task.name) else {
        return Err(TaskError::Refused("there is no such task"));
    };
    let job = Job {
        connection: &mut transaction,
        task,
        settings: &shared.settings,
    };
    let result = match entry.work {
        Work::Transaction(run) => run(job).await?,
    };
    queue::finish(&mut transaction, task, &result).await?;
    transaction.commit().await?;
    Ok(result)
}

async fn report(shared: &Shared, task: &Task, error: &TaskError) -> String {
    let message = error.to_string();
    let failure = Failure {
        error_type: error.kind(),
        message: &message,
        max_retries: error.may_pass().then_some(shared.settings.max_retries),
        backoff: shared.settings.backoff,
    };
    match queue::fail(&shared.pool, task, &failure).await {
        Ok(fate) => fate,
        Err(error) => {
            tracing::warn!(task_id = %task.id, error = db::words(&error), "the failure was not recorded");
            "unrecorded".to_owned()
        }
    }
}

fn log(task: &Task, status: &str, began: Instant, error: Option<&TaskError>) {
    tracing::info!(
        task_id = %task.id,
        task_name = task.name,
        queue_name = task.queue,
        tenant_id = task.tenant_id.map(tracing::field::display),
        correlation_id = %task.correlation_id,
        attempt = task.attempts,
        status,
        duration_ms = millis(began),
        error_type = error.map(TaskError::kind),
        error = error.map(tracing::field::display),
        "task"
    );
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
