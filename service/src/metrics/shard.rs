//! The shard of a worker process: what it has counted, in a file of its own that it replaces as a whole.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use uuid::Uuid;

use super::{folder, tally::Tally};
use crate::tasks::refresh_all::Refreshed;

/// The shard of this process.
pub(crate) struct Shard {
    id: Uuid,
    folder: PathBuf,
    tally: Mutex<Tally>,
    /// Locked as long as this process lives, whatever becomes of it.
    _alive: File,
}

impl Shard {
    /// A new shard in this folder, after those of dead processes have been put together. Fails when the folder cannot
    /// be written to.
    pub(crate) fn create(folder: &Path) -> anyhow::Result<Self> {
        let id = Uuid::new_v4();
        let alive = folder::enter(folder, id)?;
        Ok(Self {
            id,
            folder: folder.to_owned(),
            tally: Mutex::default(),
            _alive: alive,
        })
    }

    /// What tells this process from every other.
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// Counts an attempt that began.
    pub(crate) fn started(&self, task: &str) {
        self.change(|tally| tally.of(task).started += 1);
    }

    /// Counts an attempt that succeeded.
    pub(crate) fn succeeded(&self, task: &str, took: Duration) {
        self.change(|tally| tally.of(task).ended(true, took));
    }

    /// Counts an attempt that failed.
    pub(crate) fn failed(&self, task: &str, took: Duration) {
        self.change(|tally| tally.of(task).ended(false, took));
    }

    /// Counts the refresh of one view.
    pub(crate) fn refreshed(&self, view: &Refreshed) {
        self.change(|tally| tally.refreshed(view));
    }

    /// Puts the file where the exporter finds it. A counter that could not be written is no reason to stop working.
    pub(crate) fn write(&self) {
        if let Err(error) = self.replace() {
            tracing::warn!(%error, "the counters were not written");
        }
    }

    fn change(&self, change: impl FnOnce(&mut Tally)) {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn replace(&self) -> io::Result<()> {
        // Held to the end: two lanes that write at once must not overtake one another.
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        folder::put(&folder::shard(&self.folder, self.id), &*tally)
    }
}
