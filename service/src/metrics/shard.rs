//! Shards: what one worker process has counted, in a file of its own that it replaces as a whole.
//!
//! Each process makes a new file, so counters never run backwards when a worker is replaced: the sum over all files
//! of the folder is what the exporter shows.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::durations::Durations;
use crate::tasks::{
    self,
    refresh_all::{self, Refreshed},
};

const PREFIX: &str = "tasks-";
const SUFFIX: &str = ".json";

/// What was counted of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) started: u64,
    pub(super) success: u64,
    pub(super) failure: u64,
    /// Of ended attempts.
    pub(super) durations: Durations,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.started += other.started;
        self.success += other.success;
        self.failure += other.failure;
        self.durations.add(&other.durations);
    }
}

/// All that was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// By task name.
    pub(super) tasks: BTreeMap<String, Counts>,
    /// Ended refreshes by view and outcome.
    pub(super) matviews: BTreeMap<String, BTreeMap<String, Durations>>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        for (task, counts) in other.tasks {
            self.tasks.entry(task).or_default().add(&counts);
        }
        for (view, outcomes) in other.matviews {
            let mine = self.matviews.entry(view).or_default();
            for (outcome, durations) in outcomes {
                mine.entry(outcome).or_default().add(&durations);
            }
        }
    }
}

/// The shard of this process.
pub(crate) struct Shard {
    id: Uuid,
    folder: PathBuf,
    tally: Mutex<Tally>,
}

impl Shard {
    /// A new shard in this folder. Fails when the folder cannot be written to.
    pub(crate) fn create(folder: &Path) -> anyhow::Result<Self> {
        let shard = Self {
            id: Uuid::new_v4(),
            folder: folder.to_owned(),
            tally: Mutex::default(),
        };
        shard.replace()?;
        Ok(shard)
    }

    /// What tells this process from every other.
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// Counts an attempt that began.
    pub(crate) fn started(&self, task: &str) {
        self.change(task, |counts| counts.started += 1);
    }

    /// Counts an attempt that succeeded.
    pub(crate) fn succeeded(&self, task: &str, took: Duration) {
        self.change(task, |counts| {
            counts.success += 1;
            counts.durations.observe(took);
        });
    }

    /// Counts an attempt that failed.
    pub(crate) fn failed(&self, task: &str, took: Duration) {
        self.change(task, |counts| {
            counts.failure += 1;
            counts.durations.observe(took);
        });
    }

    /// Counts the refresh of one view.
    pub(crate) fn refreshed(&self, view: &Refreshed) {
        let known = refresh_all::VIEWS
            .into_iter()
            .find(|known| *known == view.view_name);
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let outcomes = tally
            .matviews
            .entry(known.unwrap_or("unknown").to_owned())
            .or_default();
        outcomes
            .entry(view.outcome.as_str().to_owned())
            .or_default()
            .observe(view.took());
    }

    /// Puts the file where the exporter finds it. A counter that could not be written is no reason to stop working.
    pub(crate) fn write(&self) {
        if let Err(error) = self.replace() {
            tracing::warn!(%error, "the counters were not written");
        }
    }

    fn change(&self, task: &str, change: impl FnOnce(&mut Counts)) {
        let label = tasks::entry(task).map_or("unknown", |entry| entry.name);
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        change(tally.tasks.entry(label.to_owned()).or_default());
    }

    /// A reader sees the old file or the new one, never half of either.
    fn replace(&self) -> io::Result<()> {
        // Held to the end: two lanes that write at once must not overtake one another.
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.folder.join(format!("{PREFIX}{}{SUFFIX}", self.id));
        let draft = file.with_extension("draft");
        std::fs::write(&draft, serde_json::to_vec(&*tally)?)?;
        std::fs::rename(&draft, &file)
    }
}

/// The sum of all shards in a folder, and how many there are. A file that is no shard is left out and said.
pub(super) fn read_all(folder: &Path) -> io::Result<(Tally, usize)> {
    let mut sum = Tally::default();
    let mut shards = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !(name.starts_with(PREFIX) && name.ends_with(SUFFIX)) {
            continue;
        }
        match serde_json::from_slice::<Tally>(&std::fs::read(entry.path())?) {
            Ok(tally) => {
                shards += 1;
                sum.add(tally);
            }
            Err(error) => tracing::warn!(file = %name, %error, "not a shard"),
        }
    }
    Ok((sum, shards))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::BUCKETS;

    #[test]
    fn the_shards_of_two_processes_add_up() {
        let folder = tempfile::tempdir().expect("a folder");
        for _ in 0..2 {
            let shard = Shard::create(folder.path()).expect("writable");
            shard.started("health.probe");
            shard.succeeded("health.probe", Duration::from_millis(3));
            shard.started("health.probe");
            shard.failed("health.probe", Duration::from_mins(1));
            shard.write();
        }
        let (tally, shards) = read_all(folder.path()).expect("readable");
        let counts = &tally.tasks["health.probe"];
        assert_eq!(
            (shards, counts.started, counts.success, counts.failure),
            (2, 4, 2, 2)
        );
        assert_eq!(
            (
                counts.durations.buckets[2],
                counts.durations.buckets[BUCKETS.len()]
            ),
            (2, 2)
        );
        assert_eq!(counts.durations.sum_us, 2 * 60_003_000);
    }

    #[test]
    fn a_task_nobody_knows_is_counted_without_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let shard = Shard::create(folder.path()).expect("writable");
        shard.started("tenant-1234");
        shard.write();
        let (tally, _) = read_all(folder.path()).expect("readable");
        assert_eq!(tally.tasks.keys().collect::<Vec<_>>(), ["unknown"]);
    }
}
