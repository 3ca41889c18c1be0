//! A run owns one folder and holds a lock in it for life. The lock is the kernel's: it is free the moment the run's
//! process is gone, however it went, and that is how others know that they may clean up after it.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicBool, atomic::Ordering},
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

use super::{
    census::{Identity, Marks, extinguish},
    error::{Error, Leftover, Result},
    journal::forget,
    state::RunState,
    substrate::On,
};

/// The lock's name in the run's folder.
pub(crate) const LOCK_FILE: &str = "lock";

/// How long killed processes may take to vanish.
pub(crate) const VANISHING: Duration = Duration::from_secs(5);

/// The folder, the lock and the state of one run. Dropped without having been closed, it kills what the run started
/// and removes the folder: the last resort, for ways out that nobody planned.
#[derive(Debug)]
pub struct RunFolder {
    id: String,
    path: PathBuf,
    state: Mutex<RunState>,
    is_closed: AtomicBool,
    _lock: fs::File,
}

impl RunFolder {
    /// Open a fresh folder `<root>/<id>`, lock it, and adopt orphans: from here on a process whose parents are gone
    /// becomes a child of this one instead of being lost. The id must be this run's alone on this host: processes are
    /// known by it.
    ///
    /// # Errors
    /// When the folder exists already, or cannot be made or locked.
    pub fn open(root: &Path, id: &str) -> Result<Self> {
        if !is_run_id(id) {
            let odd = std::io::Error::other("a run's id has only letters, digits, `-` and `_`");
            return Err(Error::folder("create", &root.join(id))(odd));
        }
        create_passable(root).map_err(Error::folder("create", root))?;
        let root = &resolved(root)?;
        let path = root.join(id);
        // While the root is locked nobody cleans: a folder without its own lock yet would look like a dead run's.
        let _root_lock = lock_root(root)?;
        if path.exists() {
            let taken = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
            return Err(Error::folder("create", &path)(taken));
        }
        create_passable(&path).map_err(Error::folder("create", &path))?;
        let lock = try_lock(&path)?.ok_or_else(|| {
            Error::folder("lock", &path)(std::io::Error::other("another process holds the lock"))
        })?;
        let state = RunState::new(id);
        state.write(&path).map_err(Error::folder("write", &path))?;
        let us = rustix::process::getpid();
        rustix::process::set_child_subreaper(Some(us))
            .map_err(|errno| Error::folder("watch over", &path)(errno.into()))?;
        Ok(Self {
            id: id.to_owned(),
            path,
            state: Mutex::new(state),
            is_closed: AtomicBool::new(false),
            _lock: lock,
        })
    }

    /// The run's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The folder; gone once the run is closed.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Say what the services of this run stand on, before addresses are picked for them; natively unless said.
    ///
    /// # Errors
    /// When the run's state cannot be written.
    pub fn stand_on(&self, on: On) -> Result<()> {
        self.note(|state| state.substrate = on)
    }

    /// What the services of this run stand on.
    pub fn on(&self) -> On {
        self.state().substrate
    }

    /// Change the state and put it on disk, before the act it tells of wherever that is possible.
    pub(crate) fn note<T>(&self, change: impl FnOnce(&mut RunState) -> T) -> Result<T> {
        let mut state = self.state();
        let answer = change(&mut state);
        state
            .write(&self.path)
            .map_err(Error::folder("write", &self.path))?;
        Ok(answer)
    }

    /// The leaders of all groups whose service name begins with this.
    pub(crate) fn leaders_below(&self, prefix: &str) -> Vec<Identity> {
        let state = self.state();
        let groups = state
            .groups
            .iter()
            .filter(|group| group.service.starts_with(prefix));
        groups.map(|group| group.leader).collect()
    }

    /// Kill what is left of the run and remove its folder, or keep the folder; say what could not be taken away.
    pub(crate) fn close(&self, keep: bool) -> Vec<Leftover> {
        if self.is_closed.swap(true, Ordering::SeqCst) {
            return Vec::new();
        }
        let state = self.state().clone();
        let (_, survivors) = extinguish(marks(&self.path, &self.id, &state.leaders()), VANISHING);
        let mut left = survivors_left(&survivors);
        if keep {
            forget(&self.path);
            return left;
        }
        left.extend(remove(&self.path));
        left
    }

    fn state(&self) -> MutexGuard<'_, RunState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunFolder {
    /// Leave the folder and whatever runs in it when this is dropped, but for the secrets; the lock becomes free.
    pub(super) fn disown(&self) {
        forget(&self.path);
        self.is_closed.store(true, Ordering::Relaxed);
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        // Nobody is left to tell; `clean` finds whatever could not be taken away.
        let _left = self.close(false);
    }
}

/// Where runs keep their folders unless told otherwise: `/var/lib/closure/runs` for root, whose services run as
/// somebody who cannot look into root's home; `$XDG_STATE_HOME/closure/runs` for everybody else, which is
/// `~/.local/state/closure/runs` unless set.
pub fn default_root() -> PathBuf {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let uid = rustix::process::geteuid();
    if uid.is_root() {
        return PathBuf::from("/var/lib/closure/runs");
    }
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(|| PathBuf::from(format!("/var/tmp/closure-{}", uid.as_raw())))
        .join("closure/runs")
}

pub(crate) fn marks<'a>(folder: &'a Path, marker: &'a str, leaders: &'a [Identity]) -> Marks<'a> {
    Marks {
        marker,
        folder,
        leaders,
    }
}

pub(crate) fn survivors_left(survivors: &[super::census::Resident]) -> Vec<Leftover> {
    let left = |one: &super::census::Resident| Leftover::Process {
        pid: one.id.pid,
        command: one.command.clone(),
    };
    survivors.iter().map(left).collect()
}

/// Remove a folder with everything in it; what could not be removed is a leftover.
pub(crate) fn remove(folder: &Path) -> Option<Leftover> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Some(Leftover::Folder(format!(
            "folder `{}` is still there: {error}",
            folder.display()
        ))),
        _ => None,
    }
}

/// Create a folder, and what is missing above it, so that others may pass through whatever our umask says: services
/// run as somebody else when we are root.
pub(crate) fn create_passable(folder: &Path) -> std::io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|path| !path.exists()).collect();
    fs::create_dir_all(folder)?;
    missing
        .into_iter()
        .try_for_each(|path| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
}

/// A root as the kernel spells it: processes of a run are known by paths below it.
pub(crate) fn resolved(root: &Path) -> Result<PathBuf> {
    root.canonicalize().map_err(Error::folder("open", root))
}

/// Wait for the lock that stands over all runs of a root: the root itself, so that no lock file stays behind.
pub(crate) fn lock_root(root: &Path) -> Result<fs::File> {
    let folder = fs::File::open(root).map_err(Error::folder("open", root))?;
    let locked = flock(&folder, FlockOperation::LockExclusive);
    locked.map_err(|errno| Error::folder("lock", root)(errno.into()))?;
    Ok(folder)
}

/// Take the lock of one run, if it is free.
pub(crate) fn try_lock(run: &Path) -> Result<Option<fs::File>> {
    let path = run.join(LOCK_FILE);
    let mut options = fs::OpenOptions::new();
    let opened = options.create(true).truncate(false).write(true).open(&path);
    let file = opened.map_err(Error::folder("open", &path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(errno) => Err(Error::folder("lock", &path)(errno.into())),
    }
}

/// A run's id is the name of a folder and part of what marks its processes.
fn is_run_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::{RunFolder, RunState, try_lock};

    #[test]
    fn a_run_holds_its_lock_for_life_and_leaves_no_folder() {
        let root = tempfile::tempdir().expect("a folder");
        let run = RunFolder::open(root.path(), "r1").expect("opened");
        let path = run.path().to_owned();
        assert!(try_lock(&path).expect("asked").is_none(), "the lock is held");
        drop(run);
        assert!(!path.exists());
    }

    #[test]
    fn two_runs_never_share_a_folder() {
        let root = tempfile::tempdir().expect("a folder");
        let _first = RunFolder::open(root.path(), "r1").expect("opened");
        let error = RunFolder::open(root.path(), "r1").expect_err("refused");
        assert!(error.to_string().starts_with("failed to create `"), "{error}");
    }

    #[test]
    fn an_id_that_is_no_plain_name_is_refused() {
        let root = tempfile::tempdir().expect("a folder");
        for id in ["", "..", "a/b", ".hidden"] {
            RunFolder::open(root.path(), id).expect_err(id);
        }
    }

    #[test]
    fn a_kept_folder_stays_and_its_lock_is_free() {
        let root = tempfile::tempdir().expect("a folder");
        let run = RunFolder::open(root.path(), "r1").expect("opened");
        assert!(run.close(true).is_empty());
        let path = run.path().to_owned();
        drop(run);
        assert!(try_lock(&path).expect("asked").is_some());
    }

    #[test]
    fn every_change_is_on_disk_at_once() {
        let root = tempfile::tempdir().expect("a folder");
        let run = RunFolder::open(root.path(), "r1").expect("opened");
        run.note(|state| state.ports.push(4711)).expect("noted");
        assert_eq!(RunState::read(run.path()).expect("read").ports, [4711]);
    }
}
