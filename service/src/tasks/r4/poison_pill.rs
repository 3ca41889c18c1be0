//! `r4.poison_pill`: always fails, after it has written down that it was tried.

use serde::Deserialize;
use serde_json::Value;

use super::{attempt, on_behalf_of_somebody};
use crate::tasks::{Job, TaskError};

/// Its name.
pub(in crate::tasks) const NAME: &str = "r4.poison_pill";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    /// Whether it takes its thread of work down instead of saying that it failed.
    #[serde(default)]
    panics: bool,
}

/// Fails.
pub(in crate::tasks) async fn run(mut job: Job<'_>) -> Result<Value, TaskError> {
    let args = Args::deserialize(&job.task.args).map_err(|_| TaskError::Refused("`args` is not `panics`"))?;
    on_behalf_of_somebody(job.task)?;
    let task = job.task;
    let mut transaction = job.begin().await?;
    attempt(&mut transaction, task, "poison_pill").await?;
    transaction.commit().await?;
    assert!(!args.panics, "it was made to panic");
    Err(TaskError::Failed("it was made to fail"))
}
