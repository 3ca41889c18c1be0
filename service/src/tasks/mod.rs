//! The tasks: what a worker can be asked to do. Each is one file; its name and queue stand in the catalogue.
//!
//! A task works inside the transaction that will acknowledge it, so its effect and its end are one.

pub(crate) mod health_probe;
pub(crate) mod recompute_window;

use serde_json::Value;
use sqlx::PgConnection;

use crate::{db, queue::Task};

/// A task's name, and the queue it stands on unless somebody says otherwise.
pub(crate) struct Entry {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its queue.
    pub(crate) queue: &'static str,
}

/// Every task there is. Metrics know no other label.
pub(crate) const CATALOGUE: [Entry; 2] = [
    Entry {
        name: health_probe::NAME,
        queue: "housekeeping",
    },
    Entry {
        name: recompute_window::NAME,
        queue: "attribution",
    },
];

/// The entry of a task, if there is such a task.
pub(crate) fn entry(name: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.name == name)
}

/// Why a task did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskError {
    /// It was asked for something that cannot be done, now or later.
    #[error("{0}")]
    Refused(&'static str),
    /// The database did not do it this time.
    #[error("{}", db::words(.0))]
    Database(#[from] sqlx::Error),
    /// It ran into its hard limit and was dropped.
    #[error("the task ran into its hard limit")]
    TimedOut,
}

/// What Postgres says when it cancels a statement, here always for the soft limit.
const QUERY_CANCELED: &str = "57014";

impl TaskError {
    /// The word that is logged, stored and counted.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "validation_error",
            Self::Database(error) if db::is_code(error, QUERY_CANCELED) => "soft_time_limit",
            Self::Database(_) => "database_error",
            Self::TimedOut => "hard_time_limit",
        }
    }

    /// Whether trying again can help.
    pub(crate) const fn may_pass(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

/// Does a task, in the transaction that will acknowledge it. Returns what is kept as its result.
pub(crate) async fn run(connection: &mut PgConnection, task: &Task) -> Result<Value, TaskError> {
    match task.name.as_str() {
        health_probe::NAME => health_probe::run(connection).await,
        recompute_window::NAME => recompute_window::run(connection, &task.args).await,
        _ => Err(TaskError::Refused("there is no such task")),
    }
}
