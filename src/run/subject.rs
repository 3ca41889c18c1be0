//! What a seal is put on: the commit, closure itself, the files the plan was drawn from, what runs, and what the
//! suite asks of its databases and services.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use super::{
    ground::Stand,
    seal::{ENGINE, Look},
};
use crate::{
    digest::Digest,
    gate::model::Sealed,
    probe::{Site, http, sql},
};

/// What must not change while a run goes on, as far as it stands on this machine.
pub(super) struct Subject {
    /// Folder of the compose file: where the commit is asked for.
    pub(super) root: PathBuf,
    /// Files the plan was drawn from.
    pub(super) files: BTreeSet<PathBuf>,
    /// Where the run itself writes: nothing in there makes a tree dirty.
    pub(super) artifacts: PathBuf,
}

impl Subject {
    /// Look at the repository, the files and our own program.
    pub(super) fn look(&self) -> Look {
        let mut parts = BTreeMap::from([
            ("git_sha".to_owned(), Ok(json!(commit(&self.root)))),
            (
                "git_dirty".to_owned(),
                Ok(json!(is_dirty(&self.root, Some(&self.artifacts)))),
            ),
            ("closure_sha256".to_owned(), Ok(json!(own_digest()))),
        ]);
        for path in &self.files {
            let digest = fs::read(path).ok().map(Digest::of);
            let name = path.strip_prefix(&self.root).unwrap_or(path);
            parts.insert(name.display().to_string(), Ok(json!(digest)));
        }
        Look {
            parts,
            ..Look::default()
        }
    }
}

/// The commit of the repository a folder is in; none outside of one.
pub(super) fn commit(folder: &Path) -> Option<String> {
    git(folder, &["rev-parse", "HEAD"])
}

/// Whether anything in the repository of a folder is not as it was committed; none outside of one. What a run itself
/// writes does not count.
pub(super) fn is_dirty(folder: &Path, artifacts: Option<&Path>) -> Option<bool> {
    let top = PathBuf::from(git(folder, &["rev-parse", "--show-toplevel"])?);
    let artifacts = artifacts.and_then(|path| path.canonicalize().ok());
    let ours = artifacts
        .as_ref()
        .and_then(|path| path.strip_prefix(&top).ok())
        // A former pack that was moved aside begins with the same name.
        .map(|path| format!(":(top,exclude){}*", path.display()));
    let mut words = vec!["status", "--porcelain", "--", ":/"];
    words.extend(ours.as_deref());
    Some(!git(folder, &words)?.is_empty())
}

/// Look at what runs: the program or the image of each service, and what others did to it; and at what the suite
/// asks of its databases and services.
pub(super) async fn standing(stand: &Stand, site: &Site) -> Look {
    let mut look = Look::default();
    if let Some(heard) = stand.topology.heard().await {
        let disturbed = heard.of_others.into_iter();
        look.disturbed = disturbed
            .map(|(service, what)| (part_of(&service), what))
            .collect();
        let whole = heard.missed.map_or_else(|| Ok(json!("heard")), Err);
        look.parts.insert(ENGINE.to_owned(), whole);
    }
    for seen in stand.topology.inspect_all().await {
        let what = json!({"image": seen.image, "image_id": seen.image_id, "digest": seen.digest});
        look.parts.insert(part_of(&seen.name), Ok(what));
    }
    for (service, tenure) in stand.topology.tenures().await {
        match tenure {
            Ok(tenure) => {
                let disturbed = tenure
                    .disturbed()
                    .map(|what| (part_of(&service), what.to_owned()));
                // Said shorter, and also where nothing was heard.
                look.disturbed.extend(disturbed);
            }
            Err(cause) => drop(look.parts.insert(part_of(&service), Err(cause.to_string()))),
        }
    }
    for (name, sealed) in &stand.suite.seal {
        look.parts.insert(name.clone(), answer(sealed, site).await);
    }
    look
}

/// Each service's life at this moment, for the record: the container's or the process's own name, and its start.
pub(super) async fn lives(stand: &Stand) -> Value {
    let tenures = stand.topology.tenures().await.into_iter();
    let ours = tenures.filter_map(|(service, tenure)| Some((service, tenure.ok()?.ours?)));
    json!(ours.collect::<BTreeMap<_, _>>())
}

fn part_of(service: &str) -> String {
    format!("service {service}")
}

async fn answer(sealed: &Sealed, site: &Site) -> Result<Value, String> {
    match sealed {
        Sealed::Rows { db, query } => Ok(json!(sql::rows_of(db, query, site).await?)),
        Sealed::Document { request } => Ok(json!(http::digest_of(request, site).await?)),
    }
}

/// The URL of the CI run we are part of, when there is one.
pub(super) fn run_url() -> Option<String> {
    let of = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let (server, repository, run) = (
        of("GITHUB_SERVER_URL")?,
        of("GITHUB_REPOSITORY")?,
        of("GITHUB_RUN_ID")?,
    );
    Some(format!("{server}/{repository}/actions/runs/{run}"))
}

/// The digest of the program that is running.
fn own_digest() -> Option<Digest> {
    let file = fs::File::open(env::current_exe().ok()?).ok()?;
    Some(Digest::of_reader(file).ok()?.0)
}

fn git(root: &Path, words: &[&str]) -> Option<String> {
    let asked = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(words)
        .output()
        .ok()?;
    asked
        .status
        .success()
        .then(|| String::from_utf8_lossy(&asked.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path, process::Command};

    use serde_json::{Value, json};

    use super::Subject;

    fn git(root: &Path, words: &[&str]) {
        let identity = ["-c", "user.name=t", "-c", "user.email=t@example.test"];
        let done = Command::new("git")
            .arg("-C")
            .arg(root)
            .args(identity)
            .args(words)
            .output()
            .expect("git is here");
        assert!(done.status.success(), "{words:?}: {done:?}");
    }

    fn repository() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        git(root.path(), &["init", "--quiet"]);
        fs::write(root.path().join("compose.yml"), "services: {}\n").expect("written");
        git(root.path(), &["add", "."]);
        git(root.path(), &["commit", "--quiet", "-m", "first"]);
        root
    }

    fn part(root: &Path, name: &str) -> Value {
        let root = root.canonicalize().expect("it is there");
        let subject = Subject {
            files: BTreeSet::from([root.join("compose.yml")]),
            artifacts: root.join("artifacts/pack"),
            root,
        };
        subject.look().parts[name].clone().expect("it can be seen")
    }

    #[test]
    fn a_commit_a_change_and_another_file_are_all_seen() {
        let root = repository();
        let (sha, file) = (part(root.path(), "git_sha"), part(root.path(), "compose.yml"));
        assert_eq!(part(root.path(), "git_dirty"), json!(false));
        fs::write(root.path().join("compose.yml"), "services: {a: {}}\n").expect("written");
        assert_eq!(part(root.path(), "git_dirty"), json!(true));
        assert_ne!(part(root.path(), "compose.yml"), file);
        git(root.path(), &["commit", "--quiet", "--all", "-m", "second"]);
        assert_eq!(part(root.path(), "git_dirty"), json!(false));
        assert_ne!(part(root.path(), "git_sha"), sha);
    }

    #[test]
    fn what_the_run_itself_writes_makes_no_tree_dirty() {
        let root = repository();
        for folder in ["artifacts/pack", "artifacts/pack.former"] {
            fs::create_dir_all(root.path().join(folder)).expect("made");
            fs::write(root.path().join(folder).join("plan.json"), "{}").expect("written");
        }
        assert_eq!(part(root.path(), "git_dirty"), json!(false));
        fs::write(root.path().join("artifacts/notes"), "").expect("written");
        assert_eq!(part(root.path(), "git_dirty"), json!(true));
    }

    #[test]
    fn outside_of_a_repository_nothing_is_known_of_a_commit() {
        let root = tempfile::tempdir().expect("a folder");
        assert_eq!(part(root.path(), "git_sha"), Value::Null);
        assert_eq!(part(root.path(), "git_dirty"), Value::Null);
        assert_eq!(part(root.path(), "compose.yml"), Value::Null);
    }
}
