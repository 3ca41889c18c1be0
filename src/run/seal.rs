//! The seal: what the plan was carried out on, looked at again at every boundary between gates.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Map, Value, json};

use crate::digest::Digest;

/// What must not change while a run goes on.
pub(super) struct Subject {
    /// Folder of the compose file: where the commit is asked for.
    pub(super) root: PathBuf,
    /// Files the plan was drawn from, as they were read: path and digest.
    pub(super) files: BTreeMap<PathBuf, Digest>,
}

/// The seal of one run.
pub(super) struct Seal {
    subject: Subject,
    first: BTreeMap<String, Value>,
    boundaries: Vec<Value>,
}

impl Seal {
    /// Look at the subject for the first time.
    pub(super) fn begin(subject: Subject) -> Self {
        let first = subject.look();
        Self {
            subject,
            first,
            boundaries: Vec::new(),
        }
    }

    /// Look again: what changed since the beginning, by name.
    pub(super) fn boundary(&mut self, at: &str, t_ms: u64) -> Vec<String> {
        let now = self.subject.look();
        let mut changed = Map::new();
        for (name, first) in &self.first {
            let seen = now.get(name).unwrap_or(&Value::Null);
            if seen != first {
                changed.insert(name.clone(), json!({"first": first, "now": seen}));
            }
        }
        let names = changed.keys().cloned().collect();
        self.boundaries
            .push(json!({"at": at, "t_ms": t_ms, "changed": changed}));
        names
    }

    /// What goes to paper besides the boundaries.
    pub(super) fn first(&self) -> &BTreeMap<String, Value> {
        &self.first
    }

    /// Every boundary so far.
    pub(super) fn boundaries(&self) -> &[Value] {
        &self.boundaries
    }
}

impl Subject {
    fn look(&self) -> BTreeMap<String, Value> {
        let mut seen = BTreeMap::from([
            (
                "git_sha".to_owned(),
                json!(git(&self.root, &["rev-parse", "HEAD"])),
            ),
            ("closure_sha256".to_owned(), json!(own_digest())),
        ]);
        for path in self.files.keys() {
            let digest = fs::read(path).ok().map(Digest::of);
            let name = path
                .strip_prefix(&self.root)
                .unwrap_or(path)
                .display()
                .to_string();
            seen.insert(name, json!(digest));
        }
        seen
    }
}

/// The commit and whether the tree is clean; nulls outside a repository.
pub(super) fn git_state(root: &Path) -> Value {
    let status = git(root, &["status", "--porcelain"]);
    json!({"sha": git(root, &["rev-parse", "HEAD"]), "dirty": status.map(|status| !status.is_empty())})
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
pub(super) fn own_digest() -> Option<Digest> {
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
