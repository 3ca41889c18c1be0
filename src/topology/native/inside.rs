//! A program as a child beside a service: told everything on its standard input, heard until it ends, and gone when
//! nobody waits for it any more.

use std::{path::Path, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
    time::timeout,
};

use super::{account::Account, attend::exit_code};
use crate::topology::{census::MARKER, error::Cause, substrate::Executed};

/// The most it may say: several times what a look may hold.
const LONGEST: u64 = 64 << 20;

/// The command, with nothing inherited but what `clean` knows it by.
pub(super) fn command(closure: &Path, account: Option<&Account>, marker: &str) -> Command {
    let mut command = Command::new(closure);
    command
        .env_clear()
        .env(MARKER, marker)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(account) = account {
        account.assume(&mut command);
    }
    command
}

/// Run a command to its end, telling it `input`.
pub(super) async fn converse(
    mut command: Command,
    input: &[u8],
    within: Duration,
) -> Result<Executed, Cause> {
    let mut child = command.spawn()?;
    let mut group = Group(child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)));
    if let Ok(said) = timeout(within, hear(&mut child, input)).await {
        if said.is_ok() {
            // It has ended, and its id may be somebody else's by now.
            group.0 = None;
        }
        return said;
    }
    drop(group);
    // It may have ended in this very moment, which is as good.
    let _ended_already = child.kill().await;
    Err(format!("it did not answer within {} ms", within.as_millis()).into())
}

/// The group of a child that was not heard to its end: whatever it started ends with it.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        // One that has ended by itself needs no ending.
        let _gone = self.0.map(|group| kill_process_group(group, Signal::KILL));
    }
}

async fn hear(child: &mut Child, input: &[u8]) -> Result<Executed, Cause> {
    let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(mut stdin), Some(stdout), Some(stderr)) = pipes else {
        return Err("it cannot be spoken to".into());
    };
    let tell = async {
        // Whoever ends without listening says why by other means.
        let _deaf = stdin.write_all(input).await;
        drop(stdin);
        Ok::<(), Cause>(())
    };
    let ((), stdout, stderr) = tokio::try_join!(tell, all_of(stdout), all_of(stderr))?;
    Ok(Executed {
        exit_code: exit_code(child.wait().await?),
        stdout,
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}

async fn all_of(pipe: impl AsyncRead + Unpin) -> Result<Vec<u8>, Cause> {
    let mut bytes = Vec::new();
    let read = pipe.take(LONGEST + 1).read_to_end(&mut bytes).await?;
    if read as u64 > LONGEST {
        return Err(format!("it says more than {} MiB", LONGEST >> 20).into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::{Executed, command, converse};
    use crate::topology::census::{Census, Marks};

    const SOON: Duration = Duration::from_secs(30);

    fn shell(script: &str) -> tokio::process::Command {
        let mut shell = command(Path::new("/bin/sh"), None, "marked");
        shell.args(["-c", script]);
        shell
    }

    #[tokio::test]
    async fn what_it_is_told_and_what_it_says_arrive_whole() {
        let long = "x".repeat(300_000);
        let heard = converse(shell("cat; echo aside >&2; exit 3"), long.as_bytes(), SOON)
            .await
            .expect("heard");
        let expected = Executed {
            exit_code: 3,
            stdout: long.into_bytes(),
            stderr: "aside\n".into(),
        };
        assert_eq!(heard, expected);
    }

    #[tokio::test]
    async fn it_inherits_nothing_but_the_marker() {
        let heard = converse(shell("/usr/bin/env; pwd"), b"", SOON)
            .await
            .expect("heard");
        let lines = String::from_utf8(heard.stdout).expect("text");
        let mut names: Vec<&str> = lines.lines().collect();
        // The shell adds these by itself.
        names.retain(|line| {
            !line.starts_with("PWD=") && !line.starts_with("_=") && !line.starts_with("SHLVL=")
        });
        assert_eq!(names, ["CLOSURE_RUN_ID=marked", "/"]);
    }

    #[tokio::test]
    async fn one_that_does_not_answer_is_ended() {
        let marker = "inside-too-late";
        let mut sleeper = command(Path::new("/bin/sh"), None, marker);
        sleeper.args(["-c", "exec sleep 600"]);
        let error = converse(sleeper, b"", Duration::from_millis(200))
            .await
            .expect_err("too late");
        assert_eq!(error.to_string(), "it did not answer within 200 ms");
        let left = Census::take().of_run(Marks {
            marker,
            folder: Path::new("/nowhere"),
            leaders: &[],
        });
        assert!(left.is_empty(), "{left:?}");
    }

    #[tokio::test]
    async fn one_that_ends_without_listening_is_heard_all_the_same() {
        let heard = converse(shell("exec 0<&-; echo no; exit 1"), &vec![b'x'; 1 << 20], SOON)
            .await
            .expect("heard");
        assert_eq!((heard.exit_code, heard.stdout.as_slice()), (1, &b"no\n"[..]));
    }
}
