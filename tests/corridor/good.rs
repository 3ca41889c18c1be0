//! One passing pack for every test that needs one: made once, copied where it is going to be hurt.

use std::{fs, path::PathBuf, sync::LazyLock};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    copy::copy,
    running::{Running, alone},
    suite::{Said, Suite},
};

/// What the shell and a `.env` file say, and the run must not believe.
pub(crate) const NONSENSE: &str = "postgresql://shell:hearsay@192.0.2.1/nonsense";

/// A run that passed, although it was surrounded by lies.
pub(crate) struct Good {
    /// Its pack, unsealed and sealed; below the build's own folder, because nobody would remove it otherwise.
    pub(crate) pack: PathBuf,
    pub(crate) said: Said,
    /// What the run said of itself while it was up.
    pub(crate) state: Value,
    pub(crate) run: String,
    /// The password in the DSN that the living service was given.
    pub(crate) password: String,
}

/// The one good run.
pub(crate) fn good() -> &'static Good {
    static GOOD: LazyLock<Good> = LazyLock::new(make);
    &GOOD
}

impl Good {
    /// The sealed pack.
    pub(crate) fn archive(&self) -> PathBuf {
        self.pack.join("closure_pack_artifact.zip")
    }

    /// A copy of the pack's folder, to be hurt.
    pub(crate) fn copy(&self) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        copy(&self.pack, folder.path());
        folder
    }
}

fn make() -> Good {
    let suite = Suite::mini();
    fs::write(
        suite.folder().join(".env"),
        format!("MINI_DATABASE_URL={NONSENSE}\n"),
    )
    .expect("written");
    let mut command = suite.command(&["--json"]);
    command
        .env("MINI_DATABASE_URL", NONSENSE)
        .env("DATABASE_URL", NONSENSE)
        .current_dir(suite.folder());
    let _silence = alone();
    let mut running = Running::start(command);
    let found = running.until(|running| {
        let state = running.state()?;
        let password = password_of(leader(&state, "live/counter")?)?;
        Some((running.id()?, state, password))
    });
    let said = running.finish();
    let (run, state, password) = found.unwrap_or_else(|| panic!("the service was never up: {said:?}"));
    let pack = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("good");
    if pack.exists() {
        fs::remove_dir_all(&pack).expect("it is ours");
    }
    copy(&suite.pack(), &pack);
    Good {
        pack,
        said,
        state,
        run,
        password,
    }
}

/// The process that leads the group of a service.
pub(crate) fn leader(state: &Value, service: &str) -> Option<u64> {
    let groups = state["groups"].as_array()?;
    groups.iter().find(|group| group["service"] == service)?["pid"].as_u64()
}

/// The password in the `DATABASE_URL` that a living process was given.
fn password_of(pid: u64) -> Option<String> {
    let dsn = dsn_of(pid)?;
    let (credentials, _) = dsn.split_once("://")?.1.split_once('@')?;
    Some(credentials.split_once(':')?.1.to_owned())
}

/// The `DATABASE_URL` that a living process was given.
pub(crate) fn dsn_of(pid: u64) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut variables = environment.split(|byte| *byte == 0);
    let dsn = variables.find_map(|variable| variable.strip_prefix(b"DATABASE_URL="))?;
    Some(String::from_utf8(dsn.to_vec()).expect("a DSN is text"))
}
