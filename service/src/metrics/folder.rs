//! The folder of shards. Counters must never run backwards: the sum over all processes that ever counted here is what
//! the exporter shows. Nor may the folder grow with every restart: whoever enters puts the shards of the dead together.
//!
//! ```text
//! tasks-<id>.json     a shard
//! tasks-<id>.alive    locked by the process that writes it
//! retired.json        the sum of the dead, and whose it is
//! folder.lock         shared by readers, exclusive to who enters
//! ```

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::tally::Tally;

const PREFIX: &str = "tasks-";
const SUFFIX: &str = ".json";

/// How often, and how long apart, a lock is tried before it counts as stuck.
const TRIES: (u32, Duration) = (200, Duration::from_millis(10));

/// The sum of the dead.
#[derive(Default, Serialize, Deserialize)]
struct Retired {
    /// Whose shards went into it last. Should one still lie there, it is counted already: that is what makes putting
    /// together survive its own interruption.
    absorbed: BTreeSet<Uuid>,
    /// How many processes it stands for.
    processes: usize,
    tally: Tally,
}

/// The file of a shard.
pub(super) fn shard(folder: &Path, id: Uuid) -> PathBuf {
    folder.join(format!("{PREFIX}{id}{SUFFIX}"))
}

/// Replaces a file as a whole: a reader sees the old one or the new one, never half of either.
pub(super) fn put(file: &Path, content: &impl Serialize) -> io::Result<()> {
    let draft = file.with_extension("draft");
    fs::write(&draft, serde_json::to_vec(content)?)?;
    fs::rename(&draft, file)
}

/// Makes an empty shard, and puts those of dead processes together. Returns the file whose lock says that this process
/// lives.
pub(super) fn enter(folder: &Path, id: Uuid) -> anyhow::Result<File> {
    let lock = open(&folder.join("folder.lock"))?;
    locked(|| lock.try_lock()).context("the folder of shards")?;
    retire(folder)?;
    let alive = open(&alive(folder, id))?;
    locked(|| alive.try_lock()).context("the shard of this process")?;
    put(&shard(folder, id), &Tally::default())?;
    Ok(alive)
}

/// The sum of everything counted here, and how many processes counted.
pub(super) fn read(folder: &Path) -> anyhow::Result<(Tally, usize)> {
    // Without it nobody has ever entered. It is only read: the folder may be mounted so.
    let lock = File::open(folder.join("folder.lock"));
    if let Ok(lock) = &lock {
        locked(|| lock.try_lock_shared()).context("the folder of shards")?;
    }
    let retired = retired(folder)?;
    let (mut sum, mut processes) = (Tally::default(), retired.processes);
    sum.add(&retired.tally);
    for id in shards(folder)? {
        if !retired.absorbed.contains(&id) {
            processes += 1;
            sum.add(&parsed(&shard(folder, id)).unwrap_or_default());
        }
    }
    Ok((sum, processes))
}

/// Adds the shards of the dead to the sum, then removes them.
fn retire(folder: &Path) -> anyhow::Result<()> {
    let mut retired = retired(folder)?;
    let mut dead = BTreeSet::new();
    for id in shards(folder)? {
        if retired.absorbed.contains(&id) {
            remove(folder, id);
        } else if is_dead(folder, id)?
            && let Some(tally) = parsed(&shard(folder, id))
        {
            retired.tally.add(&tally);
            dead.insert(id);
        }
    }
    if !dead.is_empty() {
        retired.processes += dead.len();
        retired.absorbed.clone_from(&dead);
        put(&folder.join("retired.json"), &retired)?;
        for id in dead {
            remove(folder, id);
        }
    }
    Ok(())
}

fn is_dead(folder: &Path, id: Uuid) -> io::Result<bool> {
    Ok(open(&alive(folder, id))?.try_lock().is_ok())
}

fn remove(folder: &Path, id: Uuid) {
    let shard = shard(folder, id);
    for file in [shard.with_extension("draft"), alive(folder, id), shard] {
        // What could not be removed is not counted again, and will be tried again.
        let _ = fs::remove_file(file);
    }
}

fn alive(folder: &Path, id: Uuid) -> PathBuf {
    folder.join(format!("{PREFIX}{id}.alive"))
}

fn shards(folder: &Path) -> io::Result<Vec<Uuid>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let id = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_suffix(SUFFIX));
        found.extend(id.and_then(|id| id.parse::<Uuid>().ok()));
    }
    Ok(found)
}

fn retired(folder: &Path) -> anyhow::Result<Retired> {
    let file = folder.join("retired.json");
    if !file.exists() {
        return Ok(Retired::default());
    }
    // Without it the counters would fall back. Better none than that.
    parsed(&file).context("`retired.json` is not a sum of shards")
}

/// A file's content, unless it is something else, which is said.
fn parsed<T: DeserializeOwned>(file: &Path) -> Option<T> {
    let content = fs::read(file).and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
    content
        .inspect_err(|error| tracing::warn!(file = %file.display(), %error, "not counted"))
        .ok()
}

fn open(file: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(file)
}

fn locked(attempt: impl Fn() -> Result<(), fs::TryLockError>) -> anyhow::Result<()> {
    for _ in 0..TRIES.0 {
        match attempt() {
            Ok(()) => return Ok(()),
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(TRIES.1),
            Err(fs::TryLockError::Error(error)) => return Err(error.into()),
        }
    }
    bail!("its lock is held by somebody who does not go on")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Shard;

    const TASK: &str = "health.probe";

    fn worker(folder: &Path) -> Shard {
        let shard = Shard::create(folder).expect("writable");
        shard.started(TASK);
        shard.succeeded(TASK, Duration::from_millis(3));
        shard.started(TASK);
        shard.failed(TASK, Duration::from_mins(1));
        shard.write();
        shard
    }

    fn files(folder: &Path) -> usize {
        fs::read_dir(folder).expect("readable").count()
    }

    #[test]
    fn the_shards_of_two_living_processes_add_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let _living = (worker(folder.path()), worker(folder.path()));
        let (tally, processes) = read(folder.path()).expect("readable");
        let counts = &tally.tasks[TASK];
        assert_eq!(
            (processes, counts.started, counts.success, counts.failure),
            (2, 4, 2, 2)
        );
        assert_eq!(
            (counts.durations.buckets[2], counts.durations.buckets[12]),
            (2, 2)
        );
        assert_eq!(counts.durations.sum_us, 2 * 60_003_000);
    }

    #[test]
    fn the_dead_stay_in_the_sum_and_leave_no_files() {
        let folder = tempfile::tempdir().expect("a folder");
        for _ in 0..50 {
            drop(worker(folder.path()));
        }
        let _living = worker(folder.path());
        let (tally, processes) = read(folder.path()).expect("readable");
        assert_eq!((processes, tally.tasks[TASK].started), (51, 102));
        // The lock, the sum, and two of the living.
        assert_eq!(files(folder.path()), 4);
    }

    #[test]
    fn a_shard_that_was_added_but_not_yet_removed_is_counted_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let dead = worker(folder.path());
        let left = (
            shard(folder.path(), dead.id()),
            fs::read(shard(folder.path(), dead.id())),
        );
        drop(dead);
        let _living = worker(folder.path());
        fs::write(left.0, left.1.expect("it was there")).expect("writable");
        assert_eq!(read(folder.path()).expect("readable").0.tasks[TASK].started, 4);
        let _next = worker(folder.path());
        assert_eq!(read(folder.path()).expect("readable").0.tasks[TASK].started, 6);
    }

    #[test]
    fn a_task_nobody_knows_is_counted_without_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let shard = Shard::create(folder.path()).expect("writable");
        shard.started("tenant-1234");
        shard.write();
        let foreign = r#"{"tasks":{"jane.doe":{"started":1,"success":0,"failure":0,"durations":{"sum_us":0,"buckets":[0,0,0,0,0,0,0,0,0,0,0,0,0]}}},"matviews":{}}"#;
        let file = super::shard(folder.path(), Uuid::new_v4());
        fs::write(file, foreign).expect("writable");
        let (tally, _) = read(folder.path()).expect("readable");
        assert_eq!(tally.tasks.keys().collect::<Vec<_>>(), ["unknown"]);
        assert_eq!(tally.tasks["unknown"].started, 2);
    }

    #[test]
    fn a_sum_that_cannot_be_read_is_no_sum_of_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("retired.json"), "{").expect("writable");
        let error = read(folder.path()).expect_err("counters would fall back");
        assert_eq!(error.to_string(), "`retired.json` is not a sum of shards");
    }
}
