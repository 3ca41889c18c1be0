//! The ledger of verified money: it computes its own discrepancies, and only ever grows.

use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::deployment::{Deployment, Tenant};

const ENTRY: &str = "
    insert into revenue_ledger (tenant_id, transaction_id, state, amount_cents, currency, verification_source,
                                verification_timestamp, claimed_total_cents, verified_total_cents)
    values ($1, $2, 'captured', $4, 'USD', 'stripe', now(), $3, $4)
    returning ghost_revenue_cents, discrepancy_bps";

async fn within(pool: &PgPool, tenant: Uuid) -> Transaction<'static, Postgres> {
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("select set_config('app.current_tenant_id', $1, true)")
        .bind(tenant.to_string())
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction
}

async fn enter(
    pool: &PgPool,
    tenant: &Tenant,
    transaction_id: &str,
    claimed: i64,
    verified: i64,
) -> Result<(i64, i64), sqlx::Error> {
    let mut transaction = within(pool, tenant.id).await;
    let computed = sqlx::query_as(ENTRY)
        .bind(tenant.id)
        .bind(transaction_id)
        .bind(claimed)
        .bind(verified)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(computed)
}

fn code(error: &sqlx::Error) -> String {
    let error = error.as_database_error().expect("the database refused it");
    error.code().expect("it has a code").into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn ghost_and_discrepancy_are_computed_in_whole_cents_by_the_ledger_itself() {
    let deployment = Deployment::new().await;
    let (app, tenant) = (deployment.app(), deployment.tenant().await);
    for (place, (claimed, verified, ghost, bps)) in [
        (5_000, 5_000, 0, 0),
        (4_000, 5_000, 0, 0),
        (5_001, 5_000, 1, 2),
        (100, 30, 70, 23_333),
        (0, 0, 0, 0),
        (1, 0, 1, 10_000),
        (99_999_999_999_999, 1, 99_999_999_999_998, 999_999_999_999_980_000),
    ]
    .into_iter()
    .enumerate()
    {
        let computed = enter(&app, &tenant, &format!("pi_{place}"), claimed, verified).await;
        assert_eq!(
            computed.unwrap(),
            (ghost, bps),
            "{claimed} claimed of {verified} verified"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_entered_once_per_tenant_and_not_once_in_the_world() {
    let deployment = Deployment::new().await;
    let app = deployment.app();
    let (a, b) = (deployment.tenant().await, deployment.tenant().await);
    enter(&app, &a, "pi_1", 1, 1).await.unwrap();
    enter(&app, &b, "pi_1", 1, 1).await.unwrap();
    let again = enter(&app, &a, "pi_1", 2, 2).await.unwrap_err();
    assert_eq!(code(&again), "23505");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_never_changed_by_the_service_nor_by_the_owner() {
    let deployment = Deployment::new().await;
    let (app, tenant) = (deployment.app(), deployment.tenant().await);
    enter(&app, &tenant, "pi_1", 1, 1).await.unwrap();
    let owner = deployment.pool("migration_owner", "owner");
    for (statement, of_the_owner) in [
        ("update revenue_ledger set claimed_total_cents = 0", "55000"),
        ("delete from revenue_ledger", "55000"),
        ("truncate revenue_ledger", "55000"),
        ("update reconciliation_runs set state = 'completed'", ""),
        ("delete from reconciliation_runs", ""),
        (
            "insert into reconciliation_runs (tenant_id) values (gen_random_uuid())",
            "23503",
        ),
    ] {
        let mut transaction = within(&app, tenant.id).await;
        let refused = sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut *transaction)
            .await;
        assert_eq!(code(&refused.expect_err(statement)), "42501", "{statement}");
        drop(transaction);
        let mut transaction = within(&owner, tenant.id).await;
        let outcome = sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut *transaction)
            .await;
        assert_eq!(
            outcome.as_ref().err().map(code).unwrap_or_default(),
            of_the_owner,
            "{statement}"
        );
    }
    assert_eq!(deployment.count("select count(*) from revenue_ledger").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_shows_a_tenant_its_own_entries_and_takes_no_others() {
    let deployment = Deployment::new().await;
    let app = deployment.app();
    let (a, b) = (deployment.tenant().await, deployment.tenant().await);
    enter(&app, &a, "pi_1", 1, 1).await.unwrap();
    for (tenant, seen) in [(&a, 1), (&b, 0)] {
        let mut transaction = within(&app, tenant.id).await;
        let rows: i64 = sqlx::query_scalar("select count(*) from revenue_ledger")
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
        assert_eq!(rows, seen);
    }
    let mut foreign = within(&app, b.id).await;
    let refused = sqlx::query(ENTRY)
        .bind(a.id)
        .bind("pi_2")
        .bind(1_i64)
        .bind(1_i64)
        .execute(&mut *foreign)
        .await;
    assert_eq!(code(&refused.unwrap_err()), "42501");
}
