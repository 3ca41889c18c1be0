//! The docker substrate with a real engine, and images that the tests make themselves. Without an engine they fail:
//! `scripts/setup` says what is missing.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod acts;
mod bring_up;
mod events;
mod exec;
mod house;
mod inside;
mod leaving;
mod links;
mod pull;
mod refused;
mod scratch;
mod silence;
mod tenure;
mod usage;
