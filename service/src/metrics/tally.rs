//! What a worker counts: attempts by task, refreshes by view. Labels come from the catalogue and the list of views, and
//! there is no other way to one.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::durations::Durations;
use crate::{
    settings::Stage,
    tasks::{
        self,
        refresh_all::{Outcome, Refreshed, VIEWS},
    },
};

/// The label of what is in no list.
const UNKNOWN: &str = "unknown";

/// All that was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// By task name.
    pub(super) tasks: BTreeMap<String, Counts>,
    /// Ended refreshes by view and outcome.
    pub(super) matviews: BTreeMap<String, BTreeMap<String, Durations>>,
}

/// What was counted of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) started: u64,
    pub(super) success: u64,
    pub(super) failure: u64,
    /// Of ended attempts.
    pub(super) durations: Durations,
}

impl Tally {
    /// The counts of a task.
    pub(super) fn of(&mut self, task: &str) -> &mut Counts {
        let entry = tasks::entry(task, Stage::Test);
        let label = entry.map_or(UNKNOWN, |entry| entry.name);
        self.tasks.entry(label.to_owned()).or_default()
    }

    /// Counts the refresh of one view.
    pub(super) fn refreshed(&mut self, view: &Refreshed) {
        self.view(&view.view_name, view.outcome.as_str())
            .observe(view.took());
    }

    /// Adds what another process counted.
    pub(super) fn add(&mut self, other: &Self) {
        for (task, counts) in &other.tasks {
            self.of(task).add(counts);
        }
        for (view, outcomes) in &other.matviews {
            for (outcome, durations) in outcomes {
                self.view(view, outcome).add(durations);
            }
        }
    }

    fn view(&mut self, view: &str, outcome: &str) -> &mut Durations {
        let view = VIEWS.into_iter().find(|known| *known == view).unwrap_or(UNKNOWN);
        let outcome = Outcome::try_from(outcome.to_owned()).map_or(UNKNOWN, Outcome::as_str);
        let outcomes = self.matviews.entry(view.to_owned()).or_default();
        outcomes.entry(outcome.to_owned()).or_default()
    }
}

impl Counts {
    /// Counts an attempt that ended.
    pub(super) fn ended(&mut self, well: bool, took: Duration) {
        *(if well {
            &mut self.success
        } else {
            &mut self.failure
        }) += 1;
        self.durations.observe(took);
    }

    fn add(&mut self, other: &Self) {
        self.started += other.started;
        self.success += other.success;
        self.failure += other.failure;
        self.durations.add(&other.durations);
    }
}
