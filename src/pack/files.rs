//! Files by the names they have in a pack: one way to read a record that is still a folder and a pack that is whole.

use std::{
    collections::BTreeMap,
    fs::{self, DirEntry, FileType},
    io,
    path::{Path, PathBuf},
};

use super::{
    finding::{Code, Finding},
    layout::{ARCHIVE, BROKEN, CHECKSUM, METADATA, PART},
};
use crate::name::is_safe_path;

/// Something that holds files under the names of the layout.
pub trait Files {
    /// The names, sorted by their bytes.
    fn paths(&self) -> Vec<String>;
    /// The contents of one file; [`io::ErrorKind::NotFound`] when there is none of this name.
    fn bytes(&self, path: &str) -> io::Result<Vec<u8>>;
}

/// A folder on disk: a record, or an unpacked pack. What lies beside an archive ([`ARCHIVE`] itself, its checksum and
/// metadata) is not counted.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
    files: BTreeMap<String, u64>,
}

impl Folder {
    /// Walk a folder. Whatever a pack may not hold (links, devices, unsafe names, twins) goes to `findings`.
    pub fn walk(root: &Path, findings: &mut Vec<Finding>) -> io::Result<Self> {
        let mut folder = Self {
            root: root.to_owned(),
            files: BTreeMap::new(),
        };
        let mut pending = vec![(root.to_owned(), String::new())];
        while let Some((directory, prefix)) = pending.pop() {
            for entry in fs::read_dir(&directory)? {
                let entry = entry?;
                let Some(name) = name_of(&entry, &prefix, findings) else {
                    continue;
                };
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    pending.push((entry.path(), format!("{name}/")));
                } else if kind.is_file() {
                    folder.files.insert(name, entry.metadata()?.len());
                } else {
                    findings.push(irregular(&name, kind));
                }
            }
        }
        folder.files.retain(|name, _| !is_beside(name));
        folder.find_twins(findings);
        Ok(folder)
    }

    /// Names and sizes.
    pub fn files(&self) -> &BTreeMap<String, u64> {
        &self.files
    }

    /// Open one file.
    pub fn open(&self, path: &str) -> io::Result<fs::File> {
        if self.files.contains_key(path) {
            fs::File::open(self.root.join(path))
        } else {
            Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("no `{path}` in the folder"),
            ))
        }
    }

    fn find_twins(&self, findings: &mut Vec<Finding>) {
        let mut folded = BTreeMap::new();
        for name in self.files.keys() {
            if let Some(twin) = folded.insert(name.to_lowercase(), name) {
                findings.push(Finding::new(
                    Code::CaseFoldTwin,
                    name,
                    "name of the file",
                    "one spelling",
                    twin,
                ));
            }
        }
    }
}

impl Files for Folder {
    fn paths(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }

    fn bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut self.open(path)?, &mut bytes)?;
        Ok(bytes)
    }
}

/// What lies beside the archive is not covered by it.
fn is_beside(name: &str) -> bool {
    [ARCHIVE, CHECKSUM, METADATA, BROKEN, PART].contains(&name)
}

fn name_of(entry: &DirEntry, prefix: &str, findings: &mut Vec<Finding>) -> Option<String> {
    let own = entry.file_name();
    let name = own.to_str().map(|own| format!("{prefix}{own}"));
    if let Some(name) = name.filter(|name| is_safe_path(name)) {
        return Some(name);
    }
    let actual = format!("{prefix}{}", own.to_string_lossy().escape_debug());
    let expected = "UTF-8 without control characters, `\\` and `:`, at most 240 bytes";
    findings.push(Finding::new(
        Code::UnsafeName,
        actual.clone(),
        "name of the file",
        expected,
        actual,
    ));
    None
}

fn irregular(name: &str, kind: FileType) -> Finding {
    let (code, actual) = if kind.is_symlink() {
        (Code::SymbolicLink, "a symbolic link")
    } else {
        (Code::SpecialFile, "a device, a pipe or a socket")
    };
    Finding::new(code, name, "kind of the file", "a plain file", actual)
}
