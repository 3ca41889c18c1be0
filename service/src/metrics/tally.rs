//! What is counted: of the tasks, by name; of the views, by how their refreshes ended.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::durations::Durations;
use crate::{
    settings::Stage,
    tasks::{
        self,
        refresh_all::{Outcome, VIEWS},
    },
};

/// All that is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// By task name.
    pub(super) tasks: BTreeMap<String, Counts>,
    /// Refreshes that ended, by view and outcome.
    pub(super) matviews: BTreeMap<String, BTreeMap<Outcome, Durations>>,
}

/// What was counted of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    pub(super) started: u64,
    pub(super) success: u64,
    pub(super) failure: u64,
    /// Of attempts that ended.
    pub(super) durations: Durations,
}

impl Tally {
    /// What is counted of a task.
    pub(super) fn task(&mut self, name: &str) -> &mut Counts {
        self.tasks.entry(label(name).to_owned()).or_default()
    }

    /// What is counted of a view's refreshes that ended so.
    pub(super) fn view(&mut self, name: &str, outcome: Outcome) -> &mut Durations {
        let known = VIEWS.into_iter().find(|known| *known == name);
        let outcomes = self.matviews.entry(known.unwrap_or("unknown").to_owned());
        outcomes.or_default().entry(outcome).or_default()
    }

    /// Adds another tally to this one.
    pub(super) fn add(&mut self, other: &Self) {
        for (name, counts) in &other.tasks {
            let mine = self.task(name);
            mine.started += counts.started;
            mine.success += counts.success;
            mine.failure += counts.failure;
            mine.durations.add(&counts.durations);
        }
        for (name, outcomes) in &other.matviews {
            for (outcome, durations) in outcomes {
                self.view(name, *outcome).add(durations);
            }
        }
    }
}

/// A task's label: its name when it is in the catalogue. There is no other way to a label.
fn label(task: &str) -> &'static str {
    tasks::entry(task, Stage::Test).map_or("unknown", |entry| entry.name)
}
