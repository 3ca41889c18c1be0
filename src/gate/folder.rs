//! A suite's folder on disk.

use std::{collections::BTreeMap, fs, io, path::Path};

use super::{
    complaint::{Complaints, Pile, Spot},
    model::Suite,
    read::read_from,
};
use crate::name::is_safe_path;

/// How deep a folder of a suite may nest.
const DEEPEST: usize = 6;

/// The largest file a suite is made of, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Read the suite in a folder: `suite.toml`, one folder with a `gate.toml` per gate, and the files they refer to.
///
/// Hidden files are passed over. Fails with every complaint about every file at once.
pub fn read(folder: &Path) -> Result<Suite, Complaints> {
    let label = folder.display().to_string();
    let mut files = BTreeMap::new();
    let mut pile = Pile::default();
    gather(folder, "", DEEPEST, &mut files, &mut |file, problem| {
        let at = if file.is_empty() { label.clone() } else { format!("{label}/{file}") };
        pile.add(&Spot::top(&at), problem);
    });
    pile.finish()?;
    read_from(&files, &label)
}

fn gather(
    folder: &Path,
    prefix: &str,
    depth: usize,
    files: &mut BTreeMap<String, Vec<u8>>,
    complain: &mut impl FnMut(&str, String),
) {
    let entries = match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
        Ok(entries) => entries,
        Err(error) => return complain(prefix.trim_end_matches('/'), format!("cannot be read: {error}")),
    };
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let (file, path) = (format!("{prefix}{name}"), entry.path());
        if name.starts_with('.') || !is_safe_path(&file) {
            continue;
        }
        if path.is_dir() {
            if depth > 0 {
                gather(&path, &format!("{file}/"), depth - 1, files, complain);
            }
            continue;
        }
        match bounded(&path) {
            Ok(bytes) => drop(files.insert(file, bytes)),
            Err(error) => complain(&file, format!("cannot be read: {error}")),
        }
    }
}

fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > LARGEST {
        return Err(io::Error::other(format!("it is larger than {LARGEST} bytes")));
    }
    fs::read(path)
}
