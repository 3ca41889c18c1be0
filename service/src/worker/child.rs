//! The computing process: this binary again, in a process group of its own, with one request on stdin, one answer on
//! stdout and nothing of the environment. It can be killed whatever it does, and it does not outlive its worker.

use std::{process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
};

use super::watch::{Stop, Watch};
use crate::tasks::{Computed, Overrun, TaskError};

/// This binary as it runs, also when the file was replaced meanwhile.
const SELF: &str = "/proc/self/exe";

/// An answer longer than this is none.
const LONGEST_ANSWER: u64 = 4 << 20;

/// How long a killed process may take to be gone.
const BURIAL: Duration = Duration::from_secs(5);

/// What the child is asked: one JSON object.
#[derive(Serialize, Deserialize)]
pub(crate) struct Request {
    /// Who asks: a child whose parent is another was left behind before it could notice.
    pub(crate) worker: u32,
    /// The task's name.
    pub(crate) task: String,
    /// What is to be computed.
    pub(crate) input: Value,
}

/// What the child answers: one JSON object.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// The result.
    Computed(Value),
    /// Why it cannot be computed.
    Refused(String),
}

/// Has `input` computed by a process of its own. At the soft limit its group is asked to end, at the hard limit, or when
/// the lease is lost, killed.
pub(super) async fn compute(task: &str, input: Value, watch: &mut Watch<'_>) -> Result<Computed, TaskError> {
    let request = Request {
        worker: std::process::id(),
        task: task.to_owned(),
        input,
    };
    let request = serde_json::to_vec(&request).map_err(|_| TaskError::Failed("the request is no JSON"))?;
    let mut command = Command::new(SELF);
    command.arg("compute").env_clear();
    within(command, &request, watch).await
}

async fn within(mut command: Command, request: &[u8], watch: &mut Watch<'_>) -> Result<Computed, TaskError> {
    let mut child = command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| TaskError::Computing(format!("was not started: {}", error.kind())))?;
    let group = Group::of(&child)?;
    let answer = answer(&mut child, request);
    tokio::pin!(answer);

    let mut stop = tokio::select! {
        answer = &mut answer => return answer.map(Ok),
        stop = watch.soft() => stop,
    };
    if stop == Stop::Soft {
        group.signal(Signal::TERM);
        stop = tokio::select! {
            // One that was asked to end may still answer; one that just ends has been cancelled.
            answer = &mut answer => return Ok(answer.map_err(|_| Overrun::Soft)),
            stop = watch.hard() => stop,
        };
    }
    group.signal(Signal::KILL);
    if tokio::time::timeout(BURIAL, answer).await.is_err() {
        tracing::error!(group = %group.0, "a killed process was not seen gone");
    }
    if stop == Stop::Lost {
        return Err(TaskError::Lost);
    }
    Ok(Err(Overrun::Hard))
}

/// The answer of a child that ended well.
async fn answer(child: &mut Child, request: &[u8]) -> Result<Value, TaskError> {
    let broken = |error: std::io::Error| TaskError::Computing(format!("cannot be reached: {}", error.kind()));
    if let Some(mut stdin) = child.stdin.take() {
        // One that ends before it has read everything is judged by how it ended.
        let _ = stdin.write_all(request).await;
    }
    let mut text = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout
            .take(LONGEST_ANSWER)
            .read_to_end(&mut text)
            .await
            .map_err(broken)?;
    }
    let status = child.wait().await.map_err(broken)?;
    if !status.success() {
        return Err(TaskError::Computing(format!("ended with {status}")));
    }
    match serde_json::from_slice(&text) {
        Ok(Answer::Computed(value)) => Ok(value),
        Ok(Answer::Refused(why)) => Err(TaskError::Declined(why)),
        Err(_) => Err(TaskError::Computing("gave no answer".to_owned())),
    }
}

/// A process group. Killed when dropped: of one that ended well, whatever it left behind.
struct Group(Pid);

impl Group {
    fn of(child: &Child) -> Result<Self, TaskError> {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let id = id.and_then(Pid::from_raw);
        id.map(Self)
            .ok_or_else(|| TaskError::Computing("ended at once".to_owned()))
    }

    fn signal(&self, signal: Signal) {
        if let Err(error) = kill_process_group(self.0, signal) {
            tracing::debug!(group = %self.0, %error, "no such group");
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sqlx::PgPool;
    use tokio::time::Instant;

    use super::*;
    use crate::{queue::Task, settings::Limits};

    const LIMITS: Limits = Limits {
        soft: Duration::from_millis(300),
        hard: Duration::from_millis(600),
    };

    /// What a shell makes of this script, under a watch that never asks the database.
    async fn of(script: &str, folder: &Path) -> Result<Computed, TaskError> {
        let nowhere = PgPool::connect_lazy("postgresql://nobody@127.0.0.1:1/nowhere").expect("lazy");
        let task = Task {
            id: uuid::Uuid::nil(),
            queue: "llm".to_owned(),
            name: "x".to_owned(),
            tenant_id: None,
            args: Value::Null,
            correlation_id: uuid::Uuid::nil(),
            attempts: 1,
            retry_count: 0,
        };
        let mut watch = Watch::new(&nowhere, &task, Instant::now(), Duration::from_hours(1), LIMITS);
        let mut command = Command::new("sh");
        command.arg("-c").arg(script).current_dir(folder);
        within(command, b"", &mut watch).await
    }

    fn runs(folder: &Path, file: &str) -> bool {
        let id = std::fs::read_to_string(folder.join(file)).expect("it was written");
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim()));
        stat.is_ok_and(|stat| !stat.contains(") Z"))
    }

    #[tokio::test]
    async fn a_group_that_is_deaf_is_killed_as_a_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = "trap '' TERM; sleep 600 & echo $! > grandchild; echo $$ > child; wait; sleep 600";
        let computed = of(script, folder.path()).await;
        assert!(matches!(computed, Ok(Err(Overrun::Hard))), "{computed:?}");
        for file in ["child", "grandchild"] {
            // The orphan is reaped by whoever adopts orphans.
            let until = Instant::now() + Duration::from_secs(10);
            while runs(folder.path(), file) {
                assert!(Instant::now() < until, "the {file} runs");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }

    #[tokio::test]
    async fn one_that_listens_ends_at_its_soft_limit_and_may_still_answer() {
        let folder = tempfile::tempdir().expect("a folder");
        let computed = of("exec sleep 600", folder.path()).await;
        assert!(matches!(computed, Ok(Err(Overrun::Soft))), "{computed:?}");
        let script = r#"trap 'echo "{\"computed\":7}"; exit 0' TERM; while true; do sleep 0.05; done"#;
        let computed = of(script, folder.path()).await;
        assert!(matches!(&computed, Ok(Ok(value)) if value == 7), "{computed:?}");
    }

    #[tokio::test]
    async fn one_that_gives_no_answer_is_told_by_how_it_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        for (script, words) in [
            ("exit 3", "the computing process ended with exit status: 3"),
            ("echo hello", "the computing process gave no answer"),
            (r#"echo '{"refused":"it is too much"}'"#, "it is too much"),
        ] {
            let error = of(script, folder.path()).await.expect_err(script);
            assert_eq!(error.to_string(), words);
        }
    }
}
