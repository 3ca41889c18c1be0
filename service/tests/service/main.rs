//! The service against a real Postgres and real HTTP. One binary, so that one cluster serves every test.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should say where and stop"
)]

mod cluster;
mod deployment;
mod task;
mod tokens;
mod webhook;

mod authentication;
mod contract;
mod drills;
mod health;
mod ingestion;
mod isolation;
mod ledger;
mod limits;
mod matviews;
mod problems;
mod queue;
mod recompute;
mod reconciliation;
mod revenue;
mod settings;
mod signatures;
mod upkeep;
mod worker;
