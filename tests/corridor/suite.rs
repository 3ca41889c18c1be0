//! A copy of `fixtures/mini` that a test may change, and the binary over it.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    copy::copy,
    running::{Running, alone, beside_others},
};

/// The binary under test.
pub(crate) fn closure() -> Command {
    Command::new(env!("CARGO_BIN_EXE_closure"))
}

/// A file of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A suite of its own, with room beside it for a pack.
pub(crate) struct Suite {
    root: TempDir,
}

impl Suite {
    pub(crate) fn mini() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        // Services run as somebody else when we are root, and must be able to stand in it.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).expect("opened to all");
        copy(&repository("fixtures/mini"), &root.path().join("mini"));
        Self { root }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.root.path().join("mini")
    }

    /// Where its pack goes.
    pub(crate) fn pack(&self) -> PathBuf {
        self.root.path().join("pack")
    }

    /// Put other words in the place of some that stand in a file exactly once.
    pub(crate) fn reword(self, file: &str, from: &str, to: &str) -> Self {
        let path = self.folder().join(file);
        let text = fs::read_to_string(&path).expect("the fixture has this file");
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {file}");
        fs::write(path, text.replace(from, to)).expect("written");
        self
    }

    /// `closure run` over it, as it would be typed, into [`Suite::pack`]; as processes of this host.
    pub(crate) fn command(&self, more: &[&str]) -> Command {
        self.command_on("native", more)
    }

    /// The same on another substrate.
    pub(crate) fn command_on(&self, substrate: &str, more: &[&str]) -> Command {
        let mut command = closure();
        command.arg("run").arg("--suite").arg(self.folder());
        command.arg("--artifact-dir").arg(self.pack());
        command.args(["--substrate", substrate]).args(more);
        command
    }

    /// Run it to its end, while no test asks for silence.
    pub(crate) fn run(&self, more: &[&str]) -> Said {
        self.run_on("native", more)
    }

    /// The same on another substrate. Containers keep the whole machine busy while they are made, and gates have
    /// deadlines: no other test runs beside them.
    pub(crate) fn run_on(&self, substrate: &str, more: &[&str]) -> Said {
        let run = || Running::start(self.command_on(substrate, more)).finish();
        if substrate == "native" {
            let _together = beside_others();
            run()
        } else {
            let _silence = alone();
            run()
        }
    }
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    /// None when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn by(command: &mut Command) -> Self {
        command.output().expect("it can be started").into()
    }

    /// It must have ended with this code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{}\n{}", self.out, self.err);
        self
    }

    /// It must have said each of these.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            let said = self.out.contains(word) || self.err.contains(word);
            assert!(said, "nobody said `{word}`:\n{}\n{}", self.out, self.err);
        }
        self
    }

    /// What it printed, as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}:\n{}\n{}", self.out, self.err))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }
}

/// `closure verify`.
pub(crate) fn verify(pack: &Path) -> Said {
    Said::by(closure().arg("verify").arg(pack))
}

/// Every file below a folder, with its name relative to it, sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(below) = pending.pop() {
        for path in fs::read_dir(&below)
            .expect("a folder")
            .flatten()
            .map(|entry| entry.path())
        {
            if path.is_dir() {
                pending.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .expect("below it")
                    .to_string_lossy()
                    .into_owned();
                files.push((name, fs::read(path).expect("a file")));
            }
        }
    }
    files.sort();
    files
}
