//! From an event to its shares: coalesced, balanced, and done once whatever happens to the worker.

use sqlx::{PgConnection, Postgres, Transaction};
use tokio::task::JoinSet;

use crate::{
    deployment::{Deployment, Service, Tenant},
    webhook::{payment, send},
};

const RUNNING: &str = "select count(*) from attribution_recompute_jobs where status = 'running'";
const SUCCEEDED: &str = "select count(*) from attribution_recompute_jobs where status = 'succeeded'";
const UNDONE: &str = "select count(*) from tasks where state in ('pending', 'running')";
const REQUESTS: &str = "select coalesce(sum(requests), 0)::bigint from attribution_recompute_jobs";
const BALANCED: &str = "
    select count(*) from attribution_events e
     where revenue_cents = (select sum(allocated_revenue_cents) from attribution_allocations a where a.event_id = e.id)";

/// Keeps every recompute from writing until it is rolled back: the worker claims, begins, and waits.
async fn barrier(deployment: &Deployment) -> Transaction<'static, Postgres> {
    let mut transaction = deployment.admin.begin().await.unwrap();
    let connection: &mut PgConnection = &mut transaction;
    sqlx::raw_sql("lock table attribution_allocations in access exclusive mode")
        .execute(connection)
        .await
        .unwrap();
    transaction
}

async fn pay(api: &Service, tenant: &Tenant, id: &str, cents: i64) {
    let (status, answer) = send(api, tenant, None, payment(id, cents).to_string()).await;
    assert_eq!((status, &answer["status"]), (200, &"success".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_shared_out_to_the_cent_by_fewer_computations_than_events() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (
        std::sync::Arc::new(deployment.api().await),
        deployment.tenant().await,
    );
    let _worker = deployment.worker();
    let mut requests = JoinSet::new();
    for cents in 0..40 {
        let (api, tenant) = (std::sync::Arc::clone(&api), tenant.clone());
        requests.spawn(async move { pay(&api, &tenant, &cents.to_string(), cents).await });
    }
    requests.join_all().await;
    deployment.until(UNDONE, 0).await;
    assert_eq!(deployment.count(REQUESTS).await, 40);
    assert!(deployment.count(SUCCEEDED).await < 40, "nothing was absorbed");
    assert_eq!(
        deployment
            .count("select max(run_count)::bigint from attribution_recompute_jobs")
            .await,
        1
    );
    assert_eq!(deployment.count(BALANCED).await, 40);
    let remainder = "select count(*) from attribution_allocations a join attribution_events e on e.id = a.event_id
                      where a.allocated_revenue_cents <> e.revenue_cents / 3
                        and not (a.channel_code = 'direct' and a.allocated_revenue_cents = e.revenue_cents / 3 + e.revenue_cents % 3)";
    assert_eq!(deployment.count(remainder).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_computation_absorbs_nothing_and_a_pending_one_everything() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let _worker = deployment.worker();
    let barrier = barrier(&deployment).await;
    pay(&api, &tenant, "first", 100).await;
    deployment.until(RUNNING, 1).await;
    pay(&api, &tenant, "second", 100).await;
    pay(&api, &tenant, "third", 100).await;
    let jobs = "select string_agg(status || ' ' || requests, ', ' order by created_at) from attribution_recompute_jobs";
    let seen: String = sqlx::query_scalar(jobs)
        .fetch_one(&deployment.admin)
        .await
        .unwrap();
    assert_eq!(seen, "running 1, pending 2");
    barrier.rollback().await.unwrap();
    deployment.until(UNDONE, 0).await;
    assert_eq!(
        (
            deployment.count(SUCCEEDED).await,
            deployment.count(BALANCED).await
        ),
        (2, 3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_counted_once_however_many_arrive_while_two_workers_compute() {
    let deployment = Deployment::new().await;
    let hurried = deployment
        .listening("api", "API_LISTEN", &[("RECOMPUTE_DELAY_MS", "0")])
        .await;
    let api = std::sync::Arc::new(hurried);
    let tenants = [deployment.tenant().await, deployment.tenant().await];
    let _workers = [deployment.worker(), deployment.worker()];
    let mut requests = JoinSet::new();
    for id in 0..120 {
        let (api, tenant) = (std::sync::Arc::clone(&api), tenants[id % 2].clone());
        requests.spawn(async move { pay(&api, &tenant, &id.to_string(), 29).await });
        if id % 8 == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    requests.join_all().await;
    deployment.until(UNDONE, 0).await;
    let miscounted = "select count(*) from (
        select (select sum(requests) from attribution_recompute_jobs j where j.tenant_id = t.id)
            is distinct from (select count(*) from attribution_events e where e.tenant_id = t.id) as wrong
          from tenants t) counts where wrong";
    assert_eq!(deployment.count(miscounted).await, 0);
    let computations = deployment.count(SUCCEEDED).await;
    assert!((4..120).contains(&computations), "{computations} computations");
    let shown = "select sum(requests)::bigint from matview_refresh_jobs where status = 'succeeded'";
    assert_eq!(
        (
            deployment.count(shown).await,
            deployment.count(BALANCED).await,
            deployment
                .count("select count(*) from matviews.mv_allocation_summary")
                .await
        ),
        (120, 120, 120)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_that_were_wrong_are_put_right_by_the_next_computation() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let _worker = deployment.worker();
    pay(&api, &tenant, "1", 100).await;
    deployment.until(UNDONE, 0).await;
    // As a restore from a bad copy would leave it: triggers are for those who are not replicas.
    let spoil = "begin; set local session_replication_role = replica;
                 update attribution_allocations set allocated_revenue_cents = 1; commit";
    sqlx::raw_sql(spoil).execute(&deployment.admin).await.unwrap();
    assert_eq!(deployment.count(BALANCED).await, 0);
    pay(&api, &tenant, "2", 100).await;
    deployment.until(UNDONE, 0).await;
    assert_eq!(deployment.count(BALANCED).await, 2);
    let first =
        "select allocated_revenue_cents from attribution_allocations where channel_code = 'direct' limit 1";
    assert_eq!(deployment.count(first).await, 34);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_between_claim_and_end_loses_nothing_and_doubles_nothing() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let worker = deployment.worker();
    let barrier = barrier(&deployment).await;
    pay(&api, &tenant, "1", 100).await;
    deployment.until(RUNNING, 1).await;
    worker.kill();
    barrier.rollback().await.unwrap();
    assert_eq!(
        deployment
            .count("select count(*) from attribution_allocations")
            .await,
        0
    );
    let _successor = deployment.worker();
    deployment.until(UNDONE, 0).await;
    assert_eq!(
        deployment.count("select max(attempts)::bigint from tasks").await,
        2
    );
    assert_eq!(
        deployment
            .count("select sum(run_count)::bigint from attribution_recompute_jobs")
            .await,
        1
    );
    assert_eq!(
        deployment
            .count("select count(*) from attribution_allocations")
            .await,
        3
    );
    assert_eq!(deployment.count(BALANCED).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lost_a_task_cannot_end_it() {
    let deployment = Deployment::new().await;
    let app = deployment.app();
    sqlx::query("select enqueue('housekeeping', 'health.probe', null, '{}')")
        .execute(&app)
        .await
        .unwrap();
    let claim = "select id from claim_task('housekeeping', 'a', '10 milliseconds', 3)";
    let task: uuid::Uuid = sqlx::query_scalar(claim).fetch_one(&app).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    assert_eq!(
        sqlx::query_scalar::<_, uuid::Uuid>(claim)
            .fetch_one(&app)
            .await
            .unwrap(),
        task
    );
    let late = sqlx::query("select finish_task($1, 1, null)")
        .bind(task)
        .execute(&app)
        .await
        .unwrap_err();
    assert_eq!(late.as_database_error().unwrap().code().unwrap(), "55000");
    sqlx::query("select finish_task($1, 2, null)")
        .bind(task)
        .execute(&app)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_that_do_not_sum_to_the_revenue_are_refused() {
    let deployment = Deployment::new().await;
    let (api, tenant) = (deployment.api().await, deployment.tenant().await);
    let _worker = deployment.worker();
    pay(&api, &tenant, "1", 100).await;
    deployment.until(SUCCEEDED, 1).await;
    let mut transaction = deployment.app().begin().await.unwrap();
    sqlx::query("select set_config('app.current_tenant_id', $1, true)")
        .bind(tenant.id.to_string())
        .execute(&mut *transaction)
        .await
        .unwrap();
    let cent = "update attribution_allocations set allocated_revenue_cents = allocated_revenue_cents + 1
                 where channel_code = 'email'";
    let error = sqlx::query(cent).execute(&mut *transaction).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "23514");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_day_costs_what_is_new_in_it_before_the_planner_has_any_statistics() {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await;
    let _worker = deployment.worker();
    for (round, events) in [(1, 3000), (2, 1)] {
        sqlx::query(
            "insert into attribution_events (tenant_id, idempotency_key, vendor, event_type, external_event_id, channel,
                    event_timestamp, revenue_cents, currency, raw_payload, correlation_id)
             select $1, $2 || '-' || i, 'stripe', 'payment_intent.succeeded', $2 || '-' || i, 'unknown',
                    '2026-11-20T12:00:00Z', i, 'USD', '{}', gen_random_uuid()
               from generate_series(1, $3) i",
        )
        .bind(tenant.id)
        .bind(round.to_string())
        .bind(events)
        .execute(&deployment.admin)
        .await
        .unwrap();
        let id = tenant.id.to_string();
        let args = [
            "enqueue",
            "attribution.recompute_window",
            "--tenant",
            &id,
            "--args",
            r#"{"day":"2026-11-20"}"#,
        ];
        assert!(deployment.run(&args, &[]).status.success());
        deployment.until(SUCCEEDED, round).await;
    }
    assert_eq!(deployment.count(BALANCED).await, 3001);
    // Looked up row by row it takes a twentieth of this; joined row against row it took ten times as much.
    let slowest = "select max(ceil(extract(epoch from ended_at - started_at) * 1000))::bigint from tasks";
    let slowest = deployment.count(slowest).await;
    assert!(slowest < 3000, "a recompute took {slowest} ms");
}
