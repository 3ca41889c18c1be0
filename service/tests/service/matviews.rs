//! The summaries: refreshed for every tenant at once, asked for by every event, shown to each tenant alone.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::{
    deployment::{Deployment, Tenant, eventually, metrics_with},
    webhook::{payment, send},
};

const UNDONE: &str = "select count(*) from tasks where state in ('pending', 'running')";
const VIEWS: [&str; 5] = [
    "mv_allocation_summary",
    "mv_channel_performance",
    "mv_daily_revenue_summary",
    "mv_realtime_revenue",
    "mv_reconciliation_status",
];
const SHOWN: &str = "select count(*) from matviews.mv_allocation_summary";
const PENDING: &str = "select count(*) from matview_refresh_jobs where status = 'pending'";

/// A transaction of the service in a tenant's context; a text that is no tenant is set all the same.
async fn within(pool: &PgPool, context: Option<&str>) -> Transaction<'static, Postgres> {
    let mut transaction = pool.begin().await.unwrap();
    if let Some(context) = context {
        sqlx::query("select set_config('app.current_tenant_id', $1, true)")
            .bind(context)
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    transaction
}

/// Rows and cents that a view shows, and how many of the rows are not the tenant's.
async fn shown(pool: &PgPool, context: Option<&str>, view: &str, tenant: Uuid) -> (i64, i64, i64) {
    let mut transaction = within(pool, context).await;
    let query = format!(
        "select count(*), coalesce(sum(total_cents), 0)::bigint, count(*) filter (where tenant_id <> $1) from {view}"
    );
    sqlx::query_as(AssertSqlSafe(query))
        .bind(tenant)
        .fetch_one(&mut *transaction)
        .await
        .unwrap()
}

/// Refreshes as the service does, in a tenant's context, and says how that ended for each view.
async fn refresh(pool: &PgPool, tenant: Option<Uuid>) -> BTreeMap<String, String> {
    let context = tenant.map(|tenant| tenant.to_string());
    let mut transaction = within(pool, context.as_deref()).await;
    let outcomes = refresh_on(&mut transaction).await;
    transaction.commit().await.unwrap();
    outcomes
}

async fn refresh_on(connection: &mut PgConnection) -> BTreeMap<String, String> {
    sqlx::query_as::<_, (String, String)>("select view_name, outcome from refresh_matviews()")
        .fetch_all(connection)
        .await
        .unwrap()
        .into_iter()
        .collect()
}

fn all(outcome: &str) -> BTreeMap<String, String> {
    VIEWS.map(|view| (view.to_owned(), outcome.to_owned())).into()
}

/// Two tenants with one event each, of 29 and 999,999,999,999 cents, whose shares are computed.
async fn two_tenants(deployment: &Deployment) -> (Tenant, Tenant) {
    let (api, a, b) = (
        deployment.api().await,
        deployment.tenant().await,
        deployment.tenant().await,
    );
    let worker = deployment.worker();
    send(&api, &a, None, payment("a", 29).to_string()).await;
    send(&api, &b, None, payment("b", 999_999_999_999).to_string()).await;
    deployment.until(UNDONE, 0).await;
    drop(worker);
    (a, b)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_ends_in_all_five_views_of_its_tenant_and_in_nobody_elses() {
    let deployment = Deployment::new().await;
    let (a, b) = two_tenants(&deployment).await;
    let app = deployment.app();
    for (tenant, cents) in [(&a, 29), (&b, 999_999_999_999)] {
        for view in VIEWS {
            let (_, sum, foreign) = shown(&app, Some(&tenant.id.to_string()), view, tenant.id).await;
            assert_eq!((sum, foreign), (cents, 0), "{view}");
        }
    }
    let drift =
        "select count(*) from matviews.mv_allocation_summary where not is_balanced or drift_cents <> 0";
    assert_eq!(deployment.count(drift).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_as_one_tenant_and_then_another_leaves_the_rows_of_both() {
    let deployment = Deployment::new().await;
    let (a, b) = two_tenants(&deployment).await;
    let app = deployment.app();
    for tenant in [Some(a.id), Some(b.id), None] {
        assert_eq!(refresh(&app, tenant).await, all("success"));
        for tenant in [&a, &b] {
            for view in VIEWS {
                let (rows, _, _) = shown(&app, Some(&tenant.id.to_string()), view, tenant.id).await;
                assert!(rows > 0, "{view} lost the rows of a tenant");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tenants_context_every_view_is_empty_and_that_is_no_error() {
    let deployment = Deployment::new().await;
    let (a, _) = two_tenants(&deployment).await;
    let app = deployment.app();
    let stranger = Uuid::new_v4().to_string();
    for context in [None, Some(""), Some("not-a-uuid"), Some(stranger.as_str())] {
        for view in VIEWS {
            let (rows, _, _) = shown(&app, context, view, a.id).await;
            assert_eq!(rows, 0, "{view} in {context:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_readers_own_condition_never_meets_another_tenants_row() {
    let deployment = Deployment::new().await;
    let (a, _) = two_tenants(&deployment).await;
    // So cheap that a planner without a reason not to would call it first, on every row there is.
    let peek = "create function peek(p_cents bigint) returns boolean language plpgsql cost 0.0001 as $$
                begin
                  if p_cents <> 29 then raise exception 'this is somebody else''s'; end if;
                  return true;
                end $$";
    sqlx::raw_sql(peek).execute(&deployment.admin).await.unwrap();
    let mut transaction = within(&deployment.app(), Some(&a.id.to_string())).await;
    // Nor does an index hide what is not asked for.
    sqlx::raw_sql("set local enable_indexscan = off; set local enable_bitmapscan = off")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let seen: i64 = sqlx::query_scalar("select count(*) from mv_realtime_revenue where peek(total_cents)")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(seen, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_views_belong_to_a_role_that_sees_everything_and_that_nobody_is() {
    let deployment = Deployment::new().await;
    let owned =
        "select count(*) from pg_matviews where schemaname = 'matviews' and matviewowner = 'matview_owner'
                    and ispopulated";
    assert_eq!(deployment.count(owned).await, 5);
    let unique = "select count(distinct indrelid) from pg_index i join pg_class c on c.oid = i.indrelid
                   where c.relnamespace = 'matviews'::regnamespace and i.indisunique and i.indpred is null";
    assert_eq!(deployment.count(unique).await, 5);
    let members = "select count(*) from pg_auth_members where roleid = 'matview_owner'::regrole
                      or member = 'matview_owner'::regrole";
    assert_eq!(deployment.count(members).await, 0);
    let app = deployment.app();
    for view in VIEWS {
        for statement in [
            format!("select * from matviews.{view}"),
            format!("refresh materialized view matviews.{view}"),
            format!("select matviews.refresh('{view}')"),
        ] {
            let refused = sqlx::raw_sql(AssertSqlSafe(statement.clone()))
                .execute(&app)
                .await;
            let error = refused.expect_err(&statement);
            assert_eq!(
                error.as_database_error().unwrap().code().unwrap(),
                "42501",
                "{statement}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_events_transaction_asks_for_one_refresh_however_many_tenants_and_events_there_are() {
    let deployment = Deployment::new().await;
    let (api, a, b) = (
        deployment.api().await,
        deployment.tenant().await,
        deployment.tenant().await,
    );
    for tenant in [&a, &b] {
        for id in ["1", "2", "3"] {
            send(&api, tenant, None, payment(id, 100).to_string()).await;
        }
    }
    assert_eq!(deployment.count(PENDING).await, 1);
    let asked = "select count(*) from tasks t join attribution_events e on e.id = t.caused_by
                  where t.name = 'matviews.refresh_all' and t.state = 'pending' and t.queue = 'maintenance'";
    assert_eq!(deployment.count(asked).await, 1);
    let _worker = deployment.worker();
    deployment.until(UNDONE, 0).await;
    let requests = "select sum(requests)::bigint from matview_refresh_jobs where status = 'succeeded'";
    assert_eq!(deployment.count(requests).await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_counts_the_requests_of_a_recompute_only_once_it_can_show_them() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let _worker = deployment.worker();
    // Readers pass, writers wait: the refresh that the event asked for comes and goes without its shares.
    let mut barrier = deployment.admin.begin().await.unwrap();
    sqlx::raw_sql("lock table attribution_allocations in share mode")
        .execute(&mut *barrier)
        .await
        .unwrap();
    send(&api, &tenant, None, payment("1", 100).to_string()).await;
    let early = "select count(*) from matview_refresh_jobs where status = 'succeeded' and requests = 0";
    deployment.until(early, 1).await;
    assert_eq!(deployment.count(SHOWN).await, 0);
    barrier.rollback().await.unwrap();
    deployment.until(UNDONE, 0).await;
    let counted = "select count(*) from matview_refresh_jobs where status = 'succeeded' and requests = 1";
    assert_eq!(
        (deployment.count(counted).await, deployment.count(SHOWN).await),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_somebody_else_refreshes_is_skipped_and_the_request_stands() {
    let deployment = Deployment::new().await;
    let (a, _) = two_tenants(&deployment).await;
    let app = deployment.app();
    let mut holder = within(&app, None).await;
    assert_eq!(refresh_on(&mut holder).await, all("success"));
    assert_eq!(deployment.count(PENDING).await, 0);
    assert_eq!(refresh(&app, Some(a.id)).await, all("skipped"));
    assert_eq!(deployment.count(PENDING).await, 1);
    holder.commit().await.unwrap();
    let _worker = deployment.worker();
    deployment.until(UNDONE, 0).await;
    assert_eq!(refresh(&app, None).await, all("success"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_fails_is_told_and_counted_and_the_others_are_refreshed() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let exporter = deployment.listening("exporter", "EXPORTER_LISTEN", &[]).await;
    let worker = deployment.worker();
    sqlx::raw_sql("revoke select on attribution_allocations from matview_owner")
        .execute(&deployment.admin)
        .await
        .unwrap();
    send(&api, &tenant, None, payment("1", 100).to_string()).await;
    let ended =
        "select least(count(*), 1) from tasks where name = 'matviews.refresh_all' and state = 'succeeded'";
    deployment.until(ended, 1).await;
    let broken = ["mv_allocation_summary", "mv_channel_performance"];
    let told: Vec<(String, String, Option<String>)> = sqlx::query_as(
        "select v ->> 'view_name', v ->> 'outcome', v ->> 'error_code'
           from tasks, jsonb_array_elements(result -> 'views') v
          where name = 'matviews.refresh_all' and id = (select id from tasks where name = 'matviews.refresh_all'
                                                          and state = 'succeeded' order by ended_at limit 1)",
    )
    .fetch_all(&deployment.admin)
    .await
    .unwrap();
    assert_eq!(told.len(), 5);
    for (view, outcome, code) in told {
        let wanted = if broken.contains(&view.as_str()) {
            ("failed", Some("42501"))
        } else {
            ("success", None)
        };
        assert_eq!((outcome.as_str(), code.as_deref()), wanted, "{view}");
    }
    eventually(async || match worker.log() {
        log if log.contains("a view was not refreshed") => Ok(()),
        log => Err(log),
    })
    .await;
    assert_eq!(deployment.count(PENDING).await, 1);
    let page = metrics_with(
        &exporter,
        &["matview_refresh_failures_total{view_name=\"mv_allocation_summary\",outcome=\"failed\"} 1"],
    )
    .await;
    for line in [
        "matview_refresh_total{view_name=\"mv_allocation_summary\",outcome=\"failed\"} 1",
        "matview_refresh_total{view_name=\"mv_realtime_revenue\",outcome=\"success\"} 1",
        "matview_refresh_duration_seconds_count{view_name=\"mv_realtime_revenue\",outcome=\"success\"} 1",
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "no line `{line}` in\n{page}"
        );
    }
    sqlx::raw_sql("grant select on attribution_allocations to matview_owner")
        .execute(&deployment.admin)
        .await
        .unwrap();
    deployment.until(UNDONE, 0).await;
    assert_eq!(deployment.count(SHOWN).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_refresh_joins_the_one_that_waits_and_counts_no_event() {
    let deployment = Deployment::new().await;
    deployment.run(&["enqueue", "matviews.refresh_all"], &[]);
    let id = |output: std::process::Output| String::from_utf8(output.stdout).unwrap();
    let first = id(deployment.run(&["enqueue", "matviews.refresh_all"], &[]));
    let second = id(deployment.run(&["enqueue", "matviews.refresh_all"], &[]));
    assert_eq!(first, second);
    assert!(first.trim().parse::<Uuid>().is_ok());
    let _worker = deployment.worker();
    deployment.until(UNDONE, 0).await;
    let jobs = "select count(*) from matview_refresh_jobs where status = 'succeeded' and requests = 0 and run_count = 1";
    assert_eq!(deployment.count(jobs).await, 1);
}
