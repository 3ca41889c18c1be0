//! Takes away what runs left that were killed without a chance to do it themselves. A run whose lock is held lives,
//! and is not touched.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{
    census::extinguish,
    docker,
    error::{Error, Leftover, Result},
    run_folder::{LOCK_FILE, VANISHING, lock_root, marks, remove, resolved, survivors_left, try_lock},
    state::RunState,
    substrate::On,
};

/// What was removed of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    /// The run.
    pub run: String,
    /// Id and command of every process that was killed.
    pub processes: Vec<(u32, String)>,
    /// Containers, networks, volumes and images of an engine, in words.
    pub things: Vec<String>,
    /// Ports it had been given.
    pub ports: Vec<u16>,
    /// Its folder, removed.
    pub folder: PathBuf,
}

/// Remove every run below `root` whose lock is free: its processes, what it has on an engine, then its folder. A root
/// that does not exist has nothing to clean.
///
/// # Errors
/// When a folder cannot be read or locked, or something cannot be taken away. Every other run is cleaned all the same,
/// and the folder of one that was not cleaned whole stays, so that a later clean finishes it.
pub fn clean(root: &Path) -> Result<Vec<Cleaned>> {
    if !root.exists() {
        return Ok(Vec::new());
    }
    let root = &resolved(root)?;
    let _root_lock = lock_root(root)?;
    let entries = fs::read_dir(root).map_err(Error::folder("read", root))?;
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    folders.sort();
    // A link is not a run: what it points to is not ours to remove.
    folders.retain(|path| path.symlink_metadata().is_ok_and(|meta| meta.is_dir()));
    let (mut cleaned, mut left) = (Vec::new(), Vec::new());
    for folder in folders {
        match clean_run(&folder) {
            Ok(run) => cleaned.extend(run),
            Err(Error::Left(of_run)) => left.extend(of_run),
            Err(error) => return Err(error),
        }
    }
    if left.is_empty() {
        Ok(cleaned)
    } else {
        Err(Error::Left(left))
    }
}

fn clean_run(folder: &Path) -> Result<Option<Cleaned>> {
    // A folder that holds something but no lock is not a run's, whatever root we were told. One that holds nothing
    // was killed before it had more than its name.
    let is_empty = fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if !is_empty && !folder.join(LOCK_FILE).exists() {
        return Ok(None);
    }
    let Some(_lock) = lock_of_the_dead(folder)? else {
        return Ok(None);
    };
    let run = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let state = RunState::read(folder);
    let leaders = state.as_ref().map(RunState::leaders).unwrap_or_default();
    let (killed, survivors) = extinguish(marks(folder, &run, &leaders), VANISHING);
    let mut left = survivors_left(&survivors);
    let things = things_of(&run, state.as_ref()).unwrap_or_else(|of_engine| {
        left.extend(of_engine);
        Vec::new()
    });
    // The folder says where the rest is.
    if left.is_empty() {
        left.extend(remove(folder));
    }
    if !left.is_empty() {
        return Err(Error::Left(left));
    }
    Ok(Some(Cleaned {
        run,
        processes: killed.into_iter().map(|one| (one.id.pid, one.command)).collect(),
        things,
        ports: state.map(|state| state.ports).unwrap_or_default(),
        folder: folder.to_owned(),
    }))
}

/// What a run has on the engine it stood on, removed.
fn things_of(run: &str, state: Option<&RunState>) -> Result<Vec<String>, Vec<Leftover>> {
    match state.map(|state| (state.substrate, &state.engine)) {
        Some((On::Docker, Some(engine))) => docker::clean(run, engine),
        _ => Ok(Vec::new()),
    }
}

/// The lock of a run, if nobody lives who holds it. A process that was being started when its run was killed holds
/// the lock as well, until it becomes the program it was to be: such a one is waited for.
fn lock_of_the_dead(folder: &Path) -> Result<Option<fs::File>> {
    let deadline = Instant::now() + VANISHING;
    loop {
        let lock = try_lock(folder)?;
        let owner = RunState::read(folder).and_then(|state| state.owner);
        let owner_is_dead = owner.is_some_and(|owner| !owner.is_alive());
        if lock.is_some() || !owner_is_dead || Instant::now() >= deadline {
            return Ok(lock);
        }
        thread::sleep(Duration::from_millis(5));
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::process::CommandExt as _,
        process::{Child, Command},
    };

    use super::{On, clean};
    use crate::topology::{
        census::{Identity, MARKER},
        run_folder::RunFolder,
        state::RunState,
    };

    fn sleeper(marker: Option<&str>) -> Child {
        let mut command = Command::new("sleep");
        command.arg("600").process_group(0);
        if let Some(marker) = marker {
            command.env(MARKER, marker);
        }
        command.spawn().expect("sleep is there")
    }

    #[test]
    fn what_a_killed_run_left_is_taken_away() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("clean-dead");
        fs::create_dir_all(folder.join("live/cluster")).expect("made");
        fs::write(folder.join("lock"), "").expect("written");
        let (mut known, mut wandered) = (sleeper(None), sleeper(Some("clean-dead")));
        let mut state = RunState::new("clean-dead");
        state.ports = vec![4711];
        state.replace_group("live/api".to_owned(), Identity::of(known.id()).expect("it lives"));
        state.write(&folder).expect("written");

        let cleaned = clean(root.path()).expect("cleaned");

        let mut pids: Vec<u32> = cleaned[0].processes.iter().map(|(pid, _)| *pid).collect();
        pids.sort_unstable();
        let mut expected = [known.id(), wandered.id()];
        expected.sort_unstable();
        assert_eq!(pids, expected);
        assert_eq!(cleaned[0].ports, [4711]);
        assert!(!folder.exists());
        known.wait().expect("it is our child");
        wandered.wait().expect("it is our child");
    }

    #[test]
    fn a_run_that_lives_is_not_touched() {
        let root = tempfile::tempdir().expect("a folder");
        let run = RunFolder::open(root.path(), "clean-live").expect("opened");
        let mut child = sleeper(Some("clean-live"));
        assert_eq!(clean(root.path()).expect("cleaned"), []);
        assert!(run.path().join("state.json").exists());
        assert!(Identity::of(child.id()).is_some());
        drop(run);
        child.wait().expect("dropping the run killed it");
    }

    #[test]
    fn a_process_that_only_has_the_same_id_as_one_of_the_run_is_not_touched() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("clean-reused");
        fs::create_dir(&folder).expect("made");
        fs::write(folder.join("lock"), "").expect("written");
        let mut stranger = sleeper(None);
        let id = Identity::of(stranger.id()).expect("it lives");
        let mut state = RunState::new("clean-reused");
        state.replace_group(
            "live/api".to_owned(),
            Identity {
                start_time: id.start_time - 1,
                ..id
            },
        );
        state.write(&folder).expect("written");

        let cleaned = clean(root.path()).expect("cleaned");

        assert_eq!(cleaned[0].processes, []);
        assert!(id.is_alive());
        stranger.kill().expect("ours to end");
        stranger.wait().expect("it is our child");
    }

    #[test]
    fn a_run_killed_before_it_wrote_its_state_is_known_by_its_folder() {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir(root.path().join("clean-early")).expect("made");
        let cleaned = clean(root.path()).expect("cleaned");
        assert_eq!(cleaned[0].run, "clean-early");
        assert_eq!(
            clean(root.path()).expect("cleaned"),
            [],
            "nothing is left to clean"
        );
    }

    #[test]
    fn a_run_whose_engine_is_silent_keeps_its_folder_and_the_others_are_cleaned() {
        let root = tempfile::tempdir().expect("a folder");
        let socket = root.path().join("no-engine.sock");
        for run in ["clean-a", "clean-b"] {
            let folder = root.path().join(run);
            fs::create_dir(&folder).expect("made");
            fs::write(folder.join("lock"), "").expect("written");
            let mut state = RunState::new(run);
            if run == "clean-a" {
                state.substrate = On::Docker;
                state.engine = Some(socket.clone());
            }
            state.write(&folder).expect("written");
        }
        let error = clean(root.path())
            .expect_err("the engine is not there")
            .to_string();
        let expected = "the run left something behind\n  whatever carries the label `closure.run=clean-a` may still be \
                        there: the Docker engine does not answer at `";
        assert!(error.starts_with(expected), "{error}");
        assert!(root.path().join("clean-a/state.json").exists());
        assert!(!root.path().join("clean-b").exists());
    }

    #[test]
    fn a_folder_that_is_not_a_runs_is_left_alone_whatever_root_was_named() {
        let root = tempfile::tempdir().expect("a folder");
        let letters = root.path().join("letters");
        fs::create_dir(&letters).expect("made");
        fs::write(letters.join("to-mother"), "").expect("written");
        assert_eq!(clean(root.path()).expect("cleaned"), []);
        assert!(letters.join("to-mother").exists());
    }
}
