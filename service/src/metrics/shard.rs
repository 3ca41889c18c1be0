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

use super::BUCKETS;
use crate::{settings::Stage, tasks};

const PREFIX: &str = "tasks-";
const SUFFIX: &str = ".json";

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
    fn ended(&mut self, took: Duration) {
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

/// Counts by task name.
pub(super) type Tally = BTreeMap<String, Counts>;

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
            counts.ended(took);
        });
    }

    /// Counts an attempt that failed.
    pub(crate) fn failed(&self, task: &str, took: Duration) {
        self.change(task, |counts| {
            counts.failure += 1;
            counts.ended(took);
        });
    }

    /// Puts the file where the exporter finds it. A counter that could not be written is no reason to stop working.
    pub(crate) fn write(&self) {
        if let Err(error) = self.replace() {
            tracing::warn!(%error, "the counters were not written");
        }
    }

    fn change(&self, task: &str, change: impl FnOnce(&mut Counts)) {
        let label = tasks::entry(task, Stage::Test).map_or("unknown", |entry| entry.name);
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        change(tally.entry(label.to_owned()).or_default());
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
    let mut sum = Tally::new();
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
                for (task, counts) in tally {
                    sum.entry(task).or_default().add(&counts);
                }
            }
            Err(error) => tracing::warn!(file = %name, %error, "not a shard"),
        }
    }
    Ok((sum, shards))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let counts = &tally["health.probe"];
        assert_eq!(
            (shards, counts.started, counts.success, counts.failure),
            (2, 4, 2, 2)
        );
        assert_eq!((counts.buckets[2], counts.buckets[BUCKETS.len()]), (2, 2));
        assert_eq!(counts.duration_us, 2 * 60_003_000);
    }

    #[test]
    fn a_task_nobody_knows_is_counted_without_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let shard = Shard::create(folder.path()).expect("writable");
        shard.started("tenant-1234");
        shard.write();
        let (tally, _) = read_all(folder.path()).expect("readable");
        assert_eq!(tally.keys().collect::<Vec<_>>(), ["unknown"]);
    }
}
