//! The service against a real Postgres and real HTTP. One binary, so that one cluster serves every test.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should say where and stop"
)]

mod cluster;
mod deployment;
mod footprint;
mod vendors;
mod webhook;

mod health;
mod ingestion;
mod isolation;
mod recompute;
mod settings;
mod signatures;
mod vendor_amounts;
mod vendor_faults;
mod vendor_idempotency;
mod vendor_letters;
mod vendor_signatures;
mod vendor_traces;
mod worker;
