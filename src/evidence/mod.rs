//! The record: a run folder while it is being written. Appended to as things happen, so that a crash leaves paper.
//!
//! What was not redacted does not get past this room. `verify` reads records back, sealed or not.

pub mod physics;

mod folder;
mod lines;
mod record;

pub use folder::CreateError;
pub use record::Record;
