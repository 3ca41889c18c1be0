//! The service against a real Postgres and real HTTP. One binary, so that one cluster serves every test.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should say where and stop"
)]

mod cluster;
mod deployment;
mod footprint;
mod task;
mod tokens;
mod vendors;
mod webhook;

mod amounts;
mod authentication;
mod bayesian;
mod contexts;
mod contract;
mod drills;
mod faults;
mod health;
mod health_contract;
mod idempotency;
mod isolation;
mod ledger;
mod letters;
mod limits;
mod llm;
mod load_mix;
mod matviews;
mod one_process;
mod problems;
mod provider;
mod queue;
mod recompute;
mod reconciliation;
mod revenue;
mod settings;
mod signatures;
mod strangers;
mod traces;
mod upkeep;
mod worker;
