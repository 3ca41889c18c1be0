//! The conductor: the corridor, one call per line.

mod conduct;
mod doctor;
mod ending;
mod fill;
mod finish;
mod gate;
mod ground;
mod interrupt;
mod looks;
mod names;
mod news;
mod order;
mod overrides;
mod passage;
mod seal;
mod span;
mod stage;
mod subject;
mod substrate;
mod triplet;
mod walk;
mod when;

use std::path::PathBuf;

use crate::{digest::Digest, report::Case};

pub use conduct::run;
pub use doctor::{Checkup, Item, Standing, examine};
pub use ending::Ending;
pub use news::{News, Tell};
pub use order::{Kind, Order, Refusal, Wanted};

/// What a run came to. The pack is on disk, and was verified.
pub struct Ran {
    /// The record, read back and judged.
    pub case: Case,
    /// How the run ended.
    pub ending: Ending,
    /// The sealed pack.
    pub archive: PathBuf,
    /// Its SHA-256.
    pub sha256: Digest,
    /// What `verify` found wrong with our own pack: a bug in closure.
    pub broken_pack: Option<String>,
    /// What teardown could not remove.
    pub left_behind: Vec<String>,
}
