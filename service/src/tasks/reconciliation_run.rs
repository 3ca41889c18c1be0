//! `reconciliation.run`: asks the platforms what they claim, and enters it beside what was captured.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Job, TaskError};
use crate::reconciliation::{
    claims,
    entry::{self, Outcome},
};

/// Its name.
pub(crate) const NAME: &str = "reconciliation.run";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    /// The run that it is the work of.
    run_id: Uuid,
    /// Whose payments are meant; all when it is left out.
    platform: Option<String>,
}

/// Enters every payment that is claimed. The result becomes the run's own record; a run whose task is given up failed.
pub(crate) async fn run(job: Job<'_>) -> Result<Value, TaskError> {
    let args = Args::deserialize(&job.task.args)
        .map_err(|_| TaskError::Refused("there is no run: ask for one at POST /api/reconciliation/sync"))?;
    let tenant = job
        .task
        .tenant_id
        .ok_or(TaskError::Refused("it is done for a tenant"))?;
    let claimed = claims::ask(&job.settings.platforms, tenant)
        .await
        .map_err(TaskError::Failed)?;
    let (mut written, mut existing, mut incomparable) = (0, 0, 0);
    for (transaction, claimed) in &claimed {
        let platform = args.platform.as_deref();
        match entry::write(
            job.connection,
            tenant,
            args.run_id,
            platform,
            transaction,
            claimed,
        )
        .await?
        {
            Outcome::Written => written += 1,
            Outcome::Existing => existing += 1,
            Outcome::Incomparable => incomparable += 1,
            Outcome::Elsewhere => {}
        }
    }
    Ok(json!({ "written": written, "existing": existing, "incomparable": incomparable }))
}
