//! How long things took, in buckets that add up across processes.

use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, MetricEncoder, NoLabelSet};
use serde::{Deserialize, Serialize};

use super::BUCKETS;

/// Ended things by how long they took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Durations {
    /// All of them together, in microseconds.
    pub(super) sum_us: u64,
    /// How many fell into each bucket, not cumulative; one more than there are bounds.
    pub(super) buckets: [u64; BUCKETS.len() + 1],
}

impl Durations {
    /// One more.
    pub(super) fn observe(&mut self, took: Duration) {
        self.sum_us += u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS
            .iter()
            .position(|bound| took.as_secs_f64() <= *bound)
            .unwrap_or(BUCKETS.len());
        self.buckets[bucket] += 1;
    }

    /// Those of another process.
    pub(super) fn add(&mut self, other: &Self) {
        self.sum_us += other.sum_us;
        for (mine, theirs) in self.buckets.iter_mut().zip(other.buckets) {
            *mine += theirs;
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Writes them as one histogram of a family.
    pub(super) fn encode(
        &self,
        family: &mut MetricEncoder<'_>,
        label: &impl EncodeLabelSet,
    ) -> Result<(), std::fmt::Error> {
        let bounds = BUCKETS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(self.buckets).collect();
        let seconds = Duration::from_micros(self.sum_us).as_secs_f64();
        family
            .encode_family(label)?
            .encode_histogram::<NoLabelSet>(seconds, self.count(), &buckets, None)
    }
}
