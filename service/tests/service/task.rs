//! Tasks as a test asks for them, and what became of them.

use serde_json::Value;
use uuid::Uuid;

use crate::deployment::{Deployment, Tenant, eventually};

/// What turns the drills on.
pub(crate) const ON_THE_TEST_STAGE: (&str, &str) = ("ENVIRONMENT", "test");

/// What became of a task.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct End {
    pub(crate) state: String,
    pub(crate) attempts: i32,
    pub(crate) result: Option<Value>,
}

/// What was kept of a task that was given up.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Failed {
    pub(crate) error_type: String,
    pub(crate) error_message: String,
    pub(crate) retry_count: i32,
    pub(crate) task_args: Value,
}

/// Asks for a task through the database's own door, as the service does: also for one that the command line refuses.
pub(crate) async fn ask(
    deployment: &Deployment,
    queue: &str,
    name: &str,
    tenant: Option<&Tenant>,
    args: Value,
) -> Uuid {
    let mut transaction = deployment.app().begin().await.unwrap();
    let id = tenant.map(|tenant| tenant.id);
    sqlx::query("select set_config('app.current_tenant_id', $1, true)")
        .bind(id.map(|id| id.to_string()).unwrap_or_default())
        .execute(&mut *transaction)
        .await
        .unwrap();
    let task = sqlx::query_scalar("select enqueue($1, $2, $3, $4)")
        .bind(queue)
        .bind(name)
        .bind(id)
        .bind(args)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    task
}

/// Asks for a drill.
pub(crate) async fn drill(deployment: &Deployment, name: &str, tenant: &Tenant, args: Value) -> Uuid {
    ask(deployment, "maintenance", name, Some(tenant), args).await
}

/// Waits until a task is over.
pub(crate) async fn end(deployment: &Deployment, task: Uuid) -> End {
    eventually(async || {
        let end: End = sqlx::query_as("select state, attempts, result from tasks where id = $1")
            .bind(task)
            .fetch_one(&deployment.admin)
            .await
            .unwrap();
        if ["succeeded", "failed"].contains(&end.state.as_str()) {
            Ok(end)
        } else {
            Err(format!("{end:?}"))
        }
    })
    .await
}

/// What was kept of a task: one row or none.
pub(crate) async fn failed(deployment: &Deployment, task: Uuid) -> Option<Failed> {
    sqlx::query_as(
        "select error_type, error_message, retry_count, task_args from worker_failed_jobs where task_id = $1",
    )
    .bind(task)
    .fetch_optional(&deployment.admin)
    .await
    .unwrap()
}
