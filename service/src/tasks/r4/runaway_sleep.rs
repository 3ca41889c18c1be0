//! `r4.runaway_sleep`: a computation that does not end, and does not listen when it is asked to.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    settings::Limits,
    tasks::{Computed, Computing, Ending, Job, TaskError, deaf},
};

/// Its name.
pub(in crate::tasks) const NAME: &str = "r4.runaway_sleep";

/// How long it may take.
pub(in crate::tasks) const LIMITS: Limits = Limits::of_seconds(2, 4);

/// How long it takes, unless `args` say otherwise.
const SECONDS: u64 = 30;

/// How it is done.
pub(in crate::tasks) const COMPUTING: Computing = Computing {
    input: |job| Box::pin(async move { input(&job) }),
    compute: sleep,
    settle,
};

fn input(job: &Job<'_>) -> Result<Value, TaskError> {
    match job.task.args.get("seconds") {
        None => Ok(json!(SECONDS)),
        Some(seconds) if seconds.as_u64().is_some_and(|seconds| seconds <= 3600) => Ok(seconds.clone()),
        Some(_) => Err(TaskError::Refused("`seconds` is not a number up to 3600")),
    }
}

/// Sleeps, deaf to SIGTERM.
fn sleep(input: &Value) -> Result<Value, &'static str> {
    let seconds = input.as_u64().ok_or("the input is no number of seconds")?;
    deaf::to_sigterm()?;
    std::thread::sleep(Duration::from_secs(seconds));
    Ok(json!({ "slept_seconds": seconds }))
}

fn settle(_: Job<'_>, computed: Computed) -> Ending<'_> {
    Box::pin(async move { computed.map_err(TaskError::from) })
}
