//! The tasks: what a worker can be asked to do. Each is one file and one line of the catalogue.

mod error;
pub(crate) mod health_probe;
pub(crate) mod recompute_window;
pub(crate) mod refresh_all;

use std::pin::Pin;

use serde_json::Value;
use sqlx::PgConnection;

pub(crate) use self::error::TaskError;
use crate::{queue::Task, settings};

/// Every task there is. Metrics know no other label.
pub(crate) static CATALOGUE: &[Entry] = &[
    Entry::new(
        health_probe::NAME,
        "housekeeping",
        Work::Transaction(|job| Box::pin(health_probe::run(job))),
    ),
    Entry::new(
        recompute_window::NAME,
        "attribution",
        Work::Transaction(|job| Box::pin(recompute_window::run(job))),
    ),
    Entry::new(
        refresh_all::NAME,
        "maintenance",
        Work::Transaction(|job| Box::pin(refresh_all::run(job))),
    ),
];

/// A line of the catalogue.
pub(crate) struct Entry {
    /// The task's name.
    pub(crate) name: &'static str,
    /// The queue it stands on.
    pub(crate) queue: &'static str,
    /// How it is done.
    pub(crate) work: Work,
}

impl Entry {
    const fn new(name: &'static str, queue: &'static str, work: Work) -> Self {
        Self { name, queue, work }
    }
}

/// How a task is done.
pub(crate) enum Work {
    /// In one transaction, the one that acknowledges it: its effect and its end are one.
    Transaction(Run),
}

/// What does a task. Returns what is kept as its result.
pub(crate) type Run = for<'a> fn(Job<'a>) -> Ending<'a>;

/// The future of a task.
pub(crate) type Ending<'a> = Pin<Box<dyn Future<Output = Result<Value, TaskError>> + Send + 'a>>;

/// What a task is given.
pub(crate) struct Job<'a> {
    /// The database, in the context of the task's tenant.
    pub(crate) connection: &'a mut PgConnection,
    /// What was asked for.
    pub(crate) task: &'a Task,
    /// What the worker is told.
    pub(crate) settings: &'a settings::Worker,
}

/// The entry of a task, if there is such a task.
pub(crate) fn entry(name: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.name == name)
}
