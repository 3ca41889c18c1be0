//! Programs and files of services: found, digested, and brought within reach of the account that needs them.

use std::{
    collections::HashMap,
    env,
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use super::account::Account;
use crate::{
    digest::Digest,
    topology::{error::Cause, run_folder::create_passable},
};

/// The search path of services that declare none: that of a clean system, not of whoever started us.
pub(super) const CLEAN_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The programs of one run.
#[derive(Debug)]
pub(super) struct Programs {
    /// The account services run under; none when it is ours.
    pub(super) account: Option<Account>,
    /// Copies of what the account could not reach where it was.
    copies: PathBuf,
    digests: Mutex<HashMap<(PathBuf, u64, SystemTime), Digest>>,
}

impl Programs {
    pub(super) fn new(account: Option<Account>, copies: PathBuf) -> Self {
        Self {
            account,
            copies,
            digests: Mutex::default(),
        }
    }

    /// The program of an argv: relative to `folder` when it holds a `/`, else found on `search`.
    pub(super) fn find(word: &str, folder: &Path, search: &str) -> Result<PathBuf, Cause> {
        if word.contains('/') {
            let path = folder.join(word);
            return if path.is_file() {
                Ok(path)
            } else {
                Err(format!("there is no program `{word}`").into())
            };
        }
        let candidates = env::split_paths(search).map(|folder| folder.join(word));
        let found = candidates.into_iter().find(|path| is_program(path));
        found.ok_or_else(|| format!("there is no program `{word}` on `{search}`").into())
    }

    /// The program where the account can execute it: itself, or a copy.
    pub(super) fn within_reach(&self, program: &Path) -> Result<PathBuf, Cause> {
        match &self.account {
            Some(account) if !account.can_reach(program) => self.copy(program, 0o755),
            _ => Ok(program.to_owned()),
        }
    }

    /// A word of an argv: when it names a file of `folder` that the account cannot read, the path of a copy of it.
    pub(super) fn readable(&self, word: &str, folder: &Path) -> Result<String, Cause> {
        let file = folder.join(word);
        match &self.account {
            Some(account) if !word.is_empty() && file.is_file() && !account.can_read(&file) => {
                Ok(self.copy(&file, 0o644)?.to_string_lossy().into_owned())
            }
            _ => Ok(word.to_owned()),
        }
    }

    /// True when a service can stand in this folder.
    pub(super) fn can_stand_in(&self, folder: &Path) -> bool {
        self.account
            .as_ref()
            .is_none_or(|account| account.can_reach(folder))
    }

    /// SHA-256 of a file, read once for each state of it: a debug build is large, and restarts should be quick.
    pub(super) fn digest(&self, file: &Path) -> io::Result<Digest> {
        let meta = file.metadata()?;
        let key = (file.to_owned(), meta.len(), meta.modified()?);
        let known = self
            .digests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if let Some(digest) = known {
            return Ok(digest);
        }
        let (digest, _) = Digest::of_reader(File::open(file)?)?;
        self.digests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, digest.clone());
        Ok(digest)
    }

    /// Copies are named by what they hold, so that a program built anew while the run lives is copied anew.
    fn copy(&self, file: &Path, mode: u32) -> Result<PathBuf, Cause> {
        let digest = self.digest(file)?;
        let folder = self.copies.join(&digest.as_str()[..16]);
        let copy = folder.join(file.file_name().unwrap_or_default());
        if !copy.exists() {
            create_passable(&folder)?;
            let fresh = folder.join(format!("{}.new", uuid::Uuid::new_v4()));
            fs::copy(file, &fresh)?;
            fs::set_permissions(&fresh, fs::Permissions::from_mode(mode))?;
            fs::rename(fresh, &copy)?;
        }
        Ok(copy)
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::{CLEAN_PATH, Programs};
    use crate::digest::Digest;

    #[test]
    fn a_bare_word_is_searched_for_and_a_path_is_relative_to_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("tool"), "").expect("written");
        let shell = Programs::find("sh", folder.path(), CLEAN_PATH).expect("there is a shell");
        assert!(shell.ends_with("sh") && shell.is_absolute());
        let tool = Programs::find("./tool", folder.path(), CLEAN_PATH).expect("it is there");
        assert!(tool.starts_with(folder.path()));
        let error = Programs::find("tool", folder.path(), CLEAN_PATH).expect_err("not on the search path");
        assert!(
            error.to_string().starts_with("there is no program `tool` on `"),
            "{error}"
        );
    }

    #[test]
    fn a_program_built_anew_has_another_digest() {
        let folder = tempfile::tempdir().expect("a folder");
        let programs = Programs::new(None, folder.path().join("copies"));
        let tool = folder.path().join("tool");
        fs::write(&tool, "old").expect("written");
        assert_eq!(programs.digest(&tool).expect("read"), Digest::of("old"));
        fs::write(&tool, "newer").expect("written");
        assert_eq!(programs.digest(&tool).expect("read"), Digest::of("newer"));
        assert_eq!(
            programs.within_reach(&tool).expect("ours"),
            tool,
            "our own account reaches its own files"
        );
        assert!(programs.can_stand_in(Path::new("/")));
    }
}
