//! `matviews.refresh_all`: what every tenant is shown is computed again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Job, TaskError};

/// Its name.
pub(crate) const NAME: &str = "matviews.refresh_all";

/// The views, in the order in which they are refreshed.
pub(crate) const VIEWS: [&str; 5] = [
    "mv_allocation_summary",
    "mv_channel_performance",
    "mv_daily_revenue_summary",
    "mv_realtime_revenue",
    "mv_reconciliation_status",
];

/// What became of one view.
#[derive(Debug, Serialize, Deserialize, sqlx::FromRow)]
pub(crate) struct Refreshed {
    /// The view.
    pub(crate) view_name: String,
    /// How it ended.
    #[sqlx(try_from = "String")]
    pub(crate) outcome: Outcome,
    /// How long it took, in microseconds.
    took_us: i64,
    /// The SQLSTATE of a failure.
    error_code: Option<String>,
}

impl Refreshed {
    /// How long it took.
    pub(crate) fn took(&self) -> Duration {
        Duration::from_micros(self.took_us.unsigned_abs())
    }
}

/// How the refresh of a view ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    /// It shows what is there.
    Success,
    /// Somebody else is refreshing it.
    Skipped,
    /// It could not be computed, and shows what it showed before.
    Failed,
}

impl Outcome {
    /// The word that is stored and counted.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

impl TryFrom<String> for Outcome {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        [Self::Success, Self::Skipped, Self::Failed]
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
            .ok_or(word)
    }
}

/// Refreshes all five. A view that fails, or is being refreshed by somebody else, costs the others nothing: the
/// database keeps what succeeded, and asks for another refresh in this same transaction.
pub(crate) async fn run(job: Job<'_>) -> Result<Value, TaskError> {
    let views: Vec<Refreshed> =
        sqlx::query_as("select view_name, outcome, took_us, error_code from refresh_matviews()")
            .fetch_all(job.connection)
            .await?;
    for view in views.iter().filter(|view| view.outcome == Outcome::Failed) {
        tracing::warn!(
            view = view.view_name,
            sqlstate = view.error_code,
            task_id = %job.task.id,
            "a view was not refreshed"
        );
    }
    Ok(json!({ "views": views }))
}

/// What a refresh that has ended says about its views. Nothing for any other task.
pub(crate) fn refreshed(task: &str, result: &Value) -> Vec<Refreshed> {
    if task != NAME {
        return Vec::new();
    }
    Vec::deserialize(&result["views"]).unwrap_or_default()
}
