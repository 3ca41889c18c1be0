//! Appending lines to a file that is read while it grows: each line is written at once, and nothing is held back.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

/// A file of lines, open for appending.
#[derive(Debug)]
pub(super) struct Lines(Mutex<File>);

impl Lines {
    /// Open a file of lines that is not there yet.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        File::options()
            .append(true)
            .create_new(true)
            .open(path)
            .map(|file| Self(Mutex::new(file)))
    }

    /// Append one value as a line.
    pub(super) fn append(&self, value: &Value) -> io::Result<()> {
        let mut line = value.to_string();
        line.push('\n');
        // One write per line: a thread that dies elsewhere cannot leave half of one behind.
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(line.as_bytes())
    }
}
