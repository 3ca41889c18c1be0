//! What the queue does: from asking to done, through a real worker and a real Postgres, alone and in bursts, on one lane
//! and on all four.
//!
//! `cargo bench -p skeldir --bench queue` prints the median per task. Nothing here is a gate.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a measurement that cannot go on should say where and stop"
)]

#[path = "../tests/service/cluster.rs"]
mod cluster;
#[expect(dead_code, reason = "the tests' own deployment, of which this needs the half")]
#[path = "../tests/service/deployment.rs"]
mod deployment;
#[path = "../tests/service/tokens.rs"]
#[expect(
    dead_code,
    reason = "the tests' own keys, of which the deployment needs the public ones"
)]
mod tokens;

use std::time::{Duration, Instant};

use divan::{Bencher, counter::ItemsCount};
use sqlx::{PgConnection, PgPool};
use tokio::runtime::Runtime;

use crate::deployment::{Deployment, Service};

const LANES: [&str; 4] = ["housekeeping", "maintenance", "llm", "attribution"];

/// How long a batch may take before something is wrong.
const BOUND: Duration = Duration::from_mins(1);

struct House {
    app: PgPool,
    admin: PgPool,
    _worker: Service,
    _deployment: Deployment,
    /// The last to go: the others still need it.
    runtime: Runtime,
}

impl House {
    fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let deployment = runtime.block_on(Deployment::new());
        let (app, admin, worker) = {
            let _inside = runtime.enter();
            (
                deployment.app(),
                deployment.pool("postgres", "admin"),
                deployment.worker(),
            )
        };
        let house = Self {
            app,
            admin,
            _worker: worker,
            _deployment: deployment,
            runtime,
        };
        // One task, so that the worker is there before the first measurement begins.
        house.done(1, 1);
        house
    }

    /// Asks for so many tasks in one transaction, spread over so many queues, and waits until the last is done.
    fn done(&self, tasks: usize, lanes: usize) {
        self.runtime.block_on(async {
            let mut watcher = self.admin.acquire().await.unwrap();
            sqlx::query("select enqueue(($1::text[])[1 + i % $2], 'health.probe', null, '{}') from generate_series(1, $3) i")
                .bind(LANES)
                .bind(i32::try_from(lanes).unwrap())
                .bind(i32::try_from(tasks).unwrap())
                .execute(&self.app)
                .await
                .unwrap();
            let until = Instant::now() + BOUND;
            while undone(&mut watcher).await {
                assert!(Instant::now() < until, "the worker does not come to an end");
            }
        });
    }
}

async fn undone(connection: &mut PgConnection) -> bool {
    let undone = "select exists (select from tasks where state = 'pending')
                      or exists (select from tasks where state = 'running')";
    tokio::time::sleep(Duration::from_micros(200)).await;
    sqlx::query_scalar(undone).fetch_one(connection).await.unwrap()
}

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 100, sample_size = 1)]
fn one_task(bencher: Bencher<'_, '_>) {
    let house = House::new();
    bencher.bench_local(|| house.done(1, 1));
}

#[divan::bench(sample_count = 10, sample_size = 1, args = [1, 4])]
fn burst_of_500_over_lanes(bencher: Bencher<'_, '_>, lanes: usize) {
    let house = House::new();
    bencher
        .counter(ItemsCount::new(500_usize))
        .bench_local(|| house.done(500, lanes));
}
