//! Health in detail: readiness, the worker, and how much waits on every queue. What could not be looked at is not
//! there: nothing here is said without a look.

use std::time::Duration;

use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

use super::{Finding, Readiness, WorkerHealth, ready, word};
use crate::{
    db,
    queue::{self, Stats},
    settings::Secret,
};

/// How long the look at the queues may take. A database that hangs is as away as one that is gone.
const DEADLINE: Duration = Duration::from_secs(2);

/// Everything that is known.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HealthDetail)]
pub(crate) struct Detail {
    /// `ok` when all of it is well, else `unhealthy`. How much waits makes nothing unwell.
    status: &'static str,
    #[serde(skip)]
    is_well: bool,
    readiness: Readiness,
    worker: Finding,
    /// Every queue, the empty ones too; null when they could not be looked at.
    #[schema(required = true)]
    queues: Option<Vec<Backlog>>,
}

/// One queue as the database has it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Backlog {
    queue: String,
    /// Tasks that wait.
    #[schema(minimum = 0)]
    waiting: i64,
    /// Tasks that a worker holds.
    #[schema(minimum = 0)]
    running: i64,
    /// Age of the oldest that waits; null when none does.
    #[schema(required = true, minimum = 0)]
    oldest_waiting_seconds: Option<f64>,
}

impl Detail {
    fn of(readiness: Readiness, worker: Finding, queues: Option<Vec<Backlog>>) -> Self {
        let is_well = readiness.is_well() && worker.is_well() && queues.is_some();
        Self {
            status: word(is_well),
            is_well,
            readiness,
            worker,
            queues,
        }
    }

    /// Whether all of it is well, and was looked at.
    pub(crate) fn is_well(&self) -> bool {
        self.is_well
    }
}

impl From<Stats> for Backlog {
    fn from(stats: Stats) -> Self {
        Self {
            queue: stats.queue,
            waiting: stats.pending,
            running: stats.running,
            oldest_waiting_seconds: (stats.pending > 0).then_some(stats.oldest_pending_seconds),
        }
    }
}

/// Looks at all of it. The queues come before the worker, because its probe would stand in one of them.
pub(crate) async fn look_closely(pool: &PgPool, box_key: &Secret, worker: &WorkerHealth) -> Detail {
    let (readiness, queues) = tokio::join!(ready::look(pool, box_key), backlogs(pool));
    Detail::of(readiness, worker.ask().await, queues)
}

async fn backlogs(pool: &PgPool) -> Option<Vec<Backlog>> {
    let error = match tokio::time::timeout(DEADLINE, queue::stats(pool)).await {
        Ok(Ok(stats)) => return Some(stats.into_iter().map(Backlog::from).collect()),
        Ok(Err(error)) => db::words(&error),
        Err(_) => "the database did not answer in time".to_owned(),
    };
    tracing::warn!(error, "the queues were not looked at");
    None
}
