//! The queue as the service sees it: the functions of `migrations/0004_queue.sql`, typed.

mod redact;

use std::time::Duration;

use chrono::NaiveTime;
use serde_json::Value;
use sqlx::{Connection as _, PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

pub(crate) use self::redact::redacted;
use crate::ingest::interval;

/// Every queue there is. The worker has one lane for each, so none can starve another.
pub(crate) const QUEUES: [&str; 4] = ["housekeeping", "maintenance", "llm", "attribution"];

/// The channel on which the database says that a queue has something new. Its payload is the queue's name.
pub(crate) const CHANNEL: &str = "tasks";

/// A task as it was handed out.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Task {
    /// Its id.
    pub(crate) id: Uuid,
    /// The queue it stood on.
    pub(crate) queue: String,
    /// What is to be done.
    pub(crate) name: String,
    /// On whose behalf, unless it is the service's own.
    pub(crate) tenant_id: Option<Uuid>,
    /// With what.
    pub(crate) args: Value,
    /// How it is traced.
    pub(crate) correlation_id: Uuid,
    /// Which handing-out this is, from 1. Only the latest can end the task.
    pub(crate) attempts: i32,
    /// How many of them followed a failure.
    pub(crate) retry_count: i32,
}

/// Depth and age of one queue.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Stats {
    /// The queue.
    pub(crate) queue: String,
    /// Tasks that wait.
    pub(crate) pending: i64,
    /// Tasks that a worker holds.
    pub(crate) running: i64,
    /// Age of the oldest that waits, in seconds; 0 when none does.
    pub(crate) oldest_pending_seconds: f64,
}

/// Begins a transaction in a tenant's context, which ends with it.
pub(crate) async fn begin(
    pool: &PgPool,
    tenant: Option<Uuid>,
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    if let Some(tenant) = tenant {
        sqlx::query("select set_config('app.current_tenant_id', $1, true)")
            .bind(tenant.to_string())
            .execute(&mut *transaction)
            .await?;
    }
    Ok(transaction)
}

/// Begins a transaction of a task, in its tenant's context, on the connection that is held for it. No statement of it
/// may exceed `bound`: should this process stand still, the database ends the statement by itself.
pub(crate) async fn begin_on(
    connection: &mut PgConnection,
    tenant: Option<Uuid>,
    bound: Duration,
) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query(
        "select set_config('app.current_tenant_id', $1, true), set_config('statement_timeout', $2, true)",
    )
    .bind(tenant.map(|tenant| tenant.to_string()).unwrap_or_default())
    .bind(bound.as_millis().to_string())
    .execute(&mut *transaction)
    .await?;
    Ok(transaction)
}

/// Puts a task on a queue. Returns its id, or that of the waiting task that absorbed the request.
pub(crate) async fn enqueue(
    pool: &PgPool,
    queue: &str,
    name: &str,
    tenant: Option<Uuid>,
    args: &Value,
) -> Result<Uuid, sqlx::Error> {
    let mut transaction = begin(pool, tenant).await?;
    let id = sqlx::query_scalar("select enqueue($1, $2, $3, $4)")
        .bind(queue)
        .bind(name)
        .bind(tenant)
        .bind(args)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(id)
}

/// Hands out the next task of a queue, for the time of a lease. The hand-out is committed on return.
pub(crate) async fn claim(
    pool: &PgPool,
    queue: &str,
    worker: &str,
    lease: Duration,
    max_retries: i32,
) -> Result<Option<Task>, sqlx::Error> {
    sqlx::query_as(
        "select id, queue, name, tenant_id, args, correlation_id, attempts, retry_count
           from claim_task($1, $2, $3, $4)",
    )
    .bind(queue)
    .bind(worker)
    .bind(interval(lease))
    .bind(max_retries)
    .fetch_optional(pool)
    .await
}

/// How long until a queue may have something to hand out; none when it holds nothing.
pub(crate) async fn next_in(pool: &PgPool, queue: &str) -> Result<Option<Duration>, sqlx::Error> {
    let milliseconds: Option<i64> = sqlx::query_scalar("select next_task_in_ms($1)")
        .bind(queue)
        .fetch_one(pool)
        .await?;
    Ok(milliseconds.map(|milliseconds| Duration::from_millis(milliseconds.unsigned_abs())))
}

/// Keeps a task. False when it is no longer this attempt's.
pub(crate) async fn renew(pool: &PgPool, task: &Task, lease: Duration) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select renew_lease($1, $2, $3)")
        .bind(task.id)
        .bind(task.attempts)
        .bind(interval(lease))
        .fetch_one(pool)
        .await
}

/// Acknowledges a task in the transaction of its effect. Fails, and the effect with it, when the task was lost.
pub(crate) async fn finish(
    connection: &mut PgConnection,
    task: &Task,
    result: &Value,
) -> Result<(), sqlx::Error> {
    sqlx::query("select finish_task($1, $2, $3)")
        .bind(task.id)
        .bind(task.attempts)
        .bind(result)
        .execute(connection)
        .await
        .map(drop)
}

/// A failure to be reported.
pub(crate) struct Failure<'a> {
    /// Its kind, from a closed list.
    pub(crate) error_type: &'a str,
    /// The same in words, without values.
    pub(crate) message: &'a str,
    /// Retries allowed in all; none when no retry can help.
    pub(crate) max_retries: Option<i32>,
    /// The wait before the first retry. It doubles.
    pub(crate) backoff: Duration,
}

/// Reports a failure. Returns what became of the task: `retry`, `failed` or `lost`.
pub(crate) async fn fail(pool: &PgPool, task: &Task, failure: &Failure<'_>) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("select fail_task($1, $2, $3, $4, $5, $6)")
        .bind(task.id)
        .bind(task.attempts)
        .bind(failure.error_type)
        .bind(failure.message)
        .bind(interval(failure.backoff))
        .bind(failure.max_retries)
        .fetch_one(pool)
        .await
}

/// Takes back a probe that no worker has begun.
pub(crate) async fn withdraw(pool: &PgPool, task: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select withdraw_task($1)")
        .bind(task)
        .fetch_one(pool)
        .await
}

/// The state of a task.
pub(crate) async fn state(pool: &PgPool, task: Uuid) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("select state from task_state($1)")
        .bind(task)
        .fetch_optional(pool)
        .await
}

/// When a schedule is due.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Again and again, counted from when the service began to keep it.
    Every(Duration),
    /// Once a day, at this time of the UTC day.
    Daily(NaiveTime),
}

/// Asks for the task of a schedule when a slot of it is due that no worker has taken. Returns the task.
pub(crate) async fn run_due_slot(
    pool: &PgPool,
    schedule: &str,
    pace: Pace,
    queue: &str,
    task: &str,
) -> Result<Option<Uuid>, sqlx::Error> {
    let (every, daily_at) = match pace {
        Pace::Every(every) => (Some(interval(every)), None),
        Pace::Daily(at) => (None, Some(at)),
    };
    sqlx::query_scalar("select run_due_slot($1, $2, $3, $4, $5)")
        .bind(schedule)
        .bind(every)
        .bind(daily_at)
        .bind(queue)
        .bind(task)
        .fetch_one(pool)
        .await
}

/// Depth and age of every queue, the empty ones too.
pub(crate) async fn stats(pool: &PgPool) -> Result<Vec<Stats>, sqlx::Error> {
    sqlx::query_as("select queue, pending, running, oldest_pending_seconds from queue_stats()")
        .fetch_all(pool)
        .await
}
