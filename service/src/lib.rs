//! A revenue-attribution backend: signed vendor webhooks in, attributed revenue out.
//!
//! The rooms, in the order a payment walks through them. The story begins in `migrations/`: what may be true at all
//! is said there, and the code below only asks for it.

/// The command line: which role this process plays, and what its end means.
pub mod cli;

/// What the process is told, read once from its environment.
mod settings;

/// The log: JSON lines on stdout.
mod log;

/// The end: both signals, with a bound.
mod shutdown;

/// Postgres: pools, and the migrations.
mod db;

/// Tenants: whose key this is, and what their vendors sign with.
mod tenants;

/// Tokens: who calls, and what they may do.
mod auth;

/// Ingestion: from the signed bytes of a webhook to a committed row.
mod ingest;

/// Reconciliation: claims of platforms against captured money.
mod reconciliation;

/// Realtime revenue: what the platforms say, asked once for all who ask.
mod revenue;

/// Language models: who may ask one, what it may cost, and how it is spoken to.
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        unused_imports,
        reason = "the boundary that calls it comes with the next migration"
    )
)]
mod llm;

/// The queue: asking for work, handing it out, ending it.
mod queue;

/// The tasks themselves, one file each.
mod tasks;

/// The worker: lanes that claim, run and acknowledge.
mod worker;

/// Health: what may be said about this process and the ones beside it.
mod health;

/// Metrics: of the API, of the queue, and of the worker through its shards.
mod metrics;

/// HTTP: routes, problems, correlation.
mod api;

/// The outside world, played for tests and gates.
mod mock_platform;

/// One file per role: what it reads, what it starts, when it ends.
mod roles;
