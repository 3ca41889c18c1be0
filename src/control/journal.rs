//! The undo journal: one line before a change is made, one when it is undone. Each is on disk before we go on.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::Undo;
use crate::probe::Blind;

/// The journal of one run: `undo.jsonl` in its state folder. Undoings hold secrets, so nobody else may read it, and
/// it is no part of the pack.
pub struct Journal {
    file: Mutex<File>,
    next: AtomicU64,
    /// Read by everybody who is in the middle of a change.
    middle: RwLock<()>,
}

/// Which line of the journal plans an undoing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Plan { number: u64, undo: Undo },
    Done { number: u64 },
}

impl Journal {
    /// Open the journal of a run, or begin it.
    pub fn open(path: &Path) -> io::Result<Self> {
        let lines = if path.exists() { lines(path)?.len() } else { 0 };
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self {
            file: Mutex::new(file),
            next: AtomicU64::new(lines as u64),
            middle: RwLock::default(),
        })
    }

    /// A journal that cannot be written to.
    #[cfg(test)]
    pub(super) fn read_only(path: &Path) -> Self {
        let file = File::open(path).expect("it is there");
        Self {
            file: Mutex::new(file),
            next: AtomicU64::new(0),
            middle: RwLock::default(),
        }
    }

    /// Held by whoever makes a change or undoes one, for as long as it is half made or half undone.
    pub(super) async fn middle(&self) -> RwLockReadGuard<'_, ()> {
        self.middle.read().await
    }

    /// Waits until no change is half made or half undone; none begins while the answer is held. Whoever gives a change
    /// up in the middle cannot undo it: what a service, an engine or a database was asked for may still come.
    pub async fn still(&self) -> RwLockWriteGuard<'_, ()> {
        self.middle.write().await
    }

    /// Write down how a change is going to be undone, for whoever is about to make it.
    pub(super) fn planned(&self, undo: Undo) -> Result<(Undo, Ticket), Blind> {
        let ticket = self
            .plan(&undo)
            .map_err(|error| Blind::because(format!("no undo on disk: {error}")))?;
        Ok((undo, ticket))
    }

    /// Write down how a change is going to be undone. On disk when this returns.
    fn plan(&self, undo: &Undo) -> io::Result<Ticket> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.append(&Line::Plan {
            number,
            undo: undo.clone(),
        })?;
        Ok(Ticket(number))
    }

    /// Write down that it was undone, for whoever has undone it.
    pub(super) fn crossed_out(&self, ticket: Ticket) -> Result<(), String> {
        self.done(ticket)
            .map_err(|error| format!("the undo journal cannot be written: {error}"))
    }

    fn done(&self, ticket: Ticket) -> io::Result<()> {
        self.append(&Line::Done { number: ticket.0 })
    }

    fn append(&self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&text)?;
        file.sync_data()
    }

    /// What was planned and is not done, the last first.
    pub(super) fn pending(path: &Path) -> io::Result<Vec<(Ticket, Undo)>> {
        let mut pending: Vec<(Ticket, Undo)> = Vec::new();
        for line in lines(path)? {
            match line {
                Line::Plan { number, undo } => pending.push((Ticket(number), undo)),
                Line::Done { number } => pending.retain(|(ticket, _)| ticket.0 != number),
            }
        }
        pending.reverse();
        Ok(pending)
    }
}

/// Every whole line. A line that was cut off by the end of its writer planned nothing: the change comes after it.
fn lines(path: &Path) -> io::Result<Vec<Line>> {
    let text = std::fs::read_to_string(path)?;
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole
        .map(|line| serde_json::from_str(line).map_err(io::Error::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, os::unix::fs::PermissionsExt as _};

    use futures::FutureExt as _;

    use super::{Journal, Undo};

    fn undo(service: &str) -> Undo {
        Undo::Env {
            service: service.to_owned(),
        }
    }

    #[test]
    fn what_was_planned_and_is_not_done_is_pending_the_last_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("undo.jsonl");
        let journal = Journal::open(&path).expect("opened");
        let [_, second, _] = ["a", "b", "c"].map(|name| journal.plan(&undo(name)).expect("on disk"));
        journal.done(second).expect("on disk");
        drop(journal);
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .expect("opened");
        file.write_all(b"{\"plan\":{\"numb").expect("a cut line");
        let pending = Journal::pending(&path).expect("read");
        assert_eq!(
            pending.into_iter().map(|(_, undo)| undo).collect::<Vec<_>>(),
            [undo("c"), undo("a")]
        );
        let mode = std::fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "undoings hold secrets");
    }

    #[tokio::test]
    async fn whoever_wants_stillness_waits_for_the_change_in_the_middle_and_the_next_one_waits_for_him() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("undo.jsonl")).expect("opened");
        let middle = journal.middle().await;
        let mut still = Box::pin(journal.still());
        assert!((&mut still).now_or_never().is_none(), "a change is half made");
        assert!(journal.middle().now_or_never().is_none(), "none begins any more");
        drop(middle);
        let held = still.await;
        assert!(journal.middle().now_or_never().is_none());
        drop(held);
        let _next = journal.middle().await;
    }
}
