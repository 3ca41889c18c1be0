//! The queue as the database has it, looked up once in a while. Through an outage the last good values stand, and the
//! age of the last look says how old they are.

use std::{
    sync::atomic::AtomicU64,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use sqlx::PgPool;

use crate::{db, queue};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Depth {
    queue: String,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    queue: String,
}

/// How long one look may take. A database that hangs is as away as one that is gone.
const DEADLINE: Duration = Duration::from_secs(5);

/// The gauges of the queue.
#[derive(Clone, Default)]
pub(crate) struct Broker {
    messages: Family<Depth, Gauge>,
    max_age: Family<Queue, Gauge<f64, AtomicU64>>,
    refreshed: Gauge<f64, AtomicU64>,
    errors: Counter,
}

impl Broker {
    /// Registers the gauges. The names are those the dashboards of this system read.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let broker = Self::default();
        registry.register(
            "celery_queue_messages",
            "Tasks per queue: visible wait, invisible are held by a worker",
            broker.messages.clone(),
        );
        registry.register(
            "celery_queue_max_age_seconds",
            "Age of the oldest task that waits",
            broker.max_age.clone(),
        );
        registry.register(
            "celery_queue_stats_last_refresh_timestamp_seconds",
            "When the queue was last looked at",
            broker.refreshed.clone(),
        );
        registry.register(
            "celery_queue_stats_refresh_errors",
            "Looks at the queue that failed",
            broker.errors.clone(),
        );
        broker
    }

    /// Looks again and again, for ever.
    pub(crate) async fn refresh(self, pool: PgPool, every: Duration) {
        let mut pace = tokio::time::interval(every.max(Duration::from_millis(50)));
        pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            let error = match tokio::time::timeout(DEADLINE, queue::stats(&pool)).await {
                Ok(Ok(stats)) => {
                    self.show(&stats);
                    continue;
                }
                Ok(Err(error)) => db::words(&error),
                Err(_) => "the database did not answer in time".to_owned(),
            };
            self.errors.inc();
            tracing::warn!(error, "the queue was not looked at");
        }
    }

    fn show(&self, stats: &[queue::Stats]) {
        for one in stats {
            let counts = [
                ("visible", one.pending),
                ("invisible", one.running),
                ("total", one.pending + one.running),
            ];
            for (state, count) in counts {
                self.messages
                    .get_or_create(&Depth {
                        queue: one.queue.clone(),
                        state,
                    })
                    .set(count);
            }
            self.max_age
                .get_or_create(&Queue {
                    queue: one.queue.clone(),
                })
                .set(one.oldest_pending_seconds);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.refreshed.set(now.as_secs_f64());
    }
}
