//! Rows as a witness: which tables a change writes to, and what is in them.

use serde_json::{Map, Value, json};
use sqlx::{AssertSqlSafe, PgConnection};

use super::sql::run;

/// Tables written to in the transaction that is open, as the database counts them, with those it knows no more.
const WRITTEN: &str = "select distinct relid::regclass::text from pg_stat_xact_user_tables
    where n_tup_ins + n_tup_upd + n_tup_del > 0 order by 1";

/// The tables some statements write to. They are tried in a savepoint and taken back; a table they make themselves
/// is left out, because the catalogue tells about it.
pub(super) async fn written(sql: &str, connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    run("savepoint closure_trial", connection).await?;
    run(sql, connection).await?;
    let written: Vec<String> = sqlx::query_scalar(WRITTEN).fetch_all(&mut *connection).await?;
    run(
        "rollback to savepoint closure_trial; release savepoint closure_trial",
        connection,
    )
    .await?;
    let exists = "select name from unnest($1::text[]) name where to_regclass(name) is not null";
    sqlx::query_scalar(exists)
        .bind(written)
        .fetch_all(connection)
        .await
}

/// How many rows each table has, and one number over all they hold, in whatever order they lie.
pub(super) async fn count(tables: &[String], connection: &mut PgConnection) -> Result<Value, sqlx::Error> {
    let mut counted = Map::new();
    for table in tables {
        // `regclass` wrote the name, quoted where it must be.
        let sql = format!(
            "select count(*), coalesce(sum(('x' || left(md5(closure_row::text), 15))::bit(60)::bigint::numeric), 0)::text
               from {table} closure_row"
        );
        let (rows, content): (i64, String) = sqlx::query_as(AssertSqlSafe(sql))
            .persistent(false)
            .fetch_one(&mut *connection)
            .await?;
        counted.insert(table.clone(), json!({ "count": rows, "content": content }));
    }
    Ok(counted.into())
}
