//! One service of the compose file as a command line of this host: program, arguments, environment, folder.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
};

use rustix::process::Signal;
use tokio::process::Command;

use super::account::Account;
use crate::{compose::model::Mount, topology::census::MARKER};

/// Everything needed to start a service, or to ask for its health as the service itself would.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    /// The program, absolute, and its arguments.
    pub(super) argv: Vec<String>,
    /// What the compose file says, made true for this host; nothing else of ours but the marker.
    pub(super) environment: BTreeMap<String, String>,
    pub(super) folder: PathBuf,
    pub(super) account: Option<Account>,
    pub(super) marker: String,
    /// `sha256:` and the digits of the program.
    pub(super) digest: String,
    /// What asks it to end.
    pub(super) stop: Signal,
    /// The health command, when there is one.
    pub(super) health: Option<Vec<String>>,
    /// Postgres writes its title over its environment, which then cannot be read back.
    pub(super) keeps_environment: bool,
}

impl Launch {
    /// The command, in a process group of its own, with nothing inherited.
    pub(super) fn command(&self, argv: &[String]) -> Command {
        let mut command = Command::new(argv.first().map_or("", String::as_str));
        command
            .args(argv.iter().skip(1))
            .env_clear()
            .envs(&self.environment)
            .env(MARKER, &self.marker)
            .current_dir(&self.folder)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(account) = &self.account {
            account.assume(&mut command);
        }
        command
    }
}

/// A value that is, or lies under, the target of a mount, as the path it has on this host. The longest target wins.
pub(super) fn relocated(value: &str, mounts: &[(String, PathBuf)]) -> String {
    let inside = |target: &str| {
        let rest = value.strip_prefix(target.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/').to_owned())
    };
    let hits = mounts
        .iter()
        .filter_map(|(target, host)| Some((target.len(), inside(target)?, host)));
    match hits.max_by_key(|(length, ..)| *length) {
        None => value.to_owned(),
        Some((_, rest, host)) if rest.is_empty() => host.to_string_lossy().into_owned(),
        Some((_, rest, host)) => host.join(rest).to_string_lossy().into_owned(),
    }
}

/// Where a mount's source is on this host: a path of the compose file, or a volume, which is a folder of the run.
pub(super) fn source_of(mount: &Mount, compose_folder: &Path, volumes: &Path) -> PathBuf {
    if mount.source.starts_with(['.', '/']) {
        compose_folder.join(&mount.source)
    } else {
        volumes.join(&mount.source)
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Mount, relocated, source_of};

    fn mounts() -> Vec<(String, PathBuf)> {
        vec![
            ("/data".to_owned(), PathBuf::from("/run/volumes/data")),
            ("/data/shards/".to_owned(), PathBuf::from("/run/volumes/shards")),
        ]
    }

    #[test]
    fn a_value_under_a_mount_is_moved_and_every_other_value_is_left_alone() {
        let cases = [
            ("/data", "/run/volumes/data"),
            ("/data/x/y", "/run/volumes/data/x/y"),
            ("/data/shards", "/run/volumes/shards"),
            ("/data/shards/1", "/run/volumes/shards/1"),
            ("/database", "/database"),
            ("postgres://u@h/data", "postgres://u@h/data"),
            ("", ""),
        ];
        for (value, expected) in cases {
            assert_eq!(relocated(value, &mounts()), expected, "{value}");
        }
    }

    #[test]
    fn a_volume_is_a_folder_of_the_run_and_a_path_is_one_of_the_compose_file() {
        let mount = |source: &str| Mount {
            source: source.to_owned(),
            target: "/x".to_owned(),
            read_only: true,
        };
        let source = |name| source_of(&mount(name), Path::new("/repo"), Path::new("/run/volumes"));
        assert_eq!(source("shards"), Path::new("/run/volumes/shards"));
        assert_eq!(source("./fixtures"), Path::new("/repo/./fixtures"));
        assert_eq!(source("/etc/hosts"), Path::new("/etc/hosts"));
    }
}
