//! Where this machine keeps its Postgres.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use crate::topology::error::{Error, Result};

/// Where Debian keeps one folder per major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// The folder that holds `initdb`, `postgres` and the clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) folder: PathBuf,
}

impl Binaries {
    /// Look in `PG_BIN`, then on PATH, then in Debian's places, where the newest version wins.
    ///
    /// # Errors
    /// When they are nowhere; the message says where we looked and what to install.
    pub(super) fn find() -> Result<Self> {
        let (given, path) = (env::var_os("PG_BIN"), env::var_os("PATH").unwrap_or_default());
        Self::find_in(given.as_deref(), &path, Path::new(DEBIAN))
    }

    fn find_in(given: Option<&OsStr>, path: &OsStr, debian: &Path) -> Result<Self> {
        // Who names a folder means that folder: falling back to another version would prove something else.
        if let Some(given) = given.filter(|given| !given.is_empty()) {
            let folder = PathBuf::from(given);
            return if is_complete(&folder) {
                Ok(Self { folder })
            } else {
                Err(missing("`PG_BIN`"))
            };
        }
        let on_path = env::split_paths(path).find(|folder| is_complete(folder));
        let folder = on_path.or_else(|| newest(debian)).ok_or_else(|| {
            missing(&format!(
                "`PG_BIN` (not set), PATH and `{}/*/bin`",
                debian.display()
            ))
        })?;
        Ok(Self { folder })
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn is_complete(folder: &Path) -> bool {
    ["initdb", "postgres"]
        .iter()
        .all(|program| folder.join(program).is_file())
}

fn newest(debian: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(debian).ok()?.flatten().map(|entry| entry.path());
    let complete = versions
        .map(|version| version.join("bin"))
        .filter(|bin| is_complete(bin));
    complete.max_by_key(|bin| {
        let version = bin.parent().and_then(Path::file_name).unwrap_or_default();
        version.to_string_lossy().parse::<u32>().unwrap_or(0)
    })
}

fn missing(looked: &str) -> Error {
    Error::Missing {
        program: "initdb".to_owned(),
        looked: looked.to_owned(),
        hint:
            "install PostgreSQL (`apt-get install postgresql-15`), or set `PG_BIN` to the folder that holds \
               `initdb` and `postgres`"
                .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        ffi::OsStr,
        fs,
        path::{Path, PathBuf},
    };

    use super::Binaries;

    fn installed(folder: &Path) -> PathBuf {
        fs::create_dir_all(folder).expect("made");
        for program in ["initdb", "postgres"] {
            fs::write(folder.join(program), "").expect("written");
        }
        folder.to_owned()
    }

    #[test]
    fn the_named_folder_comes_first_then_the_path_then_the_newest_of_debian() {
        let root = tempfile::tempdir().expect("a folder");
        let debian = root.path().join("debian");
        let nine = installed(&debian.join("9/bin"));
        let fifteen = installed(&debian.join("15/bin"));
        let on_path = installed(&root.path().join("path"));
        let find = |given: Option<&OsStr>, path: &OsStr| {
            Binaries::find_in(given, path, &debian).expect("found").folder
        };
        assert_eq!(find(Some(nine.as_os_str()), on_path.as_os_str()), nine);
        assert_eq!(find(None, on_path.as_os_str()), on_path);
        assert_eq!(find(None, OsStr::new("")), fifteen);
        assert_eq!(find(Some(OsStr::new("")), OsStr::new("")), fifteen);
    }

    #[test]
    fn found_nowhere_says_where_we_looked_and_what_to_install() {
        let error = Binaries::find_in(None, OsStr::new("/nowhere"), Path::new("/nowhere/postgresql"));
        assert_eq!(
            error.expect_err("nothing is there").to_string(),
            "found no `initdb` in `PG_BIN` (not set), PATH and `/nowhere/postgresql/*/bin`\n\
             hint: install PostgreSQL (`apt-get install postgresql-15`), or set `PG_BIN` to the folder that holds \
             `initdb` and `postgres`"
        );
    }

    #[test]
    fn a_named_folder_without_postgres_is_refused_rather_than_passed_over() {
        let root = tempfile::tempdir().expect("a folder");
        let good = installed(&root.path().join("15/bin"));
        let error = Binaries::find_in(Some(OsStr::new("/nowhere")), good.as_os_str(), root.path());
        assert!(
            error
                .expect_err("refused")
                .to_string()
                .starts_with("found no `initdb` in `PG_BIN`\n")
        );
    }
}
