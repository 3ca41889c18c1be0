//! The row in which a tenant's last answer stands, or its last failure. Every statement here runs in a transaction that
//! has the tenant's context; row security sees to it that there is no other row.

use std::time::Duration;

use sqlx::{PgConnection, types::Json};
use uuid::Uuid;

use super::{Answer, Known, Unavailable};
use crate::ingest::interval;

/// A name for our locks in a space that all programs of the database share: any number, but another than the others'.
const LOCK: i32 = 1_919_252_085;

#[derive(sqlx::FromRow)]
struct Row {
    answer: Option<Json<Answer>>,
    age_ms: Option<i64>,
    cooling_ms: Option<i64>,
}

/// What stands there, unless it is too old to be repeated.
pub(super) async fn read(
    connection: &mut PgConnection,
    keep: Duration,
) -> Result<Option<Result<Known, Unavailable>>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select answer,
                (extract(epoch from clock_timestamp() - fetched_at) * 1000)::bigint as age_ms,
                ceil(extract(epoch from cooldown_until - clock_timestamp()) * 1000)::bigint as cooling_ms
           from revenue_cache_entries",
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if let Some(left) = row
        .cooling_ms
        .and_then(|left| u64::try_from(left).ok())
        .filter(|left| *left > 0)
    {
        let retry_after = Duration::from_millis(left);
        return Ok(Some(Err(Unavailable { retry_after })));
    }
    let age = Duration::from_millis(row.age_ms.unwrap_or_default().unsigned_abs());
    Ok(row
        .answer
        .filter(|_| age < keep)
        .map(|Json(answer)| Ok(Known { answer, age })))
}

/// Whether this transaction may fetch. Nobody else may until it ends.
pub(super) async fn lock(connection: &mut PgConnection, tenant: Uuid) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_try_advisory_xact_lock($1, hashtext($2))")
        .bind(LOCK)
        .bind(tenant.to_string())
        .fetch_one(connection)
        .await
}

/// Remembers an answer; what failed before it is forgotten.
pub(super) async fn keep(
    connection: &mut PgConnection,
    tenant: Uuid,
    answer: &Answer,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into revenue_cache_entries (tenant_id, answer, fetched_at) values ($1, $2, clock_timestamp())
             on conflict (tenant_id) do update
            set answer = excluded.answer, fetched_at = excluded.fetched_at, cooldown_until = null",
    )
    .bind(tenant)
    .bind(Json(answer))
    .execute(connection)
    .await
    .map(drop)
}

/// Remembers a failure: for this long nobody asks again.
pub(super) async fn cool(
    connection: &mut PgConnection,
    tenant: Uuid,
    cooldown: Duration,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into revenue_cache_entries (tenant_id, cooldown_until) values ($1, clock_timestamp() + $2)
             on conflict (tenant_id) do update set cooldown_until = excluded.cooldown_until",
    )
    .bind(tenant)
    .bind(interval(cooldown))
    .execute(connection)
    .await
    .map(drop)
}
