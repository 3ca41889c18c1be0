//! Worker health: a probe is put on the real queue, and either comes back in time or does not.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::json;
use sqlx::PgPool;
use tokio::sync::Mutex;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Part, word};
use crate::{db, queue, tasks::health_probe};

/// How often the probe's state is looked at while it is under way.
const POLL: Duration = Duration::from_millis(20);

/// How long it may take to take a probe back.
const WITHDRAWAL: Duration = Duration::from_secs(2);

/// What was found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WorkerFinding)]
pub(crate) struct Finding {
    status: &'static str,
    broker: Part,
    database: Part,
    worker: Part,
    /// From asking to knowing, in milliseconds.
    probe_latency_ms: u64,
    /// Whether this answer was given before.
    cached: bool,
    /// How old it is, in milliseconds.
    age_ms: u64,
    cache_scope: &'static str,
}

impl Finding {
    fn of(broker: Part, worker: Part, took: Duration) -> Self {
        Self {
            status: word(worker == Part::Ok),
            broker,
            // One database is both.
            database: broker,
            worker,
            probe_latency_ms: millis(took),
            cached: false,
            age_ms: 0,
            cache_scope: "process",
        }
    }

    /// Whether the worker does what it is asked.
    pub(crate) fn is_well(&self) -> bool {
        self.worker == Part::Ok
    }
}

/// The question, and the memory of its last answer.
pub(crate) struct WorkerHealth(Arc<Prober>);

struct Prober {
    pool: PgPool,
    deadline: Duration,
    keep: Duration,
    /// Held while a probe is under way: whoever asks meanwhile waits for its answer instead of getting an old one.
    last: Mutex<Option<(Instant, Finding)>>,
}

impl WorkerHealth {
    /// Asks through `pool`, waits `deadline` for an answer, and repeats it for at most `keep`.
    pub(crate) fn new(pool: PgPool, deadline: Duration, keep: Duration) -> Self {
        Self(Arc::new(Prober {
            pool,
            deadline,
            keep,
            last: Mutex::new(None),
        }))
    }

    /// The last answer if it is young enough, else a new one. A probe that has begun is ended even when whoever asked
    /// has gone: else those who ask and go would leave probes in the queue, and each next one would send one more.
    pub(crate) async fn ask(&self) -> Finding {
        let prober = Arc::clone(&self.0);
        let asked = tokio::spawn(async move { prober.answer().await });
        asked
            .await
            .unwrap_or_else(|_| Finding::of(Part::Unknown, Part::Unknown, Duration::ZERO))
    }
}

impl Prober {
    async fn answer(&self) -> Finding {
        let mut last = self.last.lock().await;
        if let Some((since, finding)) = &*last {
            let age = since.elapsed();
            if age < self.keep {
                return Finding {
                    cached: true,
                    age_ms: millis(age),
                    ..finding.clone()
                };
            }
        }
        let finding = self.probe().await;
        *last = Some((Instant::now(), finding.clone()));
        finding
    }

    async fn probe(&self) -> Finding {
        let began = Instant::now();
        let asked = tokio::time::timeout(self.deadline, self.enqueue()).await;
        let (broker, worker) = match asked {
            Ok(Ok(probe)) => {
                match tokio::time::timeout_at((began + self.deadline).into(), self.end_of(probe)).await {
                    Ok(Ok(well)) => (Part::Ok, well.into()),
                    Ok(Err(error)) => {
                        tracing::warn!(error = db::words(&error), "the probe was lost sight of");
                        (Part::Error, Part::Unknown)
                    }
                    Err(_) => {
                        self.withdraw(probe).await;
                        (Part::Ok, Part::Error)
                    }
                }
            }
            Ok(Err(error)) => {
                tracing::warn!(error = db::words(&error), "the probe could not be sent");
                (Part::Error, Part::Unknown)
            }
            Err(_) => (Part::Error, Part::Unknown),
        };
        Finding::of(broker, worker, began.elapsed())
    }

    async fn enqueue(&self) -> Result<Uuid, sqlx::Error> {
        queue::enqueue(&self.pool, "housekeeping", health_probe::NAME, None, &json!({})).await
    }

    async fn end_of(&self, probe: Uuid) -> Result<bool, sqlx::Error> {
        loop {
            match queue::state(&self.pool, probe).await?.as_deref() {
                Some("succeeded") => return Ok(true),
                Some("pending" | "running") => tokio::time::sleep(POLL).await,
                _ => return Ok(false),
            }
        }
    }

    /// A probe that nobody waits for must not stand in the queue and make it look deep.
    async fn withdraw(&self, probe: Uuid) {
        match tokio::time::timeout(WITHDRAWAL, queue::withdraw(&self.pool, probe)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(error = db::words(&error), "the probe was not withdrawn"),
            Err(_) => tracing::warn!("the probe was not withdrawn in time"),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
