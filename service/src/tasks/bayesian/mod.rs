//! `bayesian.run_mcmc_inference`: how much of a tenant's revenue each channel brings in, and how sure that is, as chains
//! of a sampler find it. When they take too long the last touch stands in for them, and says that it does.
//!
//! `args` says what may be asked, `seen` what there is to go by, `model` what is believed about it, `sampler` draws,
//! `diagnosis` tells what the draws are worth, `inference` puts them together in the child, `record` is what is kept.

mod args;
mod diagnosis;
mod gamma;
mod inference;
mod model;
mod record;
mod sampler;
mod seen;
mod simplex;

use serde_json::Value;

use self::{
    args::Asked,
    inference::{Inference, Input},
    record::Record,
    seen::Seen,
};
use super::{Computed, Computing, Ending, Job, TaskError};

/// Its name.
pub(super) const NAME: &str = "bayesian.run_mcmc_inference";

/// The name of a probe of the queue that it stands on.
pub(super) const HEALTH_PROBE: &str = "bayesian.health_probe";

/// How it is done.
pub(super) const COMPUTING: Computing = Computing {
    input: |job| Box::pin(input(job)),
    compute: inference::compute,
    settle,
};

async fn input(job: Job<'_>) -> Result<Value, TaskError> {
    let Asked {
        lookback_days,
        plan,
        deaf,
    } = Asked::of(&job)?;
    let seen = Seen::read(job.connection, lookback_days).await?;
    serde_json::to_value(Input { plan, deaf, seen }).map_err(|_| TaskError::Failed("the input is no JSON"))
}

/// Writes the one row of the task. An overrun is settled here and not tried again: what stands in for the posterior is
/// the effect, and it is acknowledged with it.
fn settle(job: Job<'_>, computed: Computed) -> Ending<'_> {
    Box::pin(async move {
        let record = match computed {
            Ok(inference) => Inference::read(inference)?.into(),
            Err(overrun) => {
                let fallback = Record::fallback(job.connection, overrun).await?;
                tracing::warn!(task_id = %job.task.id, reason = fallback.reason, "an inference fell back");
                fallback
            }
        };
        record.write(job.connection, job.task).await
    })
}
