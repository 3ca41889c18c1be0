//! Runs that died without tidying up. Only looked for here; `clean` takes them away.

use std::{fs, path::Path};

use super::run_folder::{LOCK_FILE, try_lock};

/// The runs below a root whose lock is free, sorted.
pub fn stale(root: &Path) -> Vec<String> {
    let folders = fs::read_dir(root).into_iter().flatten().flatten();
    let dead = folders.filter(|entry| {
        let path = entry.path();
        // One without a lock is nobody's run, and asking for its lock would make one.
        path.join(LOCK_FILE).is_file() && try_lock(&path).is_ok_and(|lock| lock.is_some())
    });
    let mut runs: Vec<String> = dead
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    runs.sort();
    runs
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::stale;
    use crate::topology::run_folder::RunFolder;

    #[test]
    fn a_run_that_lives_and_a_folder_that_is_no_run_are_not_stale() {
        let root = tempfile::tempdir().expect("a folder");
        let _lives = RunFolder::open(root.path(), "lives").expect("opened");
        fs::create_dir(root.path().join("letters")).expect("made");
        fs::create_dir(root.path().join("dead")).expect("made");
        fs::write(root.path().join("dead/lock"), "").expect("written");
        assert_eq!(stale(root.path()), ["dead"]);
        assert!(!root.path().join("letters/lock").exists());
        assert_eq!(stale(&root.path().join("nowhere")), Vec::<String>::new());
    }
}
