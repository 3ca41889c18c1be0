//! The tasks: what a worker can be asked to do. Each is one file and one line of the catalogue.

mod bayesian;
mod deaf;
mod error;
pub(crate) mod health_probe;
pub(crate) mod llm;
pub(crate) mod pii_scan;
mod r4;
pub(crate) mod recompute_window;
pub(crate) mod reconciliation_run;
pub(crate) mod refresh_all;
pub(crate) mod retention;

use std::{pin::Pin, time::Duration};

use serde_json::Value;
use sqlx::{PgConnection, Postgres, Transaction};

pub(crate) use self::error::{Overrun, TaskError};
use crate::{
    queue::{self, Task},
    settings::{self, Limits, Stage},
};

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
    Entry::new(
        pii_scan::NAME,
        "maintenance",
        Work::Transaction(|job| Box::pin(pii_scan::run(job))),
    ),
    Entry::new(
        retention::NAME,
        "maintenance",
        Work::Transaction(|job| Box::pin(retention::run(job))),
    ),
    Entry::new(
        reconciliation_run::NAME,
        "maintenance",
        Work::Transaction(|job| Box::pin(reconciliation_run::run(job))),
    ),
    Entry::new(llm::route::NAME, "llm", Work::Asking(llm::route::ASKING)),
    Entry::new(
        llm::explanation::NAME,
        "llm",
        Work::Asking(llm::explanation::ASKING),
    ),
    Entry::new(
        llm::investigation::NAME,
        "llm",
        Work::Asking(llm::investigation::ASKING),
    ),
    Entry::new(
        llm::budget_optimization::NAME,
        "llm",
        Work::Asking(llm::budget_optimization::ASKING),
    ),
    Entry::new(bayesian::NAME, "llm", Work::Computing(bayesian::COMPUTING))
        .limited(|settings| settings.bayesian_limits),
    Entry::new(
        bayesian::HEALTH_PROBE,
        "llm",
        Work::Transaction(|job| Box::pin(health_probe::run(job))),
    ),
    Entry::new(
        r4::poison_pill::NAME,
        "maintenance",
        Work::Steps(|job| Box::pin(r4::poison_pill::run(job))),
    )
    .in_tests_only(),
    Entry::new(
        r4::crash_after_write_pre_ack::NAME,
        "maintenance",
        Work::Steps(|job| Box::pin(r4::crash_after_write_pre_ack::run(job))),
    )
    .in_tests_only(),
    Entry::new(
        r4::rls_cross_tenant_probe::NAME,
        "maintenance",
        Work::Transaction(|job| Box::pin(r4::rls_cross_tenant_probe::run(job))),
    )
    .in_tests_only(),
    Entry::new(
        r4::runaway_sleep::NAME,
        "maintenance",
        Work::Computing(r4::runaway_sleep::COMPUTING),
    )
    .limited(|_| r4::runaway_sleep::LIMITS)
    .in_tests_only(),
    Entry::new(
        r4::sentinel_side_effect::NAME,
        "maintenance",
        Work::Transaction(|job| Box::pin(r4::sentinel_side_effect::run(job))),
    )
    .in_tests_only(),
    Entry::new(
        r4::privilege_probes::NAME,
        "maintenance",
        Work::Transaction(|job| Box::pin(r4::privilege_probes::run(job))),
    )
    .in_tests_only(),
];

/// A line of the catalogue.
pub(crate) struct Entry {
    /// The task's name.
    pub(crate) name: &'static str,
    /// The queue it stands on.
    pub(crate) queue: &'static str,
    /// How it is done.
    pub(crate) work: Work,
    /// How long it may take.
    pub(crate) limits: fn(&settings::Worker) -> Limits,
    /// Whether it proves something about the worker and is not there in production.
    is_test: bool,
}

impl Entry {
    const fn new(name: &'static str, queue: &'static str, work: Work) -> Self {
        Self {
            name,
            queue,
            work,
            limits: |settings| settings.limits,
            is_test: false,
        }
    }

    /// With limits of its own.
    const fn limited(mut self, limits: fn(&settings::Worker) -> Limits) -> Self {
        self.limits = limits;
        self
    }

    const fn in_tests_only(mut self) -> Self {
        self.is_test = true;
        self
    }
}

/// How a task is done.
pub(crate) enum Work {
    /// In one transaction, the one that acknowledges it: its effect and its end are one.
    Transaction(Run),
    /// In transactions of its own, which it begins with [`Job::begin`]. It is acknowledged in one more, after the
    /// last: a step that was committed may be done again.
    Steps(Run),
    /// By a process of its own between two transactions.
    Computing(Computing),
    /// By asking a provider between two transactions, the second of which acknowledges it; or in one, when nobody is
    /// to be asked.
    Asking(llm::Asking),
}

/// Work that computes.
pub(crate) struct Computing {
    /// Reads what is to be computed.
    pub(crate) input: Run,
    /// Computes it, in the child: no database, no environment.
    pub(crate) compute: fn(&Value) -> Result<Value, &'static str>,
    /// Writes what was computed, or what holds when that took too long, in the transaction that acknowledges it.
    pub(crate) settle: for<'a> fn(Job<'a>, Computed) -> Ending<'a>,
}

/// What came of a computation.
pub(crate) type Computed = Result<Value, Overrun>;

/// Does a task, or a part of it. Returns what is kept as its result, or handed to the next part.
pub(crate) type Run = for<'a> fn(Job<'a>) -> Ending<'a>;

/// The future of a task.
pub(crate) type Ending<'a> = Pin<Box<dyn Future<Output = Result<Value, TaskError>> + Send + 'a>>;

/// What a task is given.
pub(crate) struct Job<'a> {
    /// The database: of a `Transaction`, in the context of the task's tenant; of `Steps`, outside of any transaction.
    pub(crate) connection: &'a mut PgConnection,
    /// What was asked for.
    pub(crate) task: &'a Task,
    /// What the worker is told.
    pub(crate) settings: &'a settings::Worker,
    /// What no statement may exceed.
    pub(crate) hard_limit: Duration,
}

impl Job<'_> {
    /// Begins a transaction in the context of the task's tenant.
    pub(crate) async fn begin(&mut self) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
        queue::begin_on(self.connection, self.task.tenant_id, self.hard_limit).await
    }
}

/// The entry of a task, if there is such a task on this stage.
pub(crate) fn entry(name: &str, stage: Stage) -> Option<&'static Entry> {
    catalogue(stage).find(|entry| entry.name == name)
}

/// Every task there is on this stage.
pub(crate) fn catalogue(stage: Stage) -> impl Iterator<Item = &'static Entry> {
    CATALOGUE
        .iter()
        .filter(move |entry| stage == Stage::Test || !entry.is_test)
}
