//! What the API took in. Counted after the commit, so a counter never runs ahead of the rows.

use std::time::Duration;

use prometheus_client::{
    metrics::{counter::Counter, histogram::Histogram},
    registry::Registry,
};

use super::BUCKETS;
use crate::ingest::Fate;

/// The counters of ingestion.
pub(crate) struct Ingestion {
    ingested: Counter,
    duplicate: Counter,
    dead: Counter,
    duration: Histogram,
}

impl Ingestion {
    /// Registers the counters.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            ingested: Counter::default(),
            duplicate: Counter::default(),
            dead: Counter::default(),
            duration: Histogram::new(BUCKETS),
        };
        registry.register("events_ingested", "Events written", metrics.ingested.clone());
        registry.register(
            "events_duplicate",
            "Requests answered with an event that was there",
            metrics.duplicate.clone(),
        );
        registry.register("events_dlq", "Dead letters written", metrics.dead.clone());
        registry.register(
            "ingestion_duration_seconds",
            "From the whole body to the commit",
            metrics.duration.clone(),
        );
        metrics
    }

    /// Counts one webhook by where it ended. A dead letter that was there already is one more request, not one more
    /// letter, so it is not counted.
    pub(crate) fn count(&self, fate: &Fate, took: Duration) {
        self.duration.observe(took.as_secs_f64());
        match fate {
            Fate::Event { is_new: true, .. } => drop(self.ingested.inc()),
            Fate::Event { is_new: false, .. } => drop(self.duplicate.inc()),
            Fate::Dead { is_new: true, .. } => drop(self.dead.inc()),
            Fate::Dead { is_new: false, .. } => {}
        }
    }
}
