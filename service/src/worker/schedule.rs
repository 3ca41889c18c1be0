//! Work that nobody asks for, at its times. Every worker keeps the schedule; the database gives each slot to one.

use std::{sync::Arc, time::Duration};

use super::Shared;
use crate::{
    db,
    queue::{self, Pace},
    settings::{self, Stage},
    tasks::{self, Entry, pii_scan, retention},
};

/// The longest time between two looks at the schedule.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

struct Schedule {
    name: &'static str,
    /// The task it asks for. A schedule whose task is not in the catalogue is not kept.
    task: &'static str,
    pace: fn(&settings::Worker) -> Pace,
}

const SCHEDULES: [Schedule; 3] = [
    Schedule {
        name: "matviews.pulse",
        task: "matviews.refresh_all",
        pace: |settings| Pace::Every(settings.matview_pulse),
    },
    Schedule {
        name: "privacy.pii_scan",
        task: pii_scan::NAME,
        pace: |settings| Pace::Daily(settings.pii_scan_at),
    },
    Schedule {
        name: "privacy.retention",
        task: retention::NAME,
        pace: |settings| Pace::Daily(settings.retention_at),
    },
];

/// Keeps the schedule, for ever.
pub(super) async fn keep(shared: Arc<Shared>) {
    let Shared { pool, settings, .. } = &*shared;
    let kept: Vec<(&Schedule, &'static Entry)> = SCHEDULES
        .iter()
        .filter_map(|schedule| Some((schedule, tasks::entry(schedule.task, Stage::Production)?)))
        .collect();
    let wait = (settings.matview_pulse / 4).min(LONGEST_WAIT);
    loop {
        for (schedule, entry) in &kept {
            let pace = (schedule.pace)(settings);
            match queue::run_due_slot(pool, schedule.name, pace, entry.queue, entry.name).await {
                Ok(None) => {}
                Ok(Some(task)) => {
                    tracing::info!(schedule = schedule.name, task_id = %task, "a slot was due");
                }
                Err(error) => {
                    tracing::warn!(
                        schedule = schedule.name,
                        error = db::words(&error),
                        "not looked at"
                    );
                }
            }
        }
        tokio::time::sleep(wait).await;
    }
}
