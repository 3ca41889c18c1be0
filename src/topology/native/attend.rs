//! Stands by one process from its first byte to its end: follows what it says, asks for its health, and writes into
//! its life line what happened.

use std::{
    os::unix::process::ExitStatusExt as _,
    process::ExitStatus,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    process::Child,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::launch::Launch;
use crate::topology::{
    journal::Journal,
    life::{Health, Life, SETTLING, State},
    readiness::{Readiness, Words, spoken},
    substrate::LifeLine,
};

/// How long the last lines may take to arrive after the process that wrote them is gone.
const LAST_LINES: Duration = Duration::from_millis(500);

/// Everything one attendance needs.
pub(super) struct Attendance {
    pub(super) launch: Arc<Launch>,
    pub(super) journal: Arc<Journal>,
    pub(super) readiness: Option<Readiness>,
    pub(super) life: LifeLine,
}

impl Attendance {
    /// Attend a process until it ends. Its end is made known only after its last words were heard and the rest of
    /// its group was ended with it, as the end of a container's first process ends the container.
    pub(super) async fn attend(mut self, mut child: Child, group: Pid) {
        let mut voices = JoinSet::new();
        if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
            voices.spawn(Arc::clone(&self.journal).follow(out));
            voices.spawn(Arc::clone(&self.journal).follow(err));
        }
        let code = tokio::select! {
            ended = child.wait() => ended.map_or(-1, exit_code),
            () = self.watch() => -1,
        };
        // An error says that nobody is left in the group, which is what we want.
        let _empty = kill_process_group(group, Signal::KILL);
        let heard_all = async { while voices.join_next().await.is_some() {} };
        // Somebody who left the group may hold the other end for ever.
        let _late = timeout(LAST_LINES, heard_all).await;
        self.life.send_modify(|life| life.end(code));
    }

    /// Look for as long as the process lives; never returns.
    async fn watch(&mut self) {
        let Some(mut readiness) = self.readiness.take() else {
            sleep(SETTLING).await;
            self.life.send_modify(Life::settle);
            return std::future::pending().await;
        };
        let born = Instant::now();
        loop {
            if self.life.borrow().state != State::Paused {
                let (passed, words) = self.ask(readiness.patience()).await;
                let health = readiness.look(born.elapsed(), passed);
                self.tell(health, &words);
            }
            sleep(readiness.pause()).await;
        }
    }

    /// Ask once for its health, as the service itself would: same account, same environment.
    async fn ask(&self, patience: Duration) -> (bool, String) {
        let argv = self.launch.health.as_deref().unwrap_or_default();
        let child = match self.launch.command(argv).kill_on_drop(true).spawn() {
            Ok(child) => child,
            Err(error) => return (false, spoken(Words::NotStarted(&error.to_string()))),
        };
        let group = child
            .id()
            .and_then(|pid| i32::try_from(pid).ok())
            .and_then(Pid::from_raw);
        match timeout(patience, child.wait_with_output()).await {
            Ok(Ok(output)) => {
                let words = [output.stdout, output.stderr].concat();
                let words = String::from_utf8_lossy(&words).trim().to_owned();
                (
                    output.status.success(),
                    spoken(Words::Ended(exit_code(output.status), &words)),
                )
            }
            Ok(Err(error)) => (false, format!("the health check could not be heard: {error}")),
            Err(_) => {
                let _empty = group.map(|group| kill_process_group(group, Signal::KILL));
                (false, spoken(Words::TooLate(patience)))
            }
        }
    }

    fn tell(&self, health: Health, words: &str) {
        let words = self.journal.redacted(words);
        self.life.send_if_modified(|life| {
            let before = life.state;
            life.look(health, words);
            life.state != before
        });
    }
}

/// The code as shells and engines tell it: a signal is 128 + its number.
pub(super) fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1)
}
