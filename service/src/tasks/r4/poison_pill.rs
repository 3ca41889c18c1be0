//! `r4.poison_pill`: always fails, after it has written down that it was tried.

use serde_json::Value;

use super::{attempt, on_behalf_of_somebody};
use crate::tasks::{Job, TaskError};

/// Its name.
pub(in crate::tasks) const NAME: &str = "r4.poison_pill";

/// Fails.
pub(in crate::tasks) async fn run(mut job: Job<'_>) -> Result<Value, TaskError> {
    on_behalf_of_somebody(job.task)?;
    let task = job.task;
    let mut transaction = job.begin().await?;
    attempt(&mut transaction, task, "poison_pill").await?;
    transaction.commit().await?;
    Err(TaskError::Failed("it was made to fail"))
}
