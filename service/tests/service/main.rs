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

mod amounts;
mod faults;
mod health;
mod idempotency;
mod isolation;
mod letters;
mod load_mix;
mod recompute;
mod settings;
mod signatures;
mod traces;
mod worker;
