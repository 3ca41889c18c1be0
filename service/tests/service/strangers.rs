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
        "llm_breaker_state",
        "insert into llm_breaker_state (tenant_id, provider) values ($1, 'openai')",
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

/// The same of what a tenant's users have to themselves: rows of one user. The call first, others stand on it.
const ROWS_OF_A_USER: &[(&str, &str)] = &[
    (
        "llm_api_calls",
        "with task as (insert into tasks (queue, name, tenant_id) values ('llm', 'llm.route', $1) returning id)
         insert into llm_api_calls (tenant_id, user_id, request_id, endpoint, task_id, correlation_id, cache_key,
                cache_watermark, prompt_fingerprint, complexity_score, complexity_bucket, requested_model, chosen_tier,
                chosen_provider, chosen_model, policy_id, policy_version, routing_reason)
         select $1, '00000000-0000-4000-8000-000000000001', gen_random_uuid(), 'route', id, gen_random_uuid(), 'k', 0,
                repeat('0', 64), 0.1, 1, 'm', 't', 'p', 'm', 's', '1', 'r' from task",
    ),
    (
        "budget_optimization_jobs",
        "insert into budget_optimization_jobs (tenant_id, user_id, api_call_id, recommendations, status, cost_cents)
         select tenant_id, user_id, id, '{}', 'completed', 0 from llm_api_calls where tenant_id = $1",
    ),
    (
        "investigations",
        "insert into investigations (tenant_id, user_id, api_call_id, query, status, result, cost_cents)
         select tenant_id, user_id, id, 'q', 'completed', '{}', 0 from llm_api_calls where tenant_id = $1",
    ),
    (
        "llm_budget_caps",
        "insert into llm_budget_caps (tenant_id, user_id, cap_cents)
         select tenant_id, user_id, 1 from llm_api_calls where tenant_id = $1",
    ),
    (
        "llm_budget_reservations",
        "insert into llm_budget_reservations (tenant_id, user_id, api_call_id, month, reserved_cents, state)
         select tenant_id, user_id, id, '2026-11-01', 1, 'reserved' from llm_api_calls where tenant_id = $1",
    ),
    (
        "llm_call_audit",
        "insert into llm_call_audit (tenant_id, user_id, api_call_id, request_id, endpoint, requested_model, resolved_model,
                estimated_cost_cents, decision, reason, input_tokens, output_tokens, cost_cents, prompt_fingerprint)
         select tenant_id, user_id, id, request_id, endpoint, 'm', 'm', 0, 'BLOCK', 'r', 0, 0, 0, 'f'
           from llm_api_calls where tenant_id = $1",
    ),
    (
        "llm_hourly_shutoff_state",
        "insert into llm_hourly_shutoff_state (tenant_id, user_id, hour)
         select tenant_id, user_id, now() from llm_api_calls where tenant_id = $1",
    ),
    (
        "llm_monthly_budget_state",
        "insert into llm_monthly_budget_state (tenant_id, user_id, month, cap_cents)
         select tenant_id, user_id, '2026-11-01', 1 from llm_api_calls where tenant_id = $1",
    ),
    (
        "llm_monthly_costs",
        "insert into llm_monthly_costs (tenant_id, user_id, month, total_cost_cents, total_calls)
         select tenant_id, user_id, '2026-11-01', 1, 1 from llm_api_calls where tenant_id = $1",
    ),
    (
        "llm_semantic_cache",
        "insert into llm_semantic_cache (tenant_id, user_id, endpoint, cache_key, watermark, output_text)
         select tenant_id, user_id, endpoint, repeat('0', 64), 0, 'o' from llm_api_calls where tenant_id = $1",
    ),
];

/// The user whose rows those are, and another one of the same tenant.
const USER: &str = "00000000-0000-4000-8000-000000000001";
const COLLEAGUE: &str = "00000000-0000-4000-8000-000000000002";

/// What it is, a tenant, a user of it, and whether rows are seen in it: a tenant's, and a user's.
type Context<'a> = (&'a str, Option<&'a str>, Option<&'a str>, [bool; 2]);

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
    for (table, insert) in ROWS.iter().chain(ROWS_OF_A_USER) {
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
        .chain(ROWS_OF_A_USER)
        .map(|(table, _)| *table)
        .chain(WINDOWS.iter().copied())
        .collect();
    known.sort_unstable();
    assert_eq!(readable, known, "a relation that this test knows nothing of");

    let own = a.id.to_string();
    let other = b.id.to_string();
    let contexts: [Context; 9] = [
        ("none on a new connection", None, None, [false, false]),
        ("its own", Some(&own), Some(USER), [true, true]),
        ("its own, and none of its users", Some(&own), None, [true, false]),
        (
            "its own, and another of its users",
            Some(&own),
            Some(COLLEAGUE),
            [true, false],
        ),
        (
            "its own, and a user that is none",
            Some(&own),
            Some("' or true --"),
            [true, false],
        ),
        ("none any more", None, Some(USER), [false, false]),
        ("another's", Some(&other), Some(USER), [false, false]),
        ("an empty one", Some(""), Some(""), [false, false]),
        ("garbage", Some("' or true --"), Some(USER), [false, false]),
    ];
    for relation in known {
        let is_a_users = ROWS_OF_A_USER.iter().any(|(table, _)| *table == relation);
        let mut connection = PgConnection::connect(&deployment.environment["DATABASE_URL"])
            .await
            .unwrap();
        for (what, tenant, user, is_seen) in contexts {
            let mut transaction = connection.begin().await.unwrap();
            for (setting, value) in [("app.current_tenant_id", tenant), ("app.current_user_id", user)] {
                if let Some(value) = value {
                    let set = sqlx::query("select set_config($1, $2, true)")
                        .bind(setting)
                        .bind(value);
                    set.execute(&mut *transaction).await.unwrap();
                }
            }
            let count = format!("select count(*) > 0 from {relation}");
            let seen: bool = sqlx::query_scalar(AssertSqlSafe(count))
                .fetch_one(&mut *transaction)
                .await
                .unwrap_or_else(|error| panic!("{relation}, {what}: {error}"));
            assert_eq!(
                seen,
                is_seen[usize::from(is_a_users)],
                "{relation}, in the context of {what}"
            );
            transaction.commit().await.unwrap();
        }
    }
}
