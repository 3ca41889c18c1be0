//! Where a value is found: in any column of any table, and in what was logged.

use sqlx::AssertSqlSafe;

use crate::deployment::Deployment;

/// Rows of any table or materialized view, in any schema of ours, in which a text occurs, whatever the column: as text,
/// within JSON, or as bytes.
pub(crate) async fn rows_with(deployment: &Deployment, text: &str) -> i64 {
    let relations: Vec<String> = sqlx::query_scalar(
        "select oid::regclass::text from pg_class
          where relkind in ('r', 'm') and relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'pg_toast')",
    )
    .fetch_all(&deployment.admin)
    .await
    .unwrap();
    assert!(
        relations.len() > 5,
        "there is nothing to look through: {relations:?}"
    );
    let mut found = 0;
    for relation in relations {
        let query = format!(
            "select count(*) from {relation} t where position($1 in t::text) > 0 or position($2 in t::text) > 0"
        );
        found += sqlx::query_scalar::<_, i64>(AssertSqlSafe(query))
            .bind(text)
            .bind(hex::encode(text))
            .fetch_one(&deployment.admin)
            .await
            .unwrap();
    }
    found
}
