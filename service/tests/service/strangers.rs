//! Whatever has a tenant shows each tenant its own rows, and everybody else none: every relation that the service may
//! read, as the catalogue lists them, over a connection that is new, and then over the same one.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::deployment::Deployment;

/// One row of tenant `$1` in each table that the service may read; the event first, others stand on it.
const ROWS: &[(&str, &str)] = &[
    (
        "attribution_events",
        "insert into attribution_events (tenant_id, idempotency_key, vendor, event_type, external_event_id, channel,
                event_timestamp, revenue_cents, currency, raw_payload, correlation_id)
         values ($1, 'k', 'stripe', 'payment_intent.succeeded', 'pi_1', 'unknown', now(), 101, 'USD', '{}', gen_random_uuid())",
    ),
    (
        "attribution_allocations",
        "insert into attribution_allocations (tenant_id, event_id, model_version, channel_code, allocated_revenue_cents)
         select tenant_id, id, '1.0.0', 'direct', revenue_cents from attribution_events where tenant_id = $1",
    ),
    (
        "bayesian_inferences",
        "insert into bayesian_inferences (tenant_id, task_id, correlation_id, status, window_start, window_end,
                total_cents, channels)
         values ($1, gen_random_uuid(), gen_random_uuid(), 'no_data', now() - interval '1 day', now(), 0, '[]')",
    ),
    (
        "dead_events",
        "insert into dead_events (tenant_id, idempotency_key, source, error_type, error_message, raw_payload, correlation_id)
         values ($1, 'k', 'stripe', 'schema_validation', 'no amount', '{\"idempotency_key\": \"k\"}', gen_random_uuid())",
    ),
    (
        "pii_audit_findings",
        "insert into pii_audit_findings (tenant_id, table_name, column_name, record_id, key)
         values ($1, 'dead_events', 'raw_payload', 'r', 'email')",
    ),
    (
        "r4_crash_barriers",
        "insert into r4_crash_barriers (tenant_id, task_id, scenario, attempt_no, worker_pid)
         values ($1, gen_random_uuid(), 's', 1, 1)",
    ),
    (
        "r4_task_attempts",
        "insert into r4_task_attempts (tenant_id, task_id, scenario, attempt_no, worker_pid)
         values ($1, gen_random_uuid(), 's', 1, 1)",
    ),
    (
        "reconciliation_runs",
        "insert into reconciliation_runs (tenant_id) values ($1)",
    ),
    (
        "revenue_cache_entries",
        "insert into revenue_cache_entries (tenant_id) values ($1)",
    ),
    (
        "revenue_ledger",
        "insert into revenue_ledger (tenant_id, transaction_id, state, amount_cents, currency, claimed_total_cents,
                verified_total_cents)
         values ($1, 'pi_2', 'claimed', 0, 'USD', 101, 0)",
    ),
    (
        "worker_side_effects",
        "insert into worker_side_effects (tenant_id, task_id, correlation_id, effect_key)
         values ($1, gen_random_uuid(), gen_random_uuid(), 'e')",
    ),
];

/// The windows over the materialized views, which show what the rows above come to.
const WINDOWS: &[&str] = &[
    "mv_allocation_summary",
    "mv_channel_performance",
    "mv_daily_revenue_summary",
    "mv_realtime_revenue",
    "mv_reconciliation_status",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_relation_with_a_tenant_shows_each_its_own_rows_and_everybody_else_none() {
    let deployment = Deployment::new().await;
    let (a, b) = (deployment.tenant().await, deployment.tenant().await);
    for (table, insert) in ROWS {
        let planted = sqlx::query(AssertSqlSafe(*insert)).bind(a.id);
        planted.execute(&deployment.admin).await.expect(table);
    }
    let refreshed: Vec<String> = sqlx::query_scalar("select outcome from refresh_matviews()")
        .fetch_all(&deployment.admin)
        .await
        .unwrap();
    assert_eq!(refreshed, ["success"; 5]);

    let readable: Vec<String> = sqlx::query_scalar(
        "select c.relname::text
           from pg_class c
           join pg_attribute t on t.attrelid = c.oid and t.attname = 'tenant_id' and not t.attisdropped
          where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
            and has_table_privilege('app_user', c.oid, 'select')
          order by 1",
    )
    .fetch_all(&deployment.admin)
    .await
    .unwrap();
    let mut known: Vec<&str> = ROWS
        .iter()
        .map(|(table, _)| *table)
        .chain(WINDOWS.iter().copied())
        .collect();
    known.sort_unstable();
    assert_eq!(readable, known, "a relation that this test knows nothing of");

    let contexts = [
        ("none on a new connection", None, false),
        ("its own", Some(a.id.to_string()), true),
        ("none any more", None, false),
        ("another's", Some(b.id.to_string()), false),
        ("an empty one", Some(String::new()), false),
        ("garbage", Some("' or true --".to_owned()), false),
    ];
    for relation in known {
        let mut connection = PgConnection::connect(&deployment.environment["DATABASE_URL"])
            .await
            .unwrap();
        for (what, context, is_seen) in &contexts {
            let mut transaction = connection.begin().await.unwrap();
            if let Some(context) = context {
                let set = sqlx::query("select set_config('app.current_tenant_id', $1, true)").bind(context);
                set.execute(&mut *transaction).await.unwrap();
            }
            let count = format!("select count(*) > 0 from {relation}");
            let seen: bool = sqlx::query_scalar(AssertSqlSafe(count))
                .fetch_one(&mut *transaction)
                .await
                .unwrap_or_else(|error| panic!("{relation}, {what}: {error}"));
            assert_eq!(seen, *is_seen, "{relation}, in the context of {what}");
            transaction.commit().await.unwrap();
        }
    }
}
