//! The native substrate with real processes and a real Postgres.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod acts;
mod bring_up;
mod cluster;
mod exec;
mod house;
mod inside;
mod leaving;
mod scratch;
