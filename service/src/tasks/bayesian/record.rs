//! What is kept of an inference: one row of `bayesian_inferences`, and the same as the task's result.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{inference::Inference, seen::Seen};
use crate::{
    queue::Task,
    tasks::{Overrun, TaskError},
};

/// What stands in for a posterior.
const FALLBACK_MODEL: &str = "deterministic_last_touch";

/// How far back it looks, whatever was asked: it must not be what takes too long.
const FALLBACK_LOOKBACK_DAYS: i32 = 30;

/// The row.
#[derive(Serialize)]
pub(super) struct Record {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_model: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fallback_lookback_days: Option<i32>,
    window_start: DateTime<Utc>,
    window_end: DateTime<Utc>,
    currency: Option<String>,
    other_events: i64,
    total_cents: i64,
    channels: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    sampling: Option<Value>,
}

impl Record {
    /// Each channel has the revenue of the payments that came through it last: what the events say of themselves, summed
    /// up in whole cents by the database.
    pub(super) async fn fallback(connection: &mut PgConnection, overrun: Overrun) -> Result<Self, TaskError> {
        let seen = Seen::read(connection, FALLBACK_LOOKBACK_DAYS).await?;
        let channels = seen.channels.iter().map(|seen| {
            json!({ "channel": seen.channel, "events": seen.events, "revenue_cents": seen.revenue_cents })
        });
        Ok(Self {
            reason: Some(match overrun {
                Overrun::Soft => "bayesian_soft_time_limit_exceeded",
                Overrun::Hard => "bayesian_hard_time_limit_exceeded",
            }),
            fallback_model: Some(FALLBACK_MODEL),
            fallback_lookback_days: Some(FALLBACK_LOOKBACK_DAYS),
            ..Self::of("fallback", channels.collect(), seen)
        })
    }

    /// Writes the row of a task, which must be its only one. Returns the task's result.
    pub(super) async fn write(self, connection: &mut PgConnection, task: &Task) -> Result<Value, TaskError> {
        let result = serde_json::to_value(&self).map_err(|_| TaskError::Failed("the record is no JSON"))?;
        sqlx::query(
            "insert into bayesian_inferences (tenant_id, task_id, correlation_id, status, reason, fallback_model,
                    fallback_lookback_days, window_start, window_end, currency, other_events, total_cents, channels,
                    sampling)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        )
        .bind(task.tenant_id)
        .bind(task.id)
        .bind(task.correlation_id)
        .bind(self.status)
        .bind(self.reason)
        .bind(self.fallback_model)
        .bind(self.fallback_lookback_days)
        .bind(self.window_start)
        .bind(self.window_end)
        .bind(self.currency)
        .bind(self.other_events)
        .bind(self.total_cents)
        .bind(self.channels)
        .bind(self.sampling)
        .execute(connection)
        .await?;
        Ok(result)
    }

    fn of(status: &'static str, channels: Value, seen: Seen) -> Self {
        Self {
            status,
            reason: None,
            fallback_model: None,
            fallback_lookback_days: None,
            window_start: seen.window_start,
            window_end: seen.window_end,
            other_events: seen.other_events,
            total_cents: seen.total_cents(),
            currency: seen.currency,
            channels,
            sampling: None,
        }
    }
}

impl From<Inference> for Record {
    fn from(inference: Inference) -> Self {
        match inference {
            Inference::Computed {
                seen,
                shares,
                sampling,
            } => Self {
                sampling: Some(json!(sampling)),
                ..Self::of("computed", json!(shares), seen)
            },
            Inference::NoData { seen } => Self::of("no_data", json!([]), seen),
        }
    }
}
