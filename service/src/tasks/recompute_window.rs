//! `attribution.recompute_window`: every event of one tenant's UTC day gets its shares.

use chrono::{Days, NaiveDate, NaiveTime};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Job, TaskError};

/// Its name.
pub(crate) const NAME: &str = "attribution.recompute_window";

/// The one model there is: an even split.
pub(crate) const MODEL_VERSION: &str = "1.0.0";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Args {
    day: NaiveDate,
    model_version: String,
}

/// The revenue of each event is split evenly over three channels, in whole cents; what is left over goes to the first.
/// Only shares that are missing or wrong are written, so a day that is already right costs a read. What is stored is
/// looked up share by share: as a join it would be quadratic under a planner that has no statistics yet.
const RECOMPUTE: &str = "
    insert into attribution_allocations as a
           (tenant_id, event_id, model_version, channel_code, allocated_revenue_cents)
    select e.tenant_id, e.id, $3, c.code, share.cents
      from attribution_events e
     cross join unnest(array['direct', 'email', 'google_search_paid']) with ordinality as c (code, place)
     cross join lateral (
             select e.revenue_cents / 3 + case when c.place = 1 then e.revenue_cents % 3 else 0 end as cents
           ) share
     where e.event_timestamp >= $1 and e.event_timestamp < $2
       and share.cents is distinct from (
             select x.allocated_revenue_cents from attribution_allocations x
              where x.event_id = e.id and x.model_version = $3 and x.channel_code = c.code)
        on conflict (event_id, model_version, channel_code) do update
       set allocated_revenue_cents = excluded.allocated_revenue_cents, updated_at = clock_timestamp()";

/// Computes one day. The tenant is the transaction's context; row security adds it to every condition above.
pub(crate) async fn run(job: Job<'_>) -> Result<Value, TaskError> {
    let args = Args::deserialize(&job.task.args)
        .map_err(|_| TaskError::Refused("`args` is not a day and a model version"))?;
    if args.model_version != MODEL_VERSION {
        return Err(TaskError::Refused("there is no such model version"));
    }
    let start = args.day.and_time(NaiveTime::MIN).and_utc();
    let end = start
        .checked_add_days(Days::new(1))
        .ok_or(TaskError::Refused("the day is out of range"))?;
    let written = sqlx::query(RECOMPUTE)
        .bind(start)
        .bind(end)
        .bind(MODEL_VERSION)
        .execute(job.connection)
        .await?
        .rows_affected();
    Ok(json!({ "shares_written": written }))
}
