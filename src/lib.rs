//! `closure` proves that a composed service is ready to operate, and leaves a pack that anyone can re-check.
//!
//! This page is the table of contents: the rooms in the order in which the data walks through them.
//! A room leans only on rooms above it; `tests/house.rs` keeps it so.

// Checked names: ids of gates, names of probes, of services, of files in a pack.
pub mod name;

// SHA-256, in the one spelling the pack uses.
pub mod digest;

// What may not reach paper: every secret of a run by value, with its encodings.
pub mod redact;

// The outcome lattice: `pass < unproven < inconclusive < not_run < fail`.
pub mod outcome;

// What was seen: passes, looks, controls, exactly as they go to paper.
pub mod observation;

// One HTTP request and its response, as the one recorder wrote it.
pub mod exchange;

// Common Expression Language: sentences, texts, scopes, pure functions. The one room that names the crate.
pub mod cel;

// `suite.toml` and `gate.toml`, read into gates or into every complaint at once.
pub mod gate;

// The compose file, read into the model we promise to honour.
pub mod compose;

// Requests and rows into figures: percentiles, adherence, conservation by key. Pure.
pub mod account;

// A service's contract against what it said: every exchange on record, and real bodies broken on purpose. Pure.
pub mod contract;

// What is going to be done, frozen before anything starts.
pub mod plan;

// Observations into outcomes: one function, live and offline.
pub mod judge;

// The pack's layout: manifest, seal, canonical zip, strict reading.
pub mod pack;

// The record, appended to as things happen.
pub mod evidence;

// Everything derived from the record: summaries, reports, tables. Pure functions.
pub mod report;

// A whole pack into a verified one: everything made again and compared.
pub mod verify;

// What is weak in a suite that is well formed: claims nothing could refute, secrets that need not be told.
pub mod lint;

// Bring-up and teardown of the composed services.
#[cfg(feature = "live")]
pub mod topology;

// The doing world: minting, signing, clocks; evaluates the texts of a gate while it runs.
#[cfg(feature = "live")]
pub mod doing;

// The open-model load driver.
#[cfg(feature = "live")]
pub mod load;

// Looks at the running topology, one file a kind.
#[cfg(feature = "live")]
pub mod probe;

// Changes with their witness and their undoing, one file a kind.
#[cfg(feature = "live")]
pub mod control;

// The conductor.
#[cfg(feature = "live")]
pub mod run;

// The only voice: arguments, progress, words, exit codes.
pub mod cli;
