//! What is counted of the tasks, by name.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::BUCKETS;
use crate::{settings::Stage, tasks};

/// Counts by task name.
pub(super) type Tally = BTreeMap<String, Counts>;

/// What was counted of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) started: u64,
    pub(super) success: u64,
    pub(super) failure: u64,
    pub(super) duration_us: u64,
    /// Ended attempts per duration bucket, not cumulative; one more than there are bounds.
    pub(super) buckets: [u64; BUCKETS.len() + 1],
}

impl Counts {
    /// Counts an attempt that ended.
    pub(super) fn ended(&mut self, took: Duration) {
        self.duration_us += u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS
            .iter()
            .position(|bound| took.as_secs_f64() <= *bound)
            .unwrap_or(BUCKETS.len());
        self.buckets[bucket] += 1;
    }

    fn add(&mut self, other: &Self) {
        self.started += other.started;
        self.success += other.success;
        self.failure += other.failure;
        self.duration_us += other.duration_us;
        for (mine, theirs) in self.buckets.iter_mut().zip(other.buckets) {
            *mine += theirs;
        }
    }
}

/// Adds one tally to another.
pub(super) fn add(sum: &mut Tally, other: &Tally) {
    for (task, counts) in other {
        sum.entry(label(task).to_owned()).or_default().add(counts);
    }
}

/// A task's label: its name when it is in the catalogue. There is no other way to a label.
pub(super) fn label(task: &str) -> &'static str {
    tasks::entry(task, Stage::Test).map_or("unknown", |entry| entry.name)
}
