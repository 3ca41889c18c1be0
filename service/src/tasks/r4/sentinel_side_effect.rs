//! `r4.sentinel_side_effect`: one row, to be counted by whoever wants to know how often a task had its effect.

use serde_json::{Value, json};

use super::{on_behalf_of_somebody, side_effect};
use crate::tasks::{Job, TaskError};

/// Its name.
pub(in crate::tasks) const NAME: &str = "r4.sentinel_side_effect";

/// Writes the row.
pub(in crate::tasks) async fn run(job: Job<'_>) -> Result<Value, TaskError> {
    on_behalf_of_somebody(job.task)?;
    let wrote = side_effect(job.connection, job.task, "sentinel").await?;
    Ok(json!({ "wrote": wrote }))
}
