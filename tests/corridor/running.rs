//! A run while it runs: what it has said so far, which run it is, and what it wrote down about itself.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;

use crate::suite::Said;

/// Long enough for a machine that compiles something else at the same time.
const PATIENCE: Duration = Duration::from_mins(3);

/// Runs share the machine. A run that starts cleans up after dead ones, and gates have deadlines: who needs the house
/// to itself takes it.
static HOUSE: RwLock<()> = RwLock::new(());

/// Until this is dropped nobody has the house to himself.
pub(crate) fn beside_others() -> RwLockReadGuard<'static, ()> {
    HOUSE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Until this is dropped no other test has a run.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    HOUSE.write().unwrap_or_else(PoisonError::into_inner)
}

/// A `closure run` that was started, at the head of a process group as a terminal would have it.
pub(crate) struct Running {
    child: Child,
    pack: PathBuf,
    paper: TempDir,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let paper = tempfile::tempdir().expect("a folder");
        let file = |name: &str| File::create(paper.path().join(name)).expect("made");
        let pack = folder_of(&command);
        command
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"));
        let child = command.process_group(0).spawn().expect("it can be started");
        Self { child, pack, paper }
    }

    /// Lines it has said on its way.
    pub(crate) fn lines(&self) -> usize {
        self.read("err").lines().count()
    }

    /// True once it has said this on its way.
    pub(crate) fn has_said(&self, words: &str) -> bool {
        self.read("err").contains(words)
    }

    /// The run's id; none before its record is open.
    pub(crate) fn id(&self) -> Option<String> {
        let timeline = fs::read_to_string(self.pack.join("timeline.jsonl")).ok()?;
        let first: Value = serde_json::from_str(timeline.lines().next()?).ok()?;
        Some(first.get("run_id")?.as_str()?.to_owned())
    }

    /// What it wrote down for whoever cleans up after it.
    pub(crate) fn state(&self) -> Option<Value> {
        let state = closure::topology::default_root()
            .join(self.id()?)
            .join("state.json");
        serde_json::from_slice(&fs::read(state).ok()?).ok()
    }

    /// Ask again and again until there is an answer; none when it ended before.
    pub(crate) fn until<T>(&mut self, ask: impl Fn(&Self) -> Option<T>) -> Option<T> {
        let begin = Instant::now();
        loop {
            let is_over = self.child.try_wait().expect("it is our child").is_some();
            let answer = ask(self);
            if answer.is_some() || is_over {
                return answer;
            }
            self.lose_patience(begin);
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// A signal to the process alone, as `kill` sends it.
    pub(crate) fn signal(&self, signal: Signal) {
        // It may have ended by itself meanwhile; how it ended is what a test looks at.
        let _gone_already = kill_process(self.pid(), signal);
    }

    /// A signal to everybody in the foreground, as a terminal sends it.
    pub(crate) fn signal_all(&self, signal: Signal) {
        let _gone_already = kill_process_group(self.pid(), signal);
    }

    /// Wait for its end.
    pub(crate) fn finish(mut self) -> Said {
        let begin = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            self.lose_patience(begin);
            thread::sleep(Duration::from_millis(5));
        };
        Said {
            code: status.code(),
            out: self.read("out"),
            err: self.read("err"),
        }
    }

    fn lose_patience(&mut self, begin: Instant) {
        if begin.elapsed() > PATIENCE {
            self.child.kill().expect("it is our child");
            panic!("it does not end:\n{}\n{}", self.read("out"), self.read("err"));
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn read(&self, name: &str) -> String {
        let mut bytes = Vec::new();
        let read = File::open(self.paper.path().join(name)).and_then(|mut file| file.read_to_end(&mut bytes));
        read.expect("it is ours");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Where a command puts its pack.
fn folder_of(command: &Command) -> PathBuf {
    let mut words = command.get_args().skip_while(|word| *word != "--artifact-dir");
    words.next();
    Path::new(words.next().expect("every run of ours names its folder")).to_owned()
}
