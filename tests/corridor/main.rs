//! The whole binary over the smallest suite: from the command line to a pack that a stranger judges again.
#![cfg(feature = "live")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod auditor;
mod checked;
mod chosen;
mod cloned;
mod contract;
#[path = "../shared/copy.rs"]
mod copy;
mod doctor;
mod explained;
mod full_disk;
mod good;
mod inside;
mod interrupted;
mod killed;
mod lies;
mod not_up;
mod outlives;
mod passing;
mod red;
mod refused;
mod running;
mod sealed;
mod searched;
mod suite;
mod traces;
mod weak;
mod wire;
mod wounds;
