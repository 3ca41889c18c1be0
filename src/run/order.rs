//! What a run is asked to do, and the ways in which it is refused before there is a record.

use std::path::PathBuf;

use serde::Serialize;

use crate::plan::Wish;

/// A run as asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// Suite, profile, gates.
    pub wish: Wish,
    /// Where the services run.
    pub substrate: Wanted,
    /// Where the pack goes; none means what the suite says.
    pub artifact_dir: Option<PathBuf>,
    /// Variables for the compose file besides the suite's.
    pub env_file: Option<PathBuf>,
    /// Leave the topology up at the end.
    pub keep: bool,
}

/// The substrate asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Whatever this machine offers.
    Auto,
    /// Containers.
    Docker,
    /// Processes of this host.
    Native,
}

/// Why there is no run, and so no pack.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub struct Refusal {
    kind: Kind,
    words: String,
}

/// What kind of refusal it is: each has an exit code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command line, the suite, a gate or the compose file is wrong.
    Usage,
    /// The topology cannot come up on this machine.
    NotUp,
    /// The record cannot be written: its disk is full, or its folder is gone.
    Unwritten,
    /// A bug in closure.
    Bug,
}

impl Refusal {
    /// A refusal in words.
    pub(super) fn new(kind: Kind, words: impl Into<String>) -> Self {
        Self {
            kind,
            words: words.into(),
        }
    }

    /// What kind of refusal it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}
