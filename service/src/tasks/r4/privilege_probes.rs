//! `r4.privilege_probes`: reaches for seven powers that the service must not have, and tells what the database said.

use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use crate::tasks::{Job, TaskError};

/// Its name.
pub(in crate::tasks) const NAME: &str = "r4.privilege_probes";

/// What Postgres says to somebody who may not.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// What is tried, each in a savepoint of its own that is rolled back.
const PROBES: [(&str, &str); 7] = [
    ("create_table", "create table r4_mine (i int)"),
    (
        "disable_rls",
        "alter table attribution_events disable row level security",
    ),
    (
        "unforce_rls",
        "alter table attribution_events no force row level security",
    ),
    (
        "row_security_off",
        "set local row_security = off; select count(*) from attribution_events",
    ),
    ("create_role", "create role r4_mine"),
    ("grant_read_all", "grant pg_read_all_data to app_user"),
    ("bypass_rls", "alter role app_user bypassrls"),
];

/// Tries them all. Fails when one of them was not refused.
pub(in crate::tasks) async fn run(job: Job<'_>) -> Result<Value, TaskError> {
    let mut told = serde_json::Map::new();
    for (name, statement) in PROBES {
        let code = attempt(job.connection, statement).await?;
        told.insert(name.to_owned(), json!(code));
    }
    if told.values().any(|code| code != INSUFFICIENT_PRIVILEGE) {
        tracing::error!(sqlstates = %json!(told), "a power was not refused");
        return Err(TaskError::Refused("a power was not refused"));
    }
    Ok(json!({ "sqlstates": told, "all_refused": true }))
}

/// The SQLSTATE of a statement's refusal; none when it was not refused.
async fn attempt(
    connection: &mut PgConnection,
    statement: &'static str,
) -> Result<Option<String>, TaskError> {
    let mut savepoint = connection.begin().await?;
    let outcome = sqlx::raw_sql(statement).execute(&mut *savepoint).await;
    savepoint.rollback().await?;
    match outcome {
        Ok(_) => Ok(None),
        Err(sqlx::Error::Database(error)) => Ok(error.code().map(std::borrow::Cow::into_owned)),
        Err(error) => Err(error.into()),
    }
}
