//! The record: a run folder while it is being written. Appended to as things happen, so that a crash leaves paper.
//!
//! `Record` writes, `RecordRead` reads back, the same way from a folder that was never sealed and from a whole
//! pack. What was not redacted does not get past this room.

pub mod physics;

mod folder;
mod lines;
mod read;
mod record;

pub use folder::CreateError;
pub use read::{Event, ReadError, RecordRead, read_lines};
pub use record::Record;
