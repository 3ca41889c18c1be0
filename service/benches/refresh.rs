//! What a refresh of all five views costs. `cargo bench --bench refresh` prints the median; nothing here is a gate.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark that cannot go on should say where and stop"
)]

use divan::Bencher;
use sqlx::PgPool;
use tokio::runtime::Runtime;
use uuid::Uuid;

use self::deployment::Deployment;

#[path = "../tests/service/cluster.rs"]
mod cluster;
#[path = "../tests/service/deployment.rs"]
#[expect(dead_code, reason = "the tests' own, of which a benchmark needs a part")]
mod deployment;
#[path = "../tests/service/tokens.rs"]
#[expect(
    dead_code,
    reason = "the tests' own keys, of which the deployment needs the public ones"
)]
mod tokens;

/// Events that are there.
const EVENTS: i64 = 10_000;

/// Events that are new at each refresh: a second of the load.
const NEW: i64 = 46;

const SETTLED: &str = "select count(*) from tasks where state in ('pending', 'running')";

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 30, sample_size = 1)]
fn ten_thousand_events_and_a_second_of_new_ones(bencher: Bencher<'_, '_>) {
    let runtime = Runtime::new().expect("threads can be had");
    let (deployment, app, tenant) = runtime.block_on(prepared());
    bencher
        .with_inputs(|| runtime.block_on(arrive(&deployment.admin, tenant, NEW)))
        .bench_values(|()| runtime.block_on(refresh(&app)));
}

/// A deployment whose events have their shares, a pool of its service, and its tenant.
async fn prepared() -> (Deployment, PgPool, Uuid) {
    let deployment = Deployment::new().await;
    let tenant = deployment.tenant().await.id;
    arrive(&deployment.admin, tenant, EVENTS).await;
    let worker = deployment.worker();
    let id = tenant.to_string();
    let asked = deployment.run(&["enqueue", "attribution.recompute_window", "--tenant", &id], &[]);
    assert!(asked.status.success(), "the recompute was not asked for");
    deployment.until(SETTLED, 0).await;
    drop(worker);
    let app = deployment.app();
    (deployment, app, tenant)
}

async fn arrive(admin: &PgPool, tenant: Uuid, events: i64) {
    sqlx::query(
        "insert into attribution_events (tenant_id, idempotency_key, vendor, event_type, external_event_id, channel,
                event_timestamp, revenue_cents, currency, raw_payload, correlation_id)
         select $1, id, 'stripe', 'payment_intent.succeeded', id, 'unknown', now(), 12345, 'USD', '{}', gen_random_uuid()
           from (select gen_random_uuid()::text as id from generate_series(1, $2)) ids",
    )
    .bind(tenant)
    .bind(events)
    .execute(admin)
    .await
    .unwrap();
}

async fn refresh(app: &PgPool) {
    let outcomes: Vec<String> = sqlx::query_scalar("select outcome from refresh_matviews()")
        .fetch_all(app)
        .await
        .unwrap();
    assert_eq!(outcomes, ["success"; 5]);
}
