//! `compute`: what the worker starts for a task that computes. It is this binary, so there is nothing to install beside
//! it; it has no settings, no database and no log, only a request on stdin and an answer on stdout.

use std::io::Write as _;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::{
    tasks::{self, Work},
    worker::{Answer, Request},
};

/// Computes one answer.
pub(crate) fn run() -> anyhow::Result<()> {
    // First of all: whoever asked may be killed at any time, and nobody else waits for the answer.
    set_parent_process_death_signal(Some(Signal::KILL)).context("the worker's end cannot be followed")?;
    let request: Request = serde_json::from_reader(std::io::stdin()).context("stdin is not a request")?;
    if getppid().map(Pid::as_raw_pid) != i32::try_from(request.worker).ok() {
        bail!("the worker that asked has ended");
    }
    let entry = tasks::CATALOGUE.iter().find(|entry| entry.name == request.task);
    let Some(Work::Computing(computing)) = entry.map(|entry| &entry.work) else {
        bail!("`{}` is not a task that computes", request.task);
    };
    let answer = match (computing.compute)(&request.input) {
        Ok(value) => Answer::Computed(value),
        Err(why) => Answer::Refused(why.to_owned()),
    };
    std::io::stdout()
        .lock()
        .write_all(&serde_json::to_vec(&answer)?)?;
    Ok(())
}
