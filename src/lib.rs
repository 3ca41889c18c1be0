//! `closure` proves that a composed service is ready to operate, and leaves a pack that anyone can re-check.
//!
//! This page is the table of contents: the rooms in the order in which the data walks through them.
//! A room leans only on rooms above it; `tests/house.rs` keeps it so.

/// Requests and rows into figures: percentiles, adherence, conservation by key. Pure.
pub mod account;
/// Common Expression Language: sentences, texts, scopes, pure functions. The one room that names the crate.
pub mod cel;
/// The compose file, read into the model we promise to honour.
pub mod compose;
/// SHA-256, in the one spelling the pack uses.
pub mod digest;
/// One HTTP request and its response, as the one recorder wrote it.
pub mod exchange;
/// `suite.toml` and `gate.toml`, read into gates or into every complaint at once.
pub mod gate;
/// Observations into outcomes: one function, live and offline.
pub mod judge;
/// The open-model load driver.
#[cfg(feature = "live")]
pub mod load;
/// Checked names: ids of gates, names of probes, of services, of files in a pack.
pub mod name;
/// What was seen: passes, looks, controls, exactly as they go to paper.
pub mod observation;
/// The outcome lattice: `pass < unproven < inconclusive < not_run < fail`.
pub mod outcome;
